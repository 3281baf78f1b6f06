"""A lab server, as another machine sees it: `python3 lab_server.py OFFPRINT_BINARY`, as root, standard library only.

Two network namespaces stand for two machines. In one runs `offprint up` on every address, over a folder that is mounted read-only; from the other
curl follows a link to its bytes, and is refused after a revoke. Prints a line a check, `ok` or `FAIL` first.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time
from urllib.parse import quote

from run import ENVIRONMENT, REFUSED_SECS, Product, Tally

SERVER, OTHER, CABLE = (f"offprint-{name}-{pathlib.Path('/proc/self').resolve().name}" for name in ("server", "other", "cable"))
SERVER_ADDRESS, OTHER_ADDRESS = "10.231.7.1", "10.231.7.2"
# Namespaces have ports of their own, so these cannot be taken.
APP, DATA, OBJECTS = (f"http://{SERVER_ADDRESS}:{port}" for port in (7373, 7374, 7375))
FILES = {"exp #3/50% +é.bin": bytes(range(256)) * 512, "plain.txt": b"plain\n"}


def called(*words: str) -> subprocess.CompletedProcess[bytes]:
    """Runs a program and keeps what it prints."""
    return subprocess.run(words, env=ENVIRONMENT, capture_output=True, timeout=60, check=False)


def join_machines() -> None:
    """Two namespaces and a cable between them. A device's name holds 15 letters."""
    ends = (f"v{CABLE[-6:]}a", f"v{CABLE[-6:]}b")
    steps = [
        f"ip netns add {SERVER}",
        f"ip netns add {OTHER}",
        f"ip -n {SERVER} link add {ends[0]} type veth peer name {ends[1]} netns {OTHER}",
        f"ip -n {SERVER} address add {SERVER_ADDRESS}/30 dev {ends[0]}",
        f"ip -n {OTHER} address add {OTHER_ADDRESS}/30 dev {ends[1]}",
        *(f"ip -n {name} link set {device} up" for name, end in ((SERVER, ends[0]), (OTHER, ends[1])) for device in ("lo", end)),
    ]
    for step in steps:
        done = called(*step.split())
        if done.returncode != 0:
            sys.exit(f"`{step}` ended with {done.returncode}: {done.stderr.decode()}")


def curl(url: str) -> tuple[int, bytes]:
    """curl on the other machine: its exit code and what it got."""
    done = called("ip", "netns", "exec", OTHER, "curl", "-fsSL", "--max-time", "20", url)
    return done.returncode, done.stdout


def checks(binary: str, folder: pathlib.Path, tally: Tally) -> None:
    """The product on one machine, its reader on the other."""
    data = folder / "data"
    for name, content in FILES.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_bytes(content)
    # `ip netns exec` gives a mount namespace as well, so the folder is read-only for this process alone.
    read_only = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && ! touch "$0/written" 2>/dev/null && exec "$@"'
    within = ("ip", "netns", "exec", SERVER, "sh", "-c", read_only, str(data))
    origins = ("--app-url", APP, "--data-url", DATA, "--objects-url", OBJECTS)
    product = Product(binary, folder, "--bind", "0.0.0.0", "--port", "7373", "--data", f"lab={data}", *origins, within=within)
    try:
        told = product.screen.read_text() + product.log.read_text()
        tally.check("arning" in told, "lab server: a warning, since it listens beyond this machine")
        link = product.call("link", "create", "lab:exp #3")
        url = f"{link['url']}/{quote('50% +é.bin')}"
        tally.check(link["url"].startswith(f"{DATA}/"), "lab server: the link begins with the data origin as others see it")
        for form, at in (("link", url), ("streamed form", url.replace(link["url"], link["streamed_url"]))):
            code, got = curl(at)
            same = got == FILES["exp #3/50% +é.bin"]
            tally.check(code == 0 and same, f"lab server: curl -L from another machine, {form}, data mounted read-only: exit code {code}, {len(got)} bytes")
        code = product.call("user", "add", "eve")["code"]
        asked = ("curl", "-sS", "--max-time", "20", "-H", "content-type: application/json", "-d", json.dumps({"code": code}), f"{APP}/api/v1/sign-in")
        answer = json.loads(called("ip", "netns", "exec", OTHER, *asked).stdout)
        tally.check(answer.get("code") == "not-encrypted", f"lab server: a code from another machine, without TLS: {answer.get('code')}")
        product.call("link", "revoke", link["id"], "-y")
        time.sleep(REFUSED_SECS)
        code, got = curl(url)
        tally.check((code, got) == (22, b""), f"lab server: curl after the revoke: exit code {code}, {len(got)} bytes")
    finally:
        code = product.stop()
    tally.check(code == 0, f"lab server: ends with {code} on SIGTERM")


def main() -> None:
    """The whole run; the namespaces go whatever happens."""
    tally = Tally()
    try:
        join_machines()
        with tempfile.TemporaryDirectory(prefix="offprint-lab-") as temporary:
            checks(str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(temporary), tally)
    finally:
        for name in (SERVER, OTHER):
            called("ip", "netns", "delete", name)
    print(f"lab: {tally.passed} passed, {tally.failed} failed", flush=True)
    sys.exit(1 if tally.failed else 0)


if __name__ == "__main__":
    main()
