"""Real clients against the real product: `python3 run.py OFFPRINT_BINARY [READER...]`, standard library only.

Starts `offprint up` on free ports with a state folder of its own, makes a link to each demo dataset, to a folder and to each file, lets every
reader of this folder read every value, revokes the links while the readers hold arrays open, and sees every reader refused. Last, every secret of
the run is searched in the product's logs and in its table. Prints a line a check, `ok` or `FAIL` first, and `clients: N passed, M failed`.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from typing import NoReturn

from search_secrets import found_in

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = HERE.parent / ".venv" / "clients" / "bin" / "python"
READERS = (
    "zarr_fsspec.py",
    "zarr_obstore.py",
    "tensorstore_reads.py",
    "dask_reads.py",
    "s3_reads.py",
    "copies.py",
    "zarrita_node.mjs",
    "zarrita_chromium.mjs",
)
READY_SECS = 60
READER_SECS = 300
# A private link's facts are kept 5 s; a second more for the clock's grain.
REFUSED_SECS = 6

# The machine's own AWS settings would send clients, and the product, somewhere else.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "OFFPRINT_"))}
ENVIRONMENT |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}


class Tally:
    """Counts the checks, its own and the readers'."""

    def __init__(self) -> None:
        self.passed = self.failed = 0

    def line(self, line: str) -> None:
        """Passes a reader's line on."""
        self.passed += line.startswith("ok ")
        self.failed += line.startswith("FAIL ")
        print(line, flush=True)

    def check(self, passed: bool, what: str) -> None:
        """One check of this program's own."""
        self.line(f"{'ok   ' if passed else 'FAIL '} {what}")

    def reader_ended(self, name: str, code: int, lines: list[str], errors: str) -> None:
        """A reader that ended badly without saying so, or did nothing, has failed too."""
        for line in lines:
            self.line(line)
        told = any(line.startswith("FAIL ") for line in lines)
        if (code != 0 and not told) or not lines:
            self.check(False, f"{name} ended with {code} after {len(lines)} checks")
        if code != 0 or not lines:
            print(errors[-4000:], file=sys.stderr, flush=True)


class Product:
    """`offprint up` in a folder of its own. `within` is put before each command, to run it somewhere else; `secrets` are read from its environment."""

    def __init__(
        self, binary: str, folder: pathlib.Path, *options: str, within: tuple[str, ...] = (), secrets: dict[str, str] | None = None
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.binary, self.within, self.state = binary, within, folder / "state"
        self.screen, self.log = folder / "screen.txt", folder / "log.txt"
        ready_file = folder / "ready.json"
        started = time.monotonic()
        with self.screen.open("wb") as screen, self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*within, binary, "up", "--state", str(self.state), "--ready-file", str(ready_file), *options],
                stdin=subprocess.DEVNULL, stdout=screen, stderr=log, env=ENVIRONMENT | (secrets or {}),
            )  # fmt: skip
        while not ready_file.exists():
            if self.process.poll() is not None or time.monotonic() - started > READY_SECS:
                self.give_up("it is not ready")
            time.sleep(0.05)
        self.ready_secs = time.monotonic() - started
        self.ready = json.loads(ready_file.read_text())

    def give_up(self, why: str) -> NoReturn:
        """Shows what it logged, and ends."""
        self.process.kill()
        print(self.log.read_text(errors="replace")[-4000:], file=sys.stderr)
        print(f"FAIL  offprint up: {why}\n0 passed, 1 failed", flush=True)
        sys.exit(1)

    def call(self, *words: str) -> dict:
        """One call of the command line, its reply read as JSON."""
        done = subprocess.run(
            [*self.within, self.binary, *words, "--state", str(self.state), "--json"], env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode != 0:
            self.give_up(f"`offprint {' '.join(words[:2])}` ended with {done.returncode}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def stop(self) -> int:
        """SIGTERM, and the exit code; after 15 s it is killed."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def places(demo: pathlib.Path) -> list[tuple[str, str]]:
    """What gets a link, found on disk: each outermost Zarr group, each folder that holds one, each plain file."""
    metadata = {".zgroup", ".zarray", "zarr.json"}
    found, folders = [], [demo]
    while folders:
        folder = folders.pop()
        for entry in sorted(folder.iterdir()):
            path = entry.relative_to(demo).as_posix()
            if entry.is_file():
                found.append((path, "file"))
            elif any((entry / name).exists() for name in metadata):
                found.append((path, "zarr"))
            else:
                found.append((path, "folder"))
                folders.append(entry)
    return sorted(found)


def reader_command(name: str) -> list[str]:
    """How a reader is started."""
    return [str(PYTHON) if name.endswith(".py") else "node", str(HERE / name)]


def read_everything(names: list[str], config: pathlib.Path, tally: Tally) -> None:
    """Every reader, one after another."""
    for name in names:
        started = time.monotonic()
        done = subprocess.run(
            [*reader_command(name), str(config)], env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=READER_SECS, check=False
        )
        tally.reader_ended(name, done.returncode, done.stdout.splitlines(), done.stderr)
        print(f"      {name} took {time.monotonic() - started:.1f} s", flush=True)


def status_of(url: str) -> tuple[int, str]:
    """The status of a GET, and the problem's code. A redirect that is followed ends in 200."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as refusal:
        try:
            return refusal.code, json.loads(refusal.read()).get("code", "")
        except ValueError:
            return refusal.code, "no JSON"


def revoke_across(names: list[str], config: pathlib.Path, product: Product, links: list[dict], folder: pathlib.Path, tally: Tally) -> None:
    """Readers open every array; then the links are revoked; then whatever a reader does must raise."""
    running = []
    for name in names:
        out, errors = (folder / f"{name}.across.out").open("w+b"), (folder / f"{name}.across.err").open("w+b")
        process = subprocess.Popen([*reader_command(name), str(config), "--across-revoke"], env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=out, stderr=errors)
        running.append((name, process, out, errors))
    deadline = time.monotonic() + READER_SECS
    for name, process, out, _ in running:
        while b"opened" not in pathlib.Path(out.name).read_bytes():
            if process.poll() is not None or time.monotonic() > deadline:
                tally.check(False, f"{name} did not open its arrays")
                break
            time.sleep(0.1)
    for link in links:
        product.call("link", "revoke", link["id"], "-y")
    time.sleep(REFUSED_SECS)
    for link in links:
        for form in ("url", "streamed_url"):
            status = status_of(link[form] + ("" if link["kind"] == "file" else "/"))
            tally.check(status == (410, "link-revoked"), f"{link['name']}, {form}: {status[0]} {status[1]} within {REFUSED_SECS} s of the revoke")
    for name, process, out, errors in running:
        try:
            process.communicate(b"revoked\n", timeout=READER_SECS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        lines = [line for line in pathlib.Path(out.name).read_text().splitlines() if line != "opened"]
        tally.reader_ended(name, process.returncode, lines, pathlib.Path(errors.name).read_text(errors="replace"))
        out.close()
        errors.close()


def search(product: Product, links: list[dict], tally: Tally) -> None:
    """No secret of the run may lie in the logs, in the table, or on the screen; there the first link is the exception."""
    token = pathlib.Path(product.ready["token_file"])
    first = product.ready["first_link"]["url"].split("/")[3]
    secrets = {f"key of the link to {link['name']}": link["url"].split("/")[3].encode() for link in links}
    secrets = {name: key for name, key in secrets.items() if key != first.encode()}
    secrets |= {"administrator's token": token.read_bytes().strip(), "deployment's secret": (product.state / "secret").read_bytes()}
    everywhere = secrets | {"key of the first link": first.encode()}
    meant = {token.name, "secret", "ready.json"}
    kept = [path for path in sorted(product.state.iterdir()) if path.name not in meant and path.name != "demo"]
    tally.check(any(path.name == "access.jsonl" and path.stat().st_size > 0 for path in kept), "the access log has lines")
    for path, sought in [*((path, everywhere) for path in [product.log, *kept]), (product.screen, secrets)]:
        findings, searched = found_in([path], sought)
        told = "; ".join(findings) if findings else f"none of {len(sought)} secrets, no signed URL in {searched} bytes"
        tally.check(not findings, f"secrets in {path.name}: {told}")


def main() -> None:
    """The whole run."""
    binary, names = str(pathlib.Path(sys.argv[1]).resolve()), sys.argv[2:] or list(READERS)
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="offprint-clients-") as temporary:
        folder = pathlib.Path(temporary)
        product = Product(binary, folder, "--port", "0")
        try:
            tally.check(product.ready_secs < 5, f"offprint up is ready after {product.ready_secs:.2f} s, within 5 s")
            demo = product.state / "demo"
            links = []
            for name, kind in places(demo):
                made = product.call("link", "create", f"demo:{name}")
                links.append({"name": name, "kind": kind} | {field: made[field] for field in ("id", "url", "streamed_url")})
            tally.check(sum(link["kind"] == "zarr" for link in links) >= 3, f"{len(links)} links made, at least three of them to arrays")
            config = folder / "config.json"
            config.write_text(json.dumps({"data_url": product.ready["data_url"], "app_url": product.ready["app_url"], "demo_dir": str(demo), "screen": str(product.screen), "links": links}))
            subprocess.run([PYTHON, HERE / "expected.py", config, folder / "expected"], env=ENVIRONMENT, check=True, timeout=120)
            before = {path: path.stat().st_mtime_ns for path in demo.rglob("*")}
            read_everything(names, config, tally)
            revoke_across(names, config, product, links, folder, tally)
            tally.check(before == {path: path.stat().st_mtime_ns for path in demo.rglob("*")}, "nothing was written to the shared folder")
        finally:
            code = product.stop()
        tally.check(code == 0, f"offprint up ends with {code} on SIGTERM")
        search(product, links, tally)
    print(f"clients: {tally.passed} passed, {tally.failed} failed", flush=True)
    sys.exit(1 if tally.failed else 0)


if __name__ == "__main__":
    main()
