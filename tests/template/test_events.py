"""The Lambda door: golden events through the real runtime loop, into the built functions. No store is there: what is asked of one is 503.

Run with tests/template/run.sh events, after run.sh stage or build. What was built is measured by run.sh starts: the time from exec to the
first answer, and the size of each binary.
"""

import json
import os
import subprocess
import time
import unittest

import boto3
from coldstart import measured
from local_cloud import ROOT
from runtime_api import Function, at

BUILT = ROOT / ".aws-sam" / "build"
EVENTS = ROOT / "tests" / "events"
SETTINGS = {
    "OFFPRINT_TABLE": "none",
    "OFFPRINT_SIGNER_ROLE": "arn:aws:iam::000000000000:role/none",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    # Nothing listens on the discard port.
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
}
# SEMANTICS 2 and 4: the path is judged before anything is read; a failing store is 503, never a yes and never a 404.
SERVE = {
    "function-url-get": (503, "table-unavailable"),
    "function-url-head": (503, None),
    "function-url-range": (503, "table-unavailable"),
    "function-url-plus": (503, "table-unavailable"),
    "function-url-odd-name": (503, "table-unavailable"),
    "function-url-double-encoded": (503, "table-unavailable"),
    "function-url-streamed": (503, "table-unavailable"),
    "function-url-listing": (503, "table-unavailable"),
    "function-url-options": (204, None),
    "function-url-dot-dot": (400, "bad-path"),
    "function-url-dot-dot-encoded": (400, "bad-path"),
    "function-url-slash-encoded": (400, "bad-path"),
    "refused-http-api": (500, "front-door"),
    "refused-http-api-own-domain": (500, "front-door"),
    "refused-rest-api": (500, "front-door"),
    "refused-load-balancer": (500, "front-door"),
}
# The one event for the app origin, with a token that is none.
API = "function-url-post"


def event(name):
    return at(json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8")), int(time.time() * 1000))


def binary(function):
    return BUILT / function / "bootstrap"


def settings_of_links():
    """Its settings, with a Secrets Manager that holds the deployment's secret: `links` reads it before its first answer."""
    started = subprocess.run(
        [ROOT / "tests" / "services" / "moto.sh", "start", "--owner", str(os.getpid())], check=True, capture_output=True, text=True
    )
    service = json.loads(started.stdout)
    keys = {"aws_access_key_id": service["access_key_id"], "aws_secret_access_key": service["secret_access_key"]}
    manager = boto3.client("secretsmanager", endpoint_url=service["endpoint"], region_name=SETTINGS["AWS_REGION"], **keys)
    arn = manager.create_secret(Name="deployment", SecretString="0" * 64)["ARN"]
    return {**SETTINGS, "OFFPRINT_SECRET_ARN": arn, "AWS_ENDPOINT_URL_SECRETS_MANAGER": service["endpoint"]}


class Events(unittest.TestCase):
    def test_serve_answers_each_golden_event(self):
        self.assertEqual({file.stem for file in EVENTS.glob("*.json")}, {*SERVE, API})
        with Function(binary("ServeFunction"), SETTINGS) as function:
            for name, (status, code) in SERVE.items():
                with self.subTest(name):
                    answer = function.call(event(name))
                    found = json.loads(answer["body"])["code"] if code else None
                    self.assertEqual((answer["status"], found, answer["streamed"]), (status, code, True))
                    # SEMANTICS 3.7: every answer, errors too, and once.
                    if not name.startswith("refused-"):
                        self.assertEqual(answer["headers"]["access-control-allow-origin"], ["*"])

    # The CDN's secret is asked for before anything else; a foreign door is refused before that.
    def test_acl_answers_only_its_cdn(self):
        with Function(binary("AclFunction"), {**SETTINGS, "OFFPRINT_CDN_SECRET": "secret"}) as function:
            self.assertEqual(function.call(event(API))["status"], 403)
            let_in = event(API)
            let_in["headers"]["x-offprint-cdn"] = "secret"
            self.assertNotIn(function.call(let_in)["status"], (403, 500))
            for name in SERVE:
                if name.startswith("refused-"):
                    self.assertEqual(function.call(event(name))["status"], 500, name)

    def test_a_setting_that_is_missing_is_named(self):
        with Function(binary("ServeFunction"), {**SETTINGS, "OFFPRINT_TABLE": ""}) as function:
            function.process.wait(10)
            self.assertIn("OFFPRINT_TABLE", function.log_text())


class Starts(unittest.TestCase):
    def test_cold_starts_are_measured(self):
        for function, settings in (("ServeFunction", SETTINGS), ("AclFunction", SETTINGS), ("LinksFunction", settings_of_links())):
            line = measured(binary(function), event("function-url-options"), settings, 9)
            print(json.dumps({**line, "binary": function}), flush=True)
            # Far above what is seen on a busy machine, far below what a person notices.
            self.assertLess(line["first_answer_ms"], 1000)
            self.assertLess(line["bytes"], 16 * 1024 * 1024)


if __name__ == "__main__":
    unittest.main(verbosity=2)
