"""Puts the functions' debug binaries where `sam build` puts what it makes of them for release, without symbols, and the template beside them.

    stage.py FOLDER        FOLDER holds the binaries

What is asked of either is the same; what takes ten minutes to optimise is asked only for its size and its time.
"""

import json
import pathlib
import shutil
import subprocess
import sys

from local_cloud import ROOT
from samtranslator.yaml_helper import yaml_parse

STAGED = ROOT / ".aws-sam" / "build"


def main(folder):
    template = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    shutil.rmtree(STAGED, ignore_errors=True)
    for name, resource in template["Resources"].items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        code = STAGED / name
        code.mkdir(parents=True)
        binary = resource["Metadata"]["BuildProperties"]["Binary"]
        subprocess.run(["strip", "-o", code / "bootstrap", pathlib.Path(folder) / binary], check=True)
        resource["Properties"]["CodeUri"] = name
    # JSON is YAML.
    (STAGED / "template.yaml").write_text(json.dumps(template), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
