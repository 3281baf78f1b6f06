"""The template, really deployed: its functions on a local cloud where roles and policies are enforced.

Used as people use it (source, dataset, link, read, revoke), and then deployed again and again with one permission less, to see that
each is needed and where its lack shows. What the local cloud lacks is listed in local_cloud.py.

Run with tests/template/run.sh deploy, after run.sh stage or build.
"""

import base64
import contextlib
import hashlib
import hmac
import json
import secrets
import time
import unittest
import urllib.parse

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from local_cloud import Cloud, MailServer, ROOT, request
from samtranslator.yaml_helper import yaml_parse

BUILT = ROOT / ".aws-sam" / "build" / "template.yaml"
BUCKET = "lab"
FOLDER = "plate 7/em.zarr/"
OBJECTS = {
    "zarr.json": b'{"zarr_format":3,"node_type":"group"}',
    "0/c/0/0/0": bytes(range(256)) * 256,
    "odd #1/50% +\u00e9 ?.bin": b"odd",
}
# SEMANTICS 5: a private link is closed everywhere this long after the reply to its revoke.
PRIVATE_BOUND_SECS = 65


def built_template():
    """The built template as plain data, its code's places absolute, so that a changed copy can lie anywhere."""
    template = yaml_parse(BUILT.read_text(encoding="utf-8"))
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = str((BUILT.parent / resource["Properties"]["CodeUri"]).resolve())
    return template


def quoted(path):
    return urllib.parse.quote(path, safe="/")


class Stack:
    """One deployed copy of the template, and what is done with it."""

    def __init__(self, cloud, name, template, **parameters):
        self.cloud = cloud
        file = cloud.folder / f"{name}.json"
        file.write_text(json.dumps(template), encoding="utf-8")
        self.outputs = cloud.deploy(file, name, Architecture="x86_64", DataBucketArns=f"arn:aws:s3:::{BUCKET}", **parameters)
        self.token = self.source = None

    def app(self, path, method="GET", ask=None, headers=None):
        """A request to the app origin, through the CDN."""
        body = None if ask is None else json.dumps(ask).encode()
        given = {"Authorization": f"Bearer {self.token}", **({"Content-Type": "application/json"} if body else {}), **(headers or {})}
        return self.cloud.call(self.outputs["AppUrl"] + path, method, given, body)

    def new_source(self, prefix=FOLDER):
        ask = {"name": f"lab-{secrets.token_hex(4)}", "bucket": BUCKET, "prefix": prefix, "region": "us-east-1"}
        return self.app("/api/v1/sources", "POST", ask)

    def new_dataset(self, path):
        return self.app("/api/v1/datasets", "POST", {"source": self.source, "path": path})

    def new_link(self, dataset, **options):
        return self.app("/api/v1/links", "POST", {"dataset": dataset, **options}, {"Idempotency-Key": secrets.token_hex(16)})

    def page(self, path, method="GET", body=None):
        """A page asked for by a browser that is signed in, or its form sent."""
        given = {
            "Cookie": f"__Host-offprint-session={self.token}",
            "Origin": self.outputs["PagesFunctionUrl"].rstrip("/"),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return self.cloud.call(self.outputs["AppUrl"] + path, method, given, body)

    def data(self, url, method="GET", headers=None):
        return self.cloud.call(url, method, headers)

    @contextlib.contextmanager
    def lacking(self, policy, sid, function="Jobs"):
        """A deployed function without one of its rights, for a while."""
        named = self.outputs[f"{function}FunctionName"]
        iam, function = self.cloud.client("iam"), self.cloud.client("lambda").get_function_configuration(FunctionName=named)
        named = {"RoleName": function["Role"].rsplit("/", 1)[1], "PolicyName": policy}
        document = iam.get_role_policy(**named)["PolicyDocument"]
        left = [statement for statement in document["Statement"] if statement["Sid"] != sid]
        if len(left) != len(document["Statement"]) - 1:
            raise ValueError(f"{policy} has no statement {sid}")
        none = {"Sid": "None", "Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}
        iam.put_role_policy(**named, PolicyDocument=json.dumps({**document, "Statement": left or [none]}))
        try:
            yield
        finally:
            iam.put_role_policy(**named, PolicyDocument=json.dumps(document))

    def strike(self, function="Jobs"):
        """Calls a function as its clock does; gives the error that it ended with, or None."""
        event = json.dumps({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})
        called = self.cloud.client("lambda").invoke(FunctionName=self.outputs[f"{function}FunctionName"], Payload=event)
        return called["Payload"].read().decode() if "FunctionError" in called else None

    def has_address(self, user, address):
        """Gives a person an address, sealed as it is kept (ADR 0057): no provider that would vouch for it is in the local cloud."""
        name = b"offprint-mailbox-v1"
        secret = self.cloud.client("secretsmanager").get_secret_value(SecretId=self.outputs["AddressKeyArn"])["SecretString"]
        key = hmac.new(secret.encode(), len(name).to_bytes(8, "big") + name, hashlib.sha256).digest()
        nonce = secrets.token_bytes(12)
        sealed = nonce + ChaCha20Poly1305(key).encrypt(nonce, address.encode(), user.encode())
        row = {
            "pk": {"S": f"U#{user}"},
            "sk": {"S": "E"},
            "needs": {"L": []},
            "version": {"N": "1"},
            "notices": {"S": "each"},
            "address": {"S": base64.urlsafe_b64encode(sealed).decode().rstrip("=")},
        }
        self.cloud.client("dynamodb").put_item(TableName=self.outputs["TableName"], Item=row)

    def notices(self):
        """The notices in the table, whatever became of them."""
        found = self.cloud.client("dynamodb").scan(TableName=self.outputs["TableName"], ConsistentRead=True)["Items"]
        return [item for item in found if item["pk"]["S"].startswith("O#")]

    def link(self, wanted):
        """A link's item, by its id."""
        found = self.cloud.client("dynamodb").scan(TableName=self.outputs["TableName"], ConsistentRead=True)["Items"]
        return next(item for item in found if item["pk"]["S"].startswith("L#") and item.get("id") == {"S": wanted})

    def ends_soon(self, wanted):
        """Has a link end in six days, as if that had been so for long: its maker is to be told."""
        now, item = time.time(), self.link(wanted)
        due = {"gsi2pk": {"S": time.strftime("DUE#%Y%m", time.gmtime(now))}, "gsi2sk": {"S": f"{int(now * 1000):015}#{wanted}"}}
        item |= {"until": {"N": str(int((now + 6 * 86_400) * 1000))}, **due}
        self.cloud.client("dynamodb").put_item(TableName=self.outputs["TableName"], Item=item)

    def make_due(self, notice):
        """Has a notice wait again from now on. The stream tells nobody: it is no new item."""
        now = int(time.time() * 1000)
        waiting = {"state": {"S": "waiting"}, "due": {"N": str(now)}, "gsi2pk": notice["pk"], "gsi2sk": {"S": f"{now:015}#{notice['sk']['S']}"}}
        self.cloud.client("dynamodb").put_item(TableName=self.outputs["TableName"], Item={**notice, **waiting})

    def copy_items_from(self, other):
        """The other stack's rows, put in by the account's root: what a function with too few rights finds there."""
        table = self.cloud.client("dynamodb")
        for item in table.scan(TableName=other.outputs["TableName"], ConsistentRead=True)["Items"]:
            table.put_item(TableName=self.outputs["TableName"], Item=item)
        self.token, self.source = other.token, other.source


def without_statement(template, policy, sid):
    document = template["Resources"][policy]["Properties"]["PolicyDocument"]
    left = [statement for statement in document["Statement"] if statement["Sid"] != sid]
    if len(left) != len(document["Statement"]) - 1:
        raise ValueError(f"{policy} has no statement {sid}")
    document["Statement"] = left


def without_leading_key(template, key):
    statement = template["Resources"]["ServePolicy"]["Properties"]["PolicyDocument"]["Statement"][0]
    statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"].remove(key)


def without_trust_in_serve(template):
    trust = template["Resources"]["SignerRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
    trust["Principal"]["AWS"].remove({"Fn::GetAtt": ["ServeRole", "Arn"]})


class Deployed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not BUILT.exists():
            raise FileNotFoundError(f"{BUILT} is not there: run tests/template/run.sh stage or build first")
        cls.cloud = cls.enterClassContext(Cloud())
        s3 = cls.cloud.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        for name, body in OBJECTS.items():
            s3.put_object(Bucket=BUCKET, Key=FOLDER + name, Body=body)
        cls.mail_server = cls.enterClassContext(MailServer())
        # Addresses are believed only where a provider vouches for them. This one is never asked: people sign in by code here.
        cls.people = {"OidcIssuer": "https://id.example.org", "OidcAudience": "offprint", "OidcVouchesForEmail": "true"}
        cls.mailed = {"MailServer": cls.mail_server.url, "MailFrom": "offprint@lab.example", **cls.people}
        cls.stack = Stack(cls.cloud, "offprint", built_template(), **cls.mailed)
        cls.stack.token = cls.cloud.first_token(cls.stack.outputs["TableName"])
        source = cls.stack.new_source()
        if source.status != 201:
            raise AssertionError(f"no source: {source}\n{cls.cloud.log_text()[-4000:]}")
        cls.stack.source, cls.dataset = source.json()["id"], source.json()["root"]

    def answers(self, answer, status, code=None):
        """Holds an answer to a status and, for a refusal, to its code. A failure shows the cloud's last log lines."""
        found = (answer.status, answer.json().get("code") if code else None)
        self.assertEqual(found, (status, code), f"{answer}\n{self.cloud.log_text()[-3000:]}")

    def new_link(self):
        made = self.stack.new_link(self.dataset, label=secrets.token_hex(8))
        self.answers(made, 201)
        return made.json()

    def test_a_link_is_made_read_and_revoked(self):
        link = self.new_link()
        # Never the app origin, and never what a header says (SEMANTICS 2, SECURITY T10).
        self.assertTrue(link["url"].startswith(self.stack.outputs["DataUrl"] + "/"), link["url"])
        url = link["url"].rstrip("/")
        for name, body in OBJECTS.items():
            first = self.stack.data(f"{url}/{quoted(name)}")
            self.answers(first, 302)
            self.assertTrue(first.headers["location"].startswith(f"{self.cloud.endpoint}/{BUCKET}/"), first)
            second = request(first.headers["location"])
            self.assertEqual((second.status, second.body), (200, body), second)
        streamed = self.stack.data(f"{link['streamed_url'].rstrip('/')}/0/c/0/0/0", headers={"Range": "bytes=256-1279"})
        self.answers(streamed, 206)
        self.assertEqual(streamed.body, OBJECTS["0/c/0/0/0"][256:1280])
        shown = self.stack.app(f"/api/v1/links/{link['id']}")
        self.assertEqual(shown.json()["url"], link["url"])

        revoked = self.stack.app(f"/api/v1/links/{link['id']}/revoke", "POST", {"reason": "the test is over"})
        self.answers(revoked, 200)
        deadline = time.monotonic() + PRIVATE_BOUND_SECS
        while (answer := self.stack.data(f"{url}/zarr.json")).status == 302 and time.monotonic() < deadline:
            time.sleep(0.5)
        self.answers(answer, 410, "link-revoked")
        self.answers(self.stack.data(f"{link['streamed_url'].rstrip('/')}/zarr.json"), 410, "link-revoked")

    def test_a_dataset_of_its_own_is_registered_and_shared(self):
        registered = self.stack.new_dataset("0/c")
        self.answers(registered, 201)
        url = self.stack.new_link(registered.json()["id"]).json()["url"].rstrip("/")
        redirected = self.stack.data(f"{url}/0/0/0")
        self.answers(redirected, 302)
        self.assertEqual(request(redirected.headers["location"]).body, OBJECTS["0/c/0/0/0"])

    def test_missing_is_missing(self):
        url = self.new_link()["url"].rstrip("/")
        self.assertEqual(self.stack.data(f"{url}/0/c/9/9/9", "HEAD").status, 404)
        redirected = self.stack.data(f"{url}/0/c/9/9/9")
        self.answers(redirected, 302)
        self.assertEqual(request(redirected.headers["location"]).status, 404)

    def test_a_folder_is_listed(self):
        listed = self.stack.data(self.new_link()["url"].rstrip("/") + "/0/")
        self.answers(listed, 200)
        self.assertIn(b'<a href="c/">c/</a>', listed.body)

    # SEMANTICS 2: the raw path, to the byte.
    def test_paths_are_refused_as_they_were_sent(self):
        url = self.new_link()["url"].rstrip("/")
        for path in ("0/../zarr.json", "0/%2e%2e/zarr.json", "0%2Fc/0/0/0", "0//c/0/0/0", "0\\c"):
            with self.subTest(path):
                self.answers(self.stack.data(f"{url}/{path}"), 400, "bad-path")

    def test_the_app_functions_answer_only_the_cdn(self):
        for output, path in (
            ("LinksFunctionUrl", "api/v1/links"),
            ("AclFunctionUrl", "api/v1/sources"),
            ("PagesFunctionUrl", "sign-in"),
        ):
            for headers in ({}, {"X-Offprint-Cdn": "guessed"}):
                with self.subTest(output, headers=headers):
                    asked = {"Authorization": f"Bearer {self.stack.token}", **headers}
                    self.answers(self.cloud.call(self.stack.outputs[output] + path, headers=asked), 403, "cdn-only")

    # Issue 4, 4: what happens is mailed by the table's stream, and what is due by the clock, each by its own rights.
    def test_what_happens_is_mailed_once(self):
        bo = self.stack.app("/api/v1/users", "POST", {"name": "Bo"})
        self.answers(bo, 201)
        self.stack.has_address(bo.json()["user"]["id"], "bo@lab.example")
        given = self.stack.app(f"/api/v1/datasets/{self.dataset}/grants", "POST", {"to": "user:Bo", "role": "view"})
        self.answers(given, 201)
        try:
            mails = self.mail_server.wait_for(1, 20)
        except TimeoutError as late:
            self.fail(f"{late}: {self.stack.notices()}\n{self.cloud.log_text()[-6000:]}")
        self.assertTrue(mails[0].startswith("X-To: bo@lab.example\n"), mails[0])
        self.assertRegex(mails[0], r"Subject: .* shared lab-[0-9a-f]{8}:.* with you\n")
        self.assertIn(f"Sign in: {self.stack.outputs['AppUrl']}/", mails[0])
        (notice,) = self.stack.notices()
        self.assertEqual((notice["state"]["S"], notice["tries"]["N"]), ("sent", "1"))
        # The clock strikes within a minute. It takes its time here, so it is waited for longer.
        self.stack.make_due(notice)
        again = self.mail_server.wait_for(2, 150)[1]
        self.assertEqual(message_id(again), message_id(mails[0]))
        self.assertEqual([one["state"]["S"] for one in self.stack.notices()], ["sent"])

        self.stack.has_address(self.stack.app("/api/v1/me").json()["id"], "ada@lab.example")
        link = self.new_link()
        self.stack.ends_soon(link["id"])
        self.assertIsNone(self.stack.strike())
        self.assertIn(f"offprint link extend {link['id']}", self.mail_server.wait_for(3, 60)[2])
        self.assertNotIn("gsi2pk", self.stack.link(link["id"]))

    # Of its rights those that the local cloud enforces.
    def test_jobs_tells_by_its_rights_and_says_what_it_lacks(self):
        manager = self.cloud.client("secretsmanager")
        secret = manager.create_secret(Name="mail", SecretString="no account")["ARN"]
        stack = Stack(self.cloud, "jobs", built_template(), **self.mailed, MailSecretArn=secret)
        self.assertIn("not JSON", stack.strike())
        with stack.lacking("mail", "ReadMailSecret"):
            self.assertNotIn("not JSON", stack.strike())
        manager.put_secret_value(SecretId=secret, SecretString=json.dumps({"username": "offprint", "password": "secret"}))
        self.assertIsNone(stack.strike())

        stack.token = self.cloud.first_token(stack.outputs["TableName"])
        bo = stack.app("/api/v1/users", "POST", {"name": "Bo"}).json()["user"]["id"]
        self.answers(stack.app(f"/api/v1/users/{bo}/code", "POST", {}), 201)
        deadline = time.monotonic() + 20
        # Of Bo no address is known.
        while (states := [one["state"]["S"] for one in stack.notices()]) != ["no-address"] and time.monotonic() < deadline:
            time.sleep(0.2)
        self.assertEqual(states, ["no-address"], self.cloud.log_text()[-3000:])
        stack.make_due(stack.notices()[0])
        for sid in ("ListDue", "ReadFacts"):
            with self.subTest(without=sid), stack.lacking("jobs", sid):
                self.assertIsNotNone(stack.strike())
        with stack.lacking("jobs", "WriteNotices"):
            self.assertIsNone(stack.strike())
            self.assertEqual([one["state"]["S"] for one in stack.notices()], ["waiting"])
        self.assertIsNone(stack.strike())
        self.assertEqual([one["state"]["S"] for one in stack.notices()], ["no-address"])

        mapping = self.cloud.client("lambda").list_event_source_mappings(FunctionName=stack.outputs["JobsFunctionName"])["EventSourceMappings"][0]
        self.assertEqual(mapping["FunctionResponseTypes"], ["ReportBatchItemFailures"])
        self.assertTrue(mapping["DestinationConfig"]["OnFailure"]["Destination"].endswith(":" + stack.outputs["DeadLettersName"]))

    # Issue 4, 3; ADR 0067: the store copies, when the clock calls, by a role of its own.
    def test_a_dataset_is_copied_by_its_rights_and_no_others(self):
        template = built_template()
        # Only this test calls it.
        template["Resources"]["CopiesDue"]["Properties"]["State"] = "DISABLED"
        stack = Stack(self.cloud, "copies", template, CopyBucketArns=f"arn:aws:s3:::{BUCKET}")
        stack.token = self.cloud.first_token(stack.outputs["TableName"])
        original, mine = stack.new_source().json(), stack.new_source("mine/").json()
        self.answers(stack.app(f"/api/v1/sources/{mine['id']}", "PATCH", {"writable": True}, {"If-Match": "*"}), 200)
        findings = stack.app(f"/api/v1/sources/{mine['id']}/doctor", "POST", {}).json()["findings"]
        self.assertTrue(next(one for one in findings if one["check"] == "write")["ok"], findings)
        asked = stack.app(f"/api/v1/datasets/{original['root']}/copies", "POST", {"to": f"{mine['name']}:em.zarr"})
        self.answers(asked, 201)

        def stands():
            copy = stack.app(f"/api/v1/copies/{asked.json()['id']}").json()
            return copy["state"], copy["objects"]

        for sid in ("ListDue", "ReadFacts", "WriteCopies"):
            with self.subTest(without=sid), stack.lacking("copies", sid, "Copies"):
                self.assertIsNotNone(stack.strike("Copies"))
                self.assertEqual(stands(), ("waiting", 0))
        # What fails for one copy waits for five seconds and holds up no other.
        for sid, objects in (("AssumeCopiers", 0), ("EndCopies", len(OBJECTS))):
            with self.subTest(without=sid), stack.lacking("copies", sid, "Copies"):
                self.assertIsNone(stack.strike("Copies"))
                self.assertEqual(stands(), ("running", objects), self.cloud.log_text()[-3000:])
            time.sleep(6)
        self.assertIsNone(stack.strike("Copies"))
        self.assertEqual(stands(), ("done", len(OBJECTS)), self.cloud.log_text()[-3000:])
        s3 = self.cloud.client("s3")
        for name, body in OBJECTS.items():
            self.assertEqual(s3.get_object(Bucket=BUCKET, Key=f"mine/em.zarr/{name}")["Body"].read(), body, name)

    def test_the_alarms_deploy_and_watch_the_deployed_functions(self):
        cloudformation = self.cloud.client("cloudformation")
        cloudformation.create_stack(
            StackName="alarms",
            TemplateBody=(ROOT / "infra" / "alarms.yaml").read_text(encoding="utf-8"),
            Parameters=[{"ParameterKey": "Email", "ParameterValue": "you@example.org"}],
        )
        cloudformation.get_waiter("stack_create_complete").wait(StackName="alarms", WaiterConfig={"Delay": 1})
        alarms = self.cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
        watched = sorted((alarm["MetricName"], alarm["Dimensions"][0]["Value"]) for alarm in alarms)
        names = [self.stack.outputs[f"{name}FunctionName"] for name in ("Serve", "Links", "Acl", "Pages", "Jobs", "Copies")]
        wanted = [(metric, name) for metric in ("Errors", "Throttles", "Url5xxCount") for name in names if metric != "Url5xxCount" or name in names[:4]]
        wanted += [("Url4xxCount", names[0]), ("IteratorAge", names[4])]
        wanted.append(("ApproximateNumberOfMessagesVisible", self.stack.outputs["DeadLettersName"]))
        self.assertEqual(watched, sorted(wanted))

    # Each round deploys a copy of the template with one permission less for some of the roles; a function's own lack is what it shows.
    def test_every_permission_is_needed(self):
        link = self.new_link()
        # Whoever reads by name is looked for in the groups that the dataset is granted to.
        self.answers(self.stack.app("/api/v1/groups", "POST", {"name": "readers"}), 201)
        self.answers(self.stack.app(f"/api/v1/datasets/{self.dataset}/grants", "POST", {"to": "group:readers", "role": "view"}), 201)
        name = urllib.parse.urlsplit(link["url"]).path.rstrip("/").rsplit("/", 1)[1]

        def by_name(stack):
            url = f"{stack.outputs['DataUrl']}/{self.dataset}/{name}/zarr.json"
            return stack.data(url, headers={"Authorization": f"Bearer {stack.token}"})

        self.answers(by_name(self.stack), 302)
        self.answers(self.stack.page("/"), 200)
        self.answers(self.stack.page(f"/datasets/{self.dataset}/tickets/new", "POST", b"minutes=60"), 201)
        serve = [
            (lambda template: without_statement(template, "ServePolicy", "ReadFacts"), "table-unavailable"),
            (lambda template: without_statement(template, "ServePolicy", "AssumeSigners"), "no-credentials"),
            (without_trust_in_serve, "no-credentials"),
            *((lambda template, key=key: without_leading_key(template, key), "table-unavailable") for key in ("L#*", "D#*", "S#*", "U#*")),
            *((lambda template, key=key: without_leading_key(template, key), "table-unavailable", by_name) for key in ("G#*", "T#*")),
        ]
        for round_number, (narrow, code, *read) in enumerate(serve):
            template = built_template()
            narrow(template)
            app = APP_ROUNDS[round_number] if round_number < len(APP_ROUNDS) else []
            for policy, sid, *_ in app:
                without_statement(template, policy, sid)
            stack = Stack(self.cloud, f"narrow-{round_number}", template)
            stack.copy_items_from(self.stack)
            with self.subTest("serve", round=round_number):
                self.answers(read[0](stack) if read else stack.data(on(stack, link["url"])), 503, code)
            for policy, sid, probe, status, code in app:
                with self.subTest(policy, without=sid):
                    self.answers(probe(stack, self.dataset), status, code)

        # ministack answers 404 for a missing object whoever asks, so that S3 says 403 without the right to list is for tests/cloud to show.
        for sid, read, listed in (("ReadObjects", 403, (200,)), ("TellMissingFromForbidden", 200, (503, "store-refused"))):
            template = built_template()
            without_statement(template, "SignerPolicy", sid)
            stack = Stack(self.cloud, f"signer-{sid.lower()}", template)
            stack.copy_items_from(self.stack)
            with self.subTest("signer", without=sid):
                redirected = stack.data(on(stack, link["url"]))
                self.answers(redirected, 302)
                self.assertEqual(request(redirected.headers["location"]).status, read)
                self.answers(stack.data(on(stack, link["url"], "0/")), *listed)


def message_id(mail):
    return next(line for line in mail.splitlines() if line.startswith("Message-ID: "))


def on(stack, url, path="zarr.json"):
    """The same link at another stack's data origin."""
    return stack.outputs["DataUrl"] + urllib.parse.urlsplit(url).path.rstrip("/") + "/" + path


# For links, acl and pages, a round each: the statement taken away, what is asked, what is answered.
APP_ROUNDS = [
    [
        ("LinksPolicy", "ReadTable", lambda stack, _: stack.app("/api/v1/links"), 503, "table-unavailable"),
        ("AclPolicy", "ReadTable", lambda stack, _: stack.app("/api/v1/sources"), 503, "table-unavailable"),
        ("PagesPolicy", "ReadTable", lambda stack, _: stack.page("/"), 503, None),
    ],
    [
        ("LinksPolicy", "WriteTable", lambda stack, dataset: stack.new_link(dataset, label="new"), 503, "table-unavailable"),
        ("AclPolicy", "WriteTable", lambda stack, _: stack.new_source("elsewhere/"), 503, "table-unavailable"),
        ("PagesPolicy", "WritePeople", lambda stack, dataset: stack.page(f"/datasets/{dataset}/tickets/new", "POST", b"minutes=60"), 503, None),
    ],
    [
        ("LinksPolicy", "ListByIndex", lambda stack, _: stack.app("/api/v1/links"), 503, "table-unavailable"),
        ("AclPolicy", "ListByIndex", lambda stack, _: stack.app("/api/v1/datasets"), 503, "table-unavailable"),
        ("PagesPolicy", "ListByIndex", lambda stack, _: stack.page("/"), 503, None),
    ],
    [
        # Without the secret no link is made; what is there is shown without its URL, and revoked all the same.
        ("LinksPolicy", "ReadDeploymentSecret", lambda stack, dataset: stack.new_link(dataset, label="new"), 503, "no-secret"),
        # What is there decides whether a new dataset is a folder or a file.
        ("AclPolicy", "AssumeSigners", lambda stack, _: stack.new_dataset("0"), 503, "no-credentials"),
    ],
]


if __name__ == "__main__":
    unittest.main(verbosity=2)
