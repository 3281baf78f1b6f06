"""Private data in the real Neuroglancer, by its middleauth: `unshare --net python3 middleauth.py OFFPRINT_BINARY`, as root, standard library only.

The product stands behind TLS, each of its origins a host of its own, as two viewers do; one of these it allows. Ports and names are fixed, which only
a network namespace of our own can promise. Two datasets are granted to a person, a third is not; the rest is the browser's: `neuroglancer_middleauth.mjs`.
Prints a line a check, `ok` or `FAIL` first, and `middleauth: N passed, M failed`.
"""

import json
import pathlib
import sqlite3
import subprocess
import sys
import tempfile

from run import ENVIRONMENT, HERE, PYTHON, READER_SECS, Product, Tally
from search_secrets import found_in

APP, DATA, OBJECTS, VIEWER, OTHER = (f"https://{name}.example" for name in ("app", "data", "objects", "viewer", "other"))
APP_PORT = 7373
GRANTED = ("exp #3/50% +é.ome.zarr", "sharded-v3.ome.zarr")
NOT_GRANTED = "plain-v2.ome.zarr"


def own_network() -> None:
    """Sees that nobody else can be reached, and raises the loopback device."""
    told = subprocess.run(["ip", "-json", "link", "show"], capture_output=True, check=True, timeout=60)
    names = {device["ifname"] for device in json.loads(told.stdout)}
    if names != {"lo"}:
        sys.exit(f"this is no network namespace of our own: it has {sorted(names)}")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=60)


def called(product: Product, environment: dict[str, str], *words: str) -> dict:
    """One call of the command line at the app's own port, for the app's name is the browser's alone."""
    done = subprocess.run(
        [product.binary, *words, "--json"], env=ENVIRONMENT | environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode != 0:
        product.give_up(f"`offprint {' '.join(words[:2])}` ended with {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def certificate(folder: pathlib.Path) -> None:
    """A key and a certificate for every host, signed by itself; the browser is told to take it."""
    names = ",".join(f"DNS:{origin.removeprefix('https://')}" for origin in (APP, DATA, OBJECTS, VIEWER, OTHER))
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=offprint.example"]
    subprocess.run([*words, "-addext", f"subjectAltName={names}", "-keyout", folder / "tls.key", "-out", folder / "tls.crt"], capture_output=True, check=True, timeout=60)


def end_token(table: str, token: str) -> None:
    """Lets a token have ended long ago, in the product's table and behind its back: nobody can wait for its hour."""
    with sqlite3.connect(table, timeout=30) as rows:
        which = "json_extract(item_json, '$.pk.S') LIKE 'T#%' AND json_extract(item_json, '$.id.S') = ?"
        done = rows.execute(f"UPDATE offprint SET item_json = json_set(item_json, '$.until.N', '1000') WHERE {which}", (token,))  # noqa: S608
    if done.rowcount != 1:
        sys.exit(f"{done.rowcount} tokens were ended")


def browse(product: Product, folder: pathlib.Path, tally: Tally) -> None:
    """A person with two datasets granted, and what that person's browser does."""
    administrator = {"OFFPRINT_URL": f"http://127.0.0.1:{APP_PORT}", "OFFPRINT_TOKEN": pathlib.Path(product.ready["token_file"]).read_text().strip()}
    code = called(product, administrator, "user", "add", "ada")["code"]
    links = []
    for name in (*GRANTED, NOT_GRANTED):
        dataset = called(product, administrator, "dataset", "register", f"demo:{name}")["id"]
        if name in GRANTED:
            called(product, administrator, "grant", "give", dataset, "--to", "user:ada", "--role", "view")
        url = f"{DATA}/{dataset}/{name.rsplit('/', 1)[-1]}"
        links.append({"name": name, "kind": "zarr", "id": dataset, "granted": name in GRANTED, "url": url, "streamed_url": url})
    config = folder / "config.json"
    config.write_text(json.dumps({
        "data_url": DATA, "demo_dir": str(product.state / "demo"), "links": links, "code": code, "folder": str(folder),
        "app": APP, "viewer": VIEWER, "other": OTHER, "binary": product.binary, "administrator": administrator,
        "ports": {"app.example": APP_PORT, "data.example": APP_PORT + 1, "objects.example": APP_PORT + 2},
    }))  # fmt: skip
    subprocess.run([PYTHON, HERE / "expected.py", config, folder / "expected"], env=ENVIRONMENT, check=True, timeout=120)
    name = "neuroglancer_middleauth.mjs"
    done = subprocess.run(
        ["node", HERE / name, config], env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=READER_SECS, check=False
    )
    tally.reader_ended(name, done.returncode, done.stdout.splitlines(), done.stderr)


def search(product: Product, folder: pathlib.Path, tally: Tally) -> None:
    """No token that a viewer was given lies in what the product logged or keeps."""
    tokens = {f"viewer's token {index}": token.encode() for index, token in enumerate((folder / "tokens").read_text().split())}
    tally.check(len(tokens) >= 2, f"{len(tokens)} tokens were given to the viewer")
    for path in (product.log, product.screen, product.state / "access.jsonl", product.state / "table.db"):
        findings, searched = found_in([path], tokens)
        tally.check(not findings, f"tokens in {path.name}: {'; '.join(findings) or f'none in {searched} bytes'}")


def main() -> None:
    """The whole run; or, called by the browser's part of it, the end of a token."""
    if sys.argv[1] == "--end-token":
        return end_token(*sys.argv[2:])
    own_network()
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="offprint-middleauth-") as temporary:
        folder = pathlib.Path(temporary)
        certificate(folder)
        origins = ("--app-url", APP, "--data-url", DATA, "--objects-url", OBJECTS, "--viewer-origins", VIEWER)
        product = Product(str(pathlib.Path(sys.argv[1]).resolve()), folder, "--port", str(APP_PORT), *origins)
        try:
            browse(product, folder, tally)
        finally:
            code = product.stop()
        tally.check(code == 0, f"offprint up ends with {code} on SIGTERM")
        search(product, folder, tally)
    print(f"middleauth: {tally.passed} passed, {tally.failed} failed", flush=True)
    sys.exit(1 if tally.failed else 0)


if __name__ == "__main__":
    main()
