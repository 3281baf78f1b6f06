"""The pages, as a real browser shows them: `python3 pages.py OFFPRINT_BINARY [SCREENSHOTS_DIR]`, standard library only.

Starts `offprint up --demo`, reads the codes that it prints on the terminal, and lets Chromium sign in, make a ticket and sign out with scripts
switched off; beside it a deployment whose people sign in through an OpenID provider. Links' pages are opened by a stranger, with data that try to run in
them too, and the snippets on them are run as they are printed. Prints a line a check, `ok` or `FAIL` first, and
`pages: N passed, M failed`.
"""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator

from landing import hostile, run_as_printed
from run import ENVIRONMENT, HERE, Product, Tally

BROWSER_SECS = 300
OIDC = HERE.parent / "services" / "oidc.sh"
# A viewer that people may let read; nobody opens it here.
VIEWER = "https://viewer.test"
PASSWORD = "correct horse battery"


@contextlib.contextmanager
def provider() -> Iterator[dict]:
    """The OpenID provider of the tests, for as long as it is wanted."""
    started = subprocess.run([OIDC, "start", "--owner", str(os.getpid())], capture_output=True, text=True, timeout=60, check=True)
    told = json.loads(started.stdout)
    try:
        yield told
    finally:
        subprocess.run([OIDC, "stop", *map(str, told["pids"])], check=True, timeout=60)


def link_with_password(product: Product) -> str:
    """The URL of a link that asks for a password."""
    token = pathlib.Path(product.ready["token_file"]).read_text().strip()

    def post(path: str, ask: dict) -> dict:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        request = urllib.request.Request(product.ready["app_url"] + path, json.dumps(ask).encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    dataset = post("/api/v1/datasets", {"source": "demo", "path": "sharded-v3.ome.zarr"})
    return post("/api/v1/links", {"dataset": dataset["id"], "password": PASSWORD})["url"]


def codes_on(screen: str) -> dict[str, str]:
    """The codes that a start shows, by the first word of whom they are for."""
    found = re.findall(r"^ {2}(offprint_code_[a-z2-7]{32}) {2}(\S+), who ", screen, re.MULTILINE)
    return {name: code for code, name in found}


def main() -> int:
    """All of it."""
    binary, *rest = sys.argv[1:]
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="offprint-pages-") as name, provider() as oidc:
        folder = pathlib.Path(name)
        product = Product(binary, folder, "--port", "0", "--demo", "--viewer-origins", VIEWER)
        screen = product.screen.read_text()
        codes = codes_on(screen)
        tally.check({"demo-maker", "demo-member", "demo-visitor"} <= set(codes), f"a start with --demo shows codes for {', '.join(sorted(codes))}")
        tally.check(f"{product.ready['app_url']}/sign-in" in screen, "it says where to sign in")
        issuer = f"{oidc['endpoint']}/browser"
        options = ("--oidc-issuer", issuer, "--oidc-audience", "offprint", "--oidc-client-id", oidc["client_id"])
        institution = Product(binary, folder / "institution", "--port", "0", *options, secrets={"OFFPRINT_OIDC_CLIENT_SECRET": oidc["client_secret"]})
        demo = product.state / "demo"
        opened = {name: product.call("link", "create", f"demo:{name}") for name in ("exp #3/50% +é.ome.zarr", "plain-v2.ome.zarr", "sharded-v3.ome.zarr", "table.csv", hostile(demo))}
        paused = product.call("link", "create", "demo:random.bin")
        product.call("link", "pause", paused["id"])
        config = folder / "pages.json"
        shots = pathlib.Path(rest[0] if rest else folder / "shots")
        shots.mkdir(exist_ok=True)
        config.write_text(json.dumps({
            "app": product.ready["app_url"], "data": product.ready["data_url"], "codes": codes, "shots": str(shots),
            "link": link_with_password(product), "password": PASSWORD,
            "landings": [{"name": name, "url": link["url"]} for name, link in opened.items()], "paused": paused["url"],
            "viewer": VIEWER, "institution": institution.ready["app_url"], "issuer": issuer,
        }))  # fmt: skip
        done = subprocess.run(
            ["node", str(HERE / "pages_chromium.mjs"), str(config)],
            env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=BROWSER_SECS, check=False,
        )  # fmt: skip
        tally.reader_ended("pages_chromium.mjs", done.returncode, done.stdout.splitlines(), done.stderr)
        for name, link in list(opened.items())[:4]:
            run_as_printed(product, name, link, folder, tally)
        for one in (product, institution):
            tally.check(one.stop() == 0, "it ends cleanly")
            logged = one.log.read_text(errors="replace") + "".join(path.read_text(errors="replace") for path in one.state.rglob("*.jsonl"))
            secrets = ("offprint_code_", "offprint-session", oidc["client_secret"], PASSWORD)
            tally.check(not any(secret in logged for secret in secrets), "no code, no cookie, no client's secret and no password stands in what it logged")
    print(f"pages: {tally.passed} passed, {tally.failed} failed", flush=True)
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
