"""Expands the SAM template as a deployment would, without an account, so that what is really deployed can be linted and asserted on.

usage: expand.py TEMPLATE > expanded.json
"""

import json
import os
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samtranslator.translator.transform import transform  # noqa: E402  (it reads the region when it is imported)
from samtranslator.yaml_helper import yaml_parse  # noqa: E402


class NoManagedPolicies:
    """The translator asks for AWS's managed policies by name. The template uses none, so there are none to give."""

    def load(self):
        return {}


def expanded(path):
    """The template at `path` as plain CloudFormation, a dict."""
    with open(path, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    for resource in template["Resources"].values():
        # `sam package` puts the code's place in a bucket here; any will do.
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": "code", "Key": "code.zip"}
    return transform(template, {}, NoManagedPolicies())


if __name__ == "__main__":
    json.dump(expanded(sys.argv[1]), sys.stdout, indent=1)
