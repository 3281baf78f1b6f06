"""What the template deploys, asserted on its expansion: policies to the letter, routes, settings, what is kept.

Run with tests/template/run.sh static.
"""

import fnmatch
import json
import pathlib
import re
import subprocess
import tempfile
import tomllib
import unittest

from expand import expanded

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TEMPLATE = ROOT / "template.yaml"
FUNCTIONS = {
    "serve": "ServeFunction",
    "links": "LinksFunction",
    "acl": "AclFunction",
    "pages": "PagesFunction",
    "jobs": "JobsFunction",
    "copies": "CopiesFunction",
}
TEXT = TEMPLATE.read_text(encoding="utf-8")
STACK = expanded(TEMPLATE)
RESOURCES = STACK["Resources"]


def attribute(resource, name="Arn"):
    return {"Fn::GetAtt": [resource, name]}


def logs_of(group):
    return {
        "Sid": "WriteLogs",
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": attribute(group),
    }


def assume(sid, *roles):
    named = {"Fn::Sub": "arn:${AWS::Partition}:iam::*:role/${SignerRolePattern}"}
    return {"Sid": sid, "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": [*(attribute(role) for role in roles), named]}


def objects_of(buckets):
    return {"Fn::Split": [",", {"Fn::Sub": ["${Arns}/*", {"Arns": {"Fn::Join": ["/*,", {"Ref": buckets}]}}]}]}


READ_BUCKETS = [
    {"Sid": "ReadObjects", "Effect": "Allow", "Action": "s3:GetObject", "Resource": objects_of("DataBucketArns")},
    {"Sid": "TellMissingFromForbidden", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": {"Ref": "DataBucketArns"}},
]
READ_TABLE = {
    "Sid": "ReadTable",
    "Effect": "Allow",
    "Action": ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"],
    "Resource": attribute("Table"),
}
WRITE_TABLE = {
    "Sid": "WriteTable",
    "Effect": "Allow",
    "Action": ["dynamodb:ConditionCheckItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
    "Resource": attribute("Table"),
}
LIST_BY_INDEX = {
    "Sid": "ListByIndex",
    "Effect": "Allow",
    "Action": "dynamodb:Query",
    "Resource": {"Fn::Sub": "${Table.Arn}/index/GSI1"},
}

# Everything that each role may do: a permission that is not written here fails the test, and so does one that is gone.
PERMITTED = {
    "ServeRole": [
        {
            "Sid": "ReadFacts",
            "Effect": "Allow",
            "Action": ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"],
            "Resource": attribute("Table"),
            "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["C#c*", "L#*", "D#*", "S#*", "U#*", "G#*", "P#*", "T#*"]}},
        },
        assume("AssumeSigners", "SignerRole"),
        logs_of("ServeLogs"),
    ],
    "LinksRole": [
        READ_TABLE,
        WRITE_TABLE,
        LIST_BY_INDEX,
        {
            "Sid": "ReadDeploymentSecret",
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": attribute("DeploymentSecret", "Id"),
        },
        logs_of("LinksLogs"),
    ],
    "AclRole": [READ_TABLE, WRITE_TABLE, LIST_BY_INDEX, assume("AssumeSigners", "SignerRole", "CopierRole"), logs_of("AclLogs")],
    "PagesRole": [
        READ_TABLE,
        WRITE_TABLE
        | {
            "Sid": "WritePeople",
            "Action": ["dynamodb:PutItem", "dynamodb:UpdateItem"],
            "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["D#*", "E#*", "G#*", "I#*", "O#*", "P#*", "R#*", "T#*", "U#*", "Z#*"]}},
        },
        {
            "Sid": "CountPasses",
            "Effect": "Allow",
            "Action": "dynamodb:UpdateItem",
            "Resource": attribute("Table"),
            "Condition": {
                "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["L#*"]},
                "ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "sk", "sessions", "version"]},
            },
        },
        {"Sid": "CheckTable", "Effect": "Allow", "Action": "dynamodb:ConditionCheckItem", "Resource": attribute("Table")},
        LIST_BY_INDEX,
        assume("AssumeSigners", "SignerRole"),
        logs_of("PagesLogs"),
    ],
    "JobsRole": [
        {
            "Sid": "ReadFacts",
            "Effect": "Allow",
            "Action": ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"],
            "Resource": attribute("Table"),
            "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["D#*", "G#*", "L#*", "N#*", "O#*", "OT#*", "P#*", "S#*", "U#*", "Z#*"]}},
        },
        {
            "Sid": "WriteNotices",
            "Effect": "Allow",
            "Action": ["dynamodb:PutItem", "dynamodb:UpdateItem"],
            "Resource": attribute("Table"),
            "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["M#*", "O#*", "OT#*", "Z#*"]}},
        },
        {
            "Sid": "NoteEnds",
            "Effect": "Allow",
            "Action": "dynamodb:UpdateItem",
            "Resource": attribute("Table"),
            "Condition": {
                "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["L#*"]},
                "ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "sk", "gsi2pk", "gsi2sk"]},
            },
        },
        {"Sid": "ListDue", "Effect": "Allow", "Action": "dynamodb:Query", "Resource": {"Fn::Sub": "${Table.Arn}/index/GSI2"}},
        {
            "Sid": "ReadStream",
            "Effect": "Allow",
            "Action": ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"],
            "Resource": {"Fn::Sub": "${Table.Arn}/stream/*"},
        },
        {"Sid": "SendDeadLetters", "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": attribute("DeadLetters")},
        logs_of("JobsLogs"),
        # Where a secret is named.
        {
            "Sid": "ReadMailSecret",
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": {"Ref": "MailSecretArn"},
        },
    ],
    "CopiesRole": [
        {
            "Sid": "ReadFacts",
            "Effect": "Allow",
            "Action": ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"],
            "Resource": attribute("Table"),
            "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["D#*", "G#*", "P#*", "S#*", "U#*", "Y#*", "Z#*"]}},
        },
        {
            "Sid": "WriteCopies",
            "Effect": "Allow",
            "Action": "dynamodb:UpdateItem",
            "Resource": attribute("Table"),
            "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["Y#*"]}},
        },
        {
            "Sid": "EndCopies",
            "Effect": "Allow",
            "Action": "dynamodb:UpdateItem",
            "Resource": attribute("Table"),
            "Condition": {
                "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["D#*", "S#*"]},
                "ForAllValues:StringEquals": {
                    "dynamodb:Attributes": ["pk", "sk", "state", "version", "ancestors", "adopting", "dataset"]
                },
            },
        },
        {
            "Sid": "TellEnds",
            "Effect": "Allow",
            "Action": "dynamodb:PutItem",
            "Resource": attribute("Table"),
            "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["O#*", "Z#*"]}},
        },
        {
            "Sid": "CheckRights",
            "Effect": "Allow",
            "Action": "dynamodb:ConditionCheckItem",
            "Resource": attribute("Table"),
            "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["D#*", "G#*", "P#*", "S#*"]}},
        },
        {"Sid": "ListDue", "Effect": "Allow", "Action": "dynamodb:Query", "Resource": {"Fn::Sub": "${Table.Arn}/index/GSI2"}},
        assume("AssumeCopiers", "CopierRole"),
        logs_of("CopiesLogs"),
    ],
    "SignerRole": READ_BUCKETS,
    "CopierRole": [
        *READ_BUCKETS,
        # Where buckets for copies are named.
        {
            "Sid": "WriteCopies",
            "Effect": "Allow",
            "Action": ["s3:PutObject", "s3:AbortMultipartUpload"],
            "Resource": objects_of("CopyBucketArns"),
        },
    ],
}

# Who may take each role: Lambda takes the functions', only serve, acl and pages take the signer's, and only acl and copies the copier's.
TRUSTED = {
    "ServeRole": {"Service": "lambda.amazonaws.com"},
    "LinksRole": {"Service": "lambda.amazonaws.com"},
    "AclRole": {"Service": "lambda.amazonaws.com"},
    "PagesRole": {"Service": "lambda.amazonaws.com"},
    "JobsRole": {"Service": "lambda.amazonaws.com"},
    "CopiesRole": {"Service": "lambda.amazonaws.com"},
    "SignerRole": {"AWS": [attribute("ServeRole"), attribute("AclRole"), attribute("PagesRole")]},
    "CopierRole": {"AWS": [attribute("AclRole"), attribute("CopiesRole")]},
}


def of_type(kind):
    return {name: resource for name, resource in RESOURCES.items() if resource["Type"] == kind}


def statements(role):
    """The statements of all policies that name the role."""
    return [
        statement
        for policy in of_type("AWS::IAM::Policy").values()
        if {"Ref": role} in policy["Properties"]["Roles"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]


def actions(role):
    found = [statement["Action"] for statement in statements(role)]
    return {action for one in found for action in ([one] if isinstance(one, str) else one)}


def function_behind(path):
    """The binary that the CDN hands a path to: behaviours in order, then the default, as the CDN matches them."""
    config = RESOURCES["Cdn"]["Properties"]["DistributionConfig"]
    origin = next(
        (one["TargetOriginId"] for one in config["CacheBehaviors"] if fnmatch.fnmatchcase(path, one["PathPattern"])),
        config["DefaultCacheBehavior"]["TargetOriginId"],
    )
    domain = next(one["DomainName"] for one in config["Origins"] if one["Id"] == origin)
    url = domain["Fn::Select"][1]["Fn::Split"][1]["Fn::GetAtt"][0]
    function = RESOURCES[url]["Properties"]["TargetFunctionArn"]["Ref"]
    return RESOURCES[function]["Metadata"]["BuildProperties"]["Binary"]


def environment(binary):
    return set(RESOURCES[FUNCTIONS[binary]]["Properties"]["Environment"]["Variables"])


def sources(*packages):
    """The Rust sources of some packages, as one text."""
    return "".join(file.read_text(encoding="utf-8") for package in packages for file in sorted((ROOT / package / "src").rglob("*.rs")))


def table_rows(heading):
    """The rows of the table under one heading of docs/CONFIG.md, cells without their back quotes."""
    section = (ROOT / "docs" / "CONFIG.md").read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in rows]


class Policies(unittest.TestCase):
    def test_each_role_may_do_exactly_what_is_listed(self):
        self.assertEqual(set(of_type("AWS::IAM::Role")), set(PERMITTED))
        for role, permitted in PERMITTED.items():
            with self.subTest(role):
                self.assertEqual(statements(role), permitted)

    def test_permissions_come_from_nowhere_else(self):
        kinds = {resource["Type"] for resource in RESOURCES.values() if resource["Type"].startswith("AWS::IAM::")}
        self.assertEqual(kinds, {"AWS::IAM::Role", "AWS::IAM::Policy"})
        for name, role in of_type("AWS::IAM::Role").items():
            self.assertEqual(set(role["Properties"]) - {"Description"}, {"AssumeRolePolicyDocument"}, name)
        for name, policy in of_type("AWS::IAM::Policy").items():
            self.assertEqual(set(policy["Properties"]), {"PolicyName", "PolicyDocument", "Roles"}, name)
            self.assertEqual(len(policy["Properties"]["Roles"]), 1, name)

    def test_each_role_is_taken_by_those_listed(self):
        for role, principal in TRUSTED.items():
            with self.subTest(role):
                trust = RESOURCES[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
                self.assertEqual(trust, [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}])

    # SECURITY T5, T22
    def test_serve_writes_nothing_and_reads_no_secret(self):
        reading = {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"}
        logging = {"logs:CreateLogStream", "logs:PutLogEvents"}
        self.assertEqual(actions("ServeRole"), reading | logging | {"sts:AssumeRole"})
        self.assertNotIn("OFFPRINT_SECRET_ARN", environment("serve"))
        self.assertNotIn("DeploymentSecret", json.dumps(RESOURCES["ServeFunction"]))
        self.assertNotIn("OFFPRINT_ADDRESS_KEY", environment("serve"))
        self.assertNotIn("AddressKey", json.dumps([RESOURCES["ServeFunction"], RESOURCES["ServePolicy"]]))

    # ADR 0029: CloudFormation hands it over; no role may read it, and it is not the one that links are derived from.
    def test_all_but_serve_are_given_the_key_of_addresses_and_no_role_reads_it(self):
        handed = {"Fn::Sub": "{{resolve:secretsmanager:${AddressKey.Id}}}"}
        for binary in ("links", "acl", "pages", "jobs"):
            settings = RESOURCES[FUNCTIONS[binary]]["Properties"]["Environment"]["Variables"]
            self.assertEqual(settings["OFFPRINT_ADDRESS_KEY"], handed, binary)
        for name, policy in of_type("AWS::IAM::Policy").items():
            self.assertNotIn("AddressKey", json.dumps(policy), name)

    def test_only_links_reads_the_deployment_secret_and_only_jobs_the_mail_servers(self):
        read = {
            (role, json.dumps(statement["Resource"]))
            for role in PERMITTED
            for statement in statements(role)
            if "secretsmanager:" in json.dumps(statement["Action"])
        }
        deployment, mail = attribute("DeploymentSecret", "Id"), {"Ref": "MailSecretArn"}
        self.assertEqual(read, {("LinksRole", json.dumps(deployment)), ("JobsRole", json.dumps(mail))})
        self.assertEqual(RESOURCES["JobsMailPolicy"]["Condition"], "HasMailSecret")
        self.assertEqual([binary for binary in FUNCTIONS if "OFFPRINT_MAIL_SECRET_ARN" in environment(binary)], ["jobs"])

    # SECURITY T6: nothing that opens anything is at hand where mails are written.
    def test_jobs_reads_no_key_takes_no_role_and_changes_no_right(self):
        self.assertFalse([action for action in actions("JobsRole") if action.startswith(("s3:", "sts:"))])
        for name in ("OFFPRINT_SECRET_ARN", "OFFPRINT_SIGNER_ROLE", "OFFPRINT_CDN_SECRET", "OFFPRINT_OIDC_CLIENT_SECRET"):
            self.assertNotIn(name, environment("jobs"))
        written = [one for one in statements("JobsRole") if re.search("PutItem|UpdateItem", json.dumps(one["Action"]))]
        self.assertEqual([one["Sid"] for one in written], ["WriteNotices", "NoteEnds"])

    # SECURITY T13, T22: what writes objects knows no key and no address, and gives nobody a right.
    def test_only_copies_and_acl_take_the_role_that_writes_objects_and_copies_knows_no_secret(self):
        writers = [role for role in PERMITTED if "s3:PutObject" in actions(role)]
        self.assertEqual(writers, ["CopierRole"])
        self.assertEqual(RESOURCES["CopierWritesPolicy"]["Condition"], "HasCopyBuckets")
        takers = [role for role in PERMITTED if '"CopierRole"' in json.dumps(statements(role))]
        self.assertEqual(takers, ["AclRole", "CopiesRole"])
        self.assertNotIn("SignerRole\"", json.dumps(statements("CopiesRole")))
        for name in ("OFFPRINT_SECRET_ARN", "OFFPRINT_ADDRESS_KEY", "OFFPRINT_CDN_SECRET", "OFFPRINT_OIDC_CLIENT_SECRET", "OFFPRINT_MAIL_SECRET_ARN"):
            self.assertNotIn(name, environment("copies"))
        written = [one["Sid"] for one in statements("CopiesRole") if re.search("PutItem|UpdateItem", json.dumps(one["Action"]))]
        self.assertEqual(written, ["WriteCopies", "EndCopies", "TellEnds"])

    def test_links_reaches_no_bucket_and_takes_no_role(self):
        self.assertFalse([action for action in actions("LinksRole") if action.startswith(("s3:", "sts:"))])

    # ADR 0070: a link's page reads as the link's readers do, and so through their role: one that can write nothing.
    def test_pages_reaches_buckets_by_the_readers_role_alone_and_writes_only_what_is_of_people(self):
        self.assertFalse([action for action in actions("PagesRole") if action.startswith(("s3:", "secretsmanager:"))])
        taken = [one["Resource"] for one in statements("PagesRole") if one["Action"] == "sts:AssumeRole"]
        self.assertEqual(taken, [assume("AssumeSigners", "SignerRole")["Resource"]])
        self.assertEqual(actions("SignerRole"), {"s3:GetObject", "s3:ListBucket"})
        settings = RESOURCES["PagesFunction"]["Properties"]["Environment"]["Variables"]
        self.assertEqual(settings["OFFPRINT_SIGNER_ROLE"], attribute("SignerRole"))

    # The client's secret at the provider is for the one function that shows it there.
    def test_only_pages_knows_the_client_secret(self):
        self.assertEqual([binary for binary in FUNCTIONS if "OFFPRINT_OIDC_CLIENT_SECRET" in environment(binary)], ["pages"])

    def test_nobody_deletes_or_scans(self):
        for role in PERMITTED:
            self.assertFalse([action for action in actions(role) if re.search("Delete|Scan|PartiQL", action)], role)

    def test_no_star_stands_for_everything(self):
        for role in PERMITTED:
            for action in actions(role):
                self.assertNotIn("*", action)
            for statement in statements(role):
                resources = statement["Resource"]
                self.assertNotIn("*", resources if isinstance(resources, list) else [resources])
                self.assertNotIn("NotAction", statement)
                self.assertNotIn("NotResource", statement)


class Routes(unittest.TestCase):
    def test_route_function_role(self):
        for path, binary in {
            "/api/v1/links": "links",
            "/api/v1/links/0190a1b2": "links",
            "/api/v1/links/0190a1b2/revoke": "links",
            "/api/v1/openapi.json": "links",
            "/api/v1/datasets/d0123/links/revoke": "links",
            "/api/v1/sources": "acl",
            "/api/v1/datasets": "acl",
            "/api/v1/datasets/d0123": "acl",
            "/api/v1/tokens": "acl",
            "/api/v1/authorize": "pages",
            "/api/v1/nothing": "acl",
            "/sign-in": "pages",
            "/nothing": "pages",
            "/": "pages",
        }.items():
            with self.subTest(path):
                self.assertEqual(function_behind(path), binary)
        for binary, function in FUNCTIONS.items():
            role = function.replace("Function", "Role")
            self.assertEqual(RESOURCES[function]["Properties"]["Role"], attribute(role))
            self.assertEqual(RESOURCES[function]["Metadata"]["BuildProperties"]["Binary"], binary)
            self.assertEqual(RESOURCES[function]["DependsOn"], function.replace("Function", "Policy"))

    def test_every_route_of_a_router_reaches_its_function(self):
        for binary in ("links", "acl", "pages"):
            routes = set(re.findall(r'\.route\(\s*"(/[^"]*)"', sources(f"functions/{binary}")))
            self.assertTrue(routes, f"{binary} has no routes")
            for route in routes:
                with self.subTest(route):
                    self.assertEqual(function_behind(re.sub(r"\{[^}]*\}", "x", route)), binary)

    def test_function_urls(self):
        urls = {name: url["Properties"] for name, url in of_type("AWS::Lambda::Url").items()}
        modes = {name: url["InvokeMode"] for name, url in urls.items()}
        self.assertEqual(
            modes,
            {
                "ServeFunctionUrl": "RESPONSE_STREAM",
                "LinksFunctionUrl": "BUFFERED",
                "AclFunctionUrl": "BUFFERED",
                "PagesFunctionUrl": "BUFFERED",
            },
        )
        for name, url in urls.items():
            self.assertEqual(url["AuthType"], "NONE", name)
            # Two sets of these headers make browsers refuse both; ours are set by the functions.
            self.assertNotIn("Cors", url, name)

    def test_no_other_door_leads_to_a_function(self):
        doors = re.compile(r"AWS::(ApiGateway|ApiGatewayV2|ElasticLoadBalancingV2|Events|Scheduler|Lambda::EventSourceMapping)")
        self.assertEqual({name for name, resource in RESOURCES.items() if doors.match(resource["Type"])}, {"NoticesWritten", "NoticesDue", "CopiesDue"})
        clocks = {"NoticesDueMayCall": ("JobsFunction", "NoticesDue"), "CopiesDueMayCall": ("CopiesFunction", "CopiesDue")}
        for name, permission in of_type("AWS::Lambda::Permission").items():
            properties = permission["Properties"]
            if name in clocks:
                function, clock = clocks[name]
                self.assertEqual(properties["FunctionName"], {"Ref": function})
                self.assertEqual((properties["Principal"], properties["SourceArn"]), ("events.amazonaws.com", attribute(clock)))
                continue
            self.assertNotIn(properties["FunctionName"], [{"Ref": function} for function, _ in clocks.values()], name)
            self.assertTrue(properties.get("FunctionUrlAuthType") == "NONE" or properties.get("InvokedViaFunctionUrl"), name)

    # ADR 0055: nothing is lost by the stream, held up by a bad record, or tried for ever.
    def test_jobs_is_called_by_the_stream_of_new_notices_and_by_a_clock(self):
        self.assertEqual(
            RESOURCES["NoticesWritten"],
            {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Condition": "HasMailServer",
                "Properties": {
                    "EventSourceArn": attribute("Table", "StreamArn"),
                    "FunctionName": {"Ref": "JobsFunction"},
                    "FilterCriteria": {
                        "Filters": [{"Pattern": '{"eventName":["INSERT"],"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"O#"}]}}}}'}]
                    },
                    "StartingPosition": "LATEST",
                    "BatchSize": 100,
                    "FunctionResponseTypes": ["ReportBatchItemFailures"],
                    "BisectBatchOnFunctionError": True,
                    "MaximumRetryAttempts": 4,
                    "MaximumRecordAgeInSeconds": 3600,
                    "ParallelizationFactor": 1,
                    "DestinationConfig": {"OnFailure": {"Destination": attribute("DeadLetters")}},
                },
            },
        )
        # The filter's prefix is that of the outbox's keys.
        self.assertIn('format!("O#{shard}")', (ROOT / "crates/table/src/schema.rs").read_text(encoding="utf-8"))
        clock = RESOURCES["NoticesDue"]["Properties"]
        self.assertEqual(clock["ScheduleExpression"], {"Fn::If": ["HasMailServer", "rate(1 minute)", "rate(1 day)"]})
        self.assertEqual([target["Arn"] for target in clock["Targets"]], [attribute("JobsFunction")])
        again = RESOURCES["JobsCalledByClock"]["Properties"]
        self.assertEqual((again["MaximumRetryAttempts"], again["MaximumEventAgeInSeconds"]), (0, 60))
        self.assertEqual(RESOURCES["DeadLetters"]["Properties"], {"MessageRetentionPeriod": 1209600, "SqsManagedSseEnabled": True})

    # ADR 0067: a call goes on for as long as Lambda lets it, and whatever stopped one, the next strike goes on.
    def test_copies_is_called_by_a_clock(self):
        clock = RESOURCES["CopiesDue"]["Properties"]
        self.assertEqual((clock["ScheduleExpression"], clock["State"]), ("rate(1 minute)", "ENABLED"))
        self.assertEqual([target["Arn"] for target in clock["Targets"]], [attribute("CopiesFunction")])
        self.assertEqual(RESOURCES["CopiesFunction"]["Properties"]["Timeout"], 900)
        again = RESOURCES["CopiesCalledByClock"]["Properties"]
        self.assertEqual((again["MaximumRetryAttempts"], again["MaximumEventAgeInSeconds"]), (0, 60))

    def test_the_cdn_keeps_nothing_and_proves_itself(self):
        config = RESOURCES["Cdn"]["Properties"]["DistributionConfig"]
        behaviours = [config["DefaultCacheBehavior"], *config["CacheBehaviors"]]
        for behaviour in behaviours:
            self.assertEqual(behaviour["CachePolicyId"], "4135ea2d-6df8-44a3-9df3-4b5a84be39ad")
            self.assertEqual(behaviour["OriginRequestPolicyId"], "b689b0a8-53d0-40ab-baf2-68738e2966ac")
            # SECURITY T31: whose request it is, the CDN says itself.
            viewer = {"EventType": "viewer-request", "FunctionARN": {"Fn::GetAtt": ["ViewerAddress", "FunctionARN"]}}
            self.assertEqual(behaviour["FunctionAssociations"], [viewer])
        for origin in config["Origins"]:
            header = {"HeaderName": "x-offprint-cdn", "HeaderValue": {"Fn::Sub": "{{resolve:secretsmanager:${CdnSecret.Id}}}"}}
            self.assertEqual(origin["OriginCustomHeaders"], [header])
            self.assertNotIn("OriginAccessControlId", origin)
        # SECURITY T6: its logs would hold paths.
        self.assertNotIn("Logging", config)


class Kept(unittest.TestCase):
    def test_what_outlives_the_stack(self):
        retained = {
            name
            for name, resource in RESOURCES.items()
            if resource.get("DeletionPolicy") == resource.get("UpdateReplacePolicy") == "Retain"
        }
        self.assertEqual(retained, {"Table", "DeploymentSecret", "AddressKey", "ServeLogs", "LinksLogs", "AclLogs", "PagesLogs", "JobsLogs", "CopiesLogs"})

    def test_the_table(self):
        table = RESOURCES["Table"]["Properties"]
        self.assertEqual(table["BillingMode"], "PAY_PER_REQUEST")
        self.assertTrue(table["DeletionProtectionEnabled"])
        self.assertTrue(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"])
        self.assertEqual(table["TimeToLiveSpecification"], {"AttributeName": "ttl", "Enabled": True})
        self.assertEqual(table["StreamSpecification"], {"StreamViewType": "NEW_AND_OLD_IMAGES"})
        keys = {"": table["KeySchema"]} | {index["IndexName"]: index["KeySchema"] for index in table["GlobalSecondaryIndexes"]}
        names = {name: [key["AttributeName"] for key in schema] for name, schema in keys.items()}
        self.assertEqual(names, {"": ["pk", "sk"], "GSI1": ["gsi1pk", "gsi1sk"], "GSI2": ["gsi2pk", "gsi2sk"]})
        self.assertEqual({one["AttributeType"] for one in table["AttributeDefinitions"]}, {"S"})
        # The code asks for the same names, in the only file where a key is written.
        schema = (ROOT / "crates/table/src/schema.rs").read_text(encoding="utf-8")
        constants = dict(re.findall(r'const (\w+): &str = "(\w+)";', schema))
        asked = {name: [constants[f"{name}_PK".lstrip("_")], constants[f"{name}_SK".lstrip("_")]] for name in ("", "GSI1", "GSI2")}
        self.assertEqual(names, asked)
        self.assertEqual((constants["GSI1"], constants["GSI2"], constants["TTL"]), ("GSI1", "GSI2", "ttl"))


class Settings(unittest.TestCase):
    def test_template_docs_and_configuration_name_the_same_settings(self):
        documented = {row[0] for row in table_rows("Settings")}
        configured = set(re.findall(r"\bOFFPRINT_[A-Z0-9_]+", sources("crates/edge", *(f"functions/{binary}" for binary in FUNCTIONS))))
        deployed = set().union(*(environment(binary) for binary in FUNCTIONS))
        self.assertEqual(documented, deployed)
        self.assertEqual(documented, configured)

    def test_docs_name_the_readers_of_each_setting(self):
        for setting, readers, *_ in table_rows("Settings"):
            with self.subTest(setting):
                self.assertEqual(set(readers.split(", ")), {binary for binary in FUNCTIONS if setting in environment(binary)})

    def test_docs_name_every_parameter_and_its_default(self):
        documented = {name: default for name, default, _ in table_rows("Parameters")}
        declared = {name: shown(parameter) for name, parameter in STACK["Parameters"].items()}
        self.assertEqual(documented, declared)
        for name, parameter in STACK["Parameters"].items():
            self.assertTrue(parameter.get("Description"), name)
        groups = re.findall(r"Parameters: \[(.*)\]", TEXT)
        self.assertEqual({name.strip() for group in groups for name in group.split(",")}, set(declared))

    def test_docs_name_every_output(self):
        self.assertEqual([row[0] for row in table_rows("Outputs")], list(STACK["Outputs"]))
        for name, output in STACK["Outputs"].items():
            self.assertTrue(output.get("Description"), name)

    def test_sam_builds_what_the_lambda_profile_says(self):
        profile = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["profile"]["lambda"]
        build = tomllib.loads((ROOT / "CargoLambda.toml").read_text(encoding="utf-8"))["build"]
        self.assertEqual(profile.pop("inherits"), "release")
        self.assertEqual(set(build["config"]), {f'profile.release.{name}="{value}"' for name, value in profile.items()})
        self.assertEqual(set(build["bin"]), set(FUNCTIONS))


def shown(parameter):
    """A parameter's default as docs/CONFIG.md writes it."""
    default = parameter.get("Default", "required")
    return str(default) if default != "" else "empty"


class Linted(unittest.TestCase):
    def lint(self, *files):
        ran = subprocess.run(["cfn-lint", *files], capture_output=True, text=True, check=False)
        self.assertEqual((ran.returncode, ran.stdout), (0, ""))

    def test_sam_accepts_the_template(self):
        command = ["sam", "validate", "--lint", "--template-file", TEMPLATE, "--region", "us-east-1"]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)

    def test_the_sources_are_clean(self):
        self.lint(TEMPLATE, ROOT / "infra" / "alarms.yaml")

    # SAM's own validation does not see a wrong reference inside what it expands.
    def test_the_expansion_is_clean(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(STACK, file)
            file.flush()
            self.lint(file.name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
