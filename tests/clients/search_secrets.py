"""Searches files for secrets: `python3 search_secrets.py SECRETS.json PATH...`, standard library only.

SECRETS.json maps what a secret is called to the secret itself: {"administrator's token": "…", "key of the first link": "…"}; a value
{"hex": "…"} is bytes. Each PATH is a file, or a folder whose files are all read. Every secret is looked for as it is, percent-encoded
(wholly, as some clients do, or only where it must be), in hexadecimal and in base64. A signed URL is looked for as well: it is a secret
while it lives. The secret itself is never printed. One line a path, `ok` or `FAIL` first; exit code 1 when anything was found.
"""

import base64
import json
import pathlib
import re
import sys
from urllib.parse import quote

SIGNED_URL = re.compile(rb"X-Amz-Signature(?:=|%3D)[0-9a-f]{64}", re.IGNORECASE)
BYTES_MIN = 8


def spellings(secret: bytes) -> set[bytes]:
    """Every form in which the secret would still be one. Padding is left off base64, since what follows may be part of the same text."""
    every_byte = "".join(f"%{byte:02X}" for byte in secret).encode()
    return {
        secret,
        quote(secret, safe="").encode(),
        every_byte,
        every_byte.lower(),
        secret.hex().encode(),
        secret.hex().upper().encode(),
        base64.b64encode(secret).rstrip(b"="),
        base64.urlsafe_b64encode(secret).rstrip(b"="),
    }


def files_of(path: pathlib.Path) -> list[pathlib.Path]:
    """The file itself, or every file below the folder."""
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def found_in(paths: list[pathlib.Path], secrets: dict[str, bytes], signed_urls: bool = True) -> tuple[list[str], int]:
    """What was found, as sentences without the secrets, and how many bytes were searched."""
    forms = {name: spellings(secret) for name, secret in secrets.items()}
    findings, searched = [], 0
    for path in paths:
        for file in files_of(path):
            content = file.read_bytes()
            searched += len(content)
            findings += [f"{file.name} holds the {name}" for name, every in forms.items() if any(form in content for form in every)]
            if signed_urls and SIGNED_URL.search(content):
                findings.append(f"{file.name} holds a signed URL")
    return findings, searched


def read_secrets(text: str) -> dict[str, bytes]:
    """The secrets of a JSON object; one that is too short would be found anywhere."""
    secrets = {}
    for name, value in json.loads(text).items():
        secret = bytes.fromhex(value["hex"]) if isinstance(value, dict) else value.encode()
        if len(secret) < BYTES_MIN:
            sys.exit(f"the {name} is shorter than {BYTES_MIN} bytes")
        secrets[name] = secret
    return secrets


def main() -> None:
    """Searches each path and tells."""
    secrets = read_secrets(pathlib.Path(sys.argv[1]).read_text())
    failed = False
    for argument in sys.argv[2:]:
        findings, searched = found_in([pathlib.Path(argument)], secrets)
        failed |= bool(findings)
        told = "; ".join(findings) if findings else f"none of {len(secrets)} secrets, no signed URL in {searched} bytes"
        print("FAIL " if findings else "ok   ", f"{pathlib.Path(argument).name}: {told}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
