"""The API held to its own description: `python3 run.py OFFPRINT_BINARY`, standard library only; schemathesis is a program that it starts.

Starts `offprint up` on free ports with a state folder of its own and lets schemathesis send what the description allows and what it does not,
with a fixed seed and for a bounded time: as the administrator, as somebody who has an account and nothing else, and as nobody. Every answer has
a status, a type, headers and a body that the description has, none is an error of the server, and none takes what the description forbids. Last,
everything still works. Prints a line a check, `ok` or `FAIL` first, and `api: N passed, M failed`.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
SCHEMATHESIS = HERE.parent / ".venv" / "api" / "bin" / "schemathesis"
SETTINGS = HERE / "schemathesis.toml"
DESCRIPTION = HERE.parent.parent / "docs" / "openapi.json"
READY_SECS = 60
# How long one person's run may take before it is ended, and how much it sends to each operation.
RUN_SECS = 300
EXAMPLES = 12
SEED = 20260101
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "negative_data_rejection",
    "missing_required_header",
)
# What would end the run itself: the session that asks, and serving; or shut all that follows, by the policy.
LEFT_OUT = ("sign_out", "revoke_token", "switch_serving", "edit_policy")
# Of what the administrator sends, so much at the least is taken: a run of refusals alone would show little.
TAKEN_MIN = 100

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "OFFPRINT_"))}
ENVIRONMENT |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "COLUMNS": "160"}


class Tally:
    """Counts the checks."""

    def __init__(self) -> None:
        self.passed = self.failed = 0

    def check(self, passed: bool, what: str) -> None:
        """One check."""
        self.passed += passed
        self.failed += not passed
        print(f"{'ok   ' if passed else 'FAIL '} {what}", flush=True)


def ask(app: str, path: str, token: str, body: object = None) -> tuple[int, dict]:
    """A request to the API, and its answer."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{app}/api/v1/{path}", data=data, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.status, json.load(answer)


def up(binary: str, state: pathlib.Path) -> tuple[subprocess.Popen[bytes], dict]:
    """A running deployment, and what it said when everything answered."""
    ready = state.with_suffix(".ready")
    with open(state.with_suffix(".log"), "wb") as log:
        arguments = [binary, "up", "--port", "0", "--state", str(state), "--ready-file", str(ready)]
        process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=ENVIRONMENT)
    until = time.monotonic() + READY_SECS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > until:
            sys.exit(f"offprint up is not ready: {state.with_suffix('.log').read_text()}")
        time.sleep(0.05)
    return process, json.loads(ready.read_text())


def operations() -> int:
    """How many operations are described."""
    described = json.loads(DESCRIPTION.read_text())["paths"].values()
    return sum(method in ("get", "post", "patch", "put", "delete") for path in described for method in path)


def run(tally: Tally, app: str, who: str, token: str | None, folder: pathlib.Path) -> None:
    """Schemathesis, as one person."""
    report = folder / f"{who}.ndjson"
    arguments = [str(SCHEMATHESIS), "--config-file", str(SETTINGS), "run", str(DESCRIPTION), "--url", app]
    arguments += ["--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing"]
    arguments += ["--max-examples", str(EXAMPLES), "--seed", str(SEED), "--generation-deterministic"]
    arguments += ["--continue-on-failure", "--no-shrink", "--workers", "1", "--request-timeout", "20", "--warnings", "off"]
    arguments += ["--report", "ndjson", "--report-ndjson-path", str(report)]
    arguments += ["--suppress-health-check", "all", *(f"--exclude-operation-id={left}" for left in LEFT_OUT)]
    if token is not None:
        arguments += ["--header", f"Authorization: Bearer {token}"]
    try:
        ended = subprocess.run(
            arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=ENVIRONMENT, timeout=RUN_SECS, cwd=folder, check=False
        )
        code, printed = ended.returncode, ended.stdout + ended.stderr
    except subprocess.TimeoutExpired as why:
        code, printed = None, str(why)
    if code != 0:
        print(printed, flush=True)
    tally.check(code == 0, f"{who}: every answer is one that the description has, and what it forbids is refused")
    sent = sum("ScenarioFinished" in line for line in open(report)) if report.exists() else 0
    tally.check(sent >= operations() - len(LEFT_OUT), f"{who}: every operation was asked ({sent} scenarios)")


def main() -> None:
    """The whole run."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    tally = Tally()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        process, ready = up(sys.argv[1], folder / "state")
        try:
            app = ready["app_url"]
            token = pathlib.Path(ready["token_file"]).read_text().strip()
            _, invited = ask(app, "users", token, {"name": "Eve"})
            _, signed = ask(app, "sign-in", token, {"code": invited["code"]})
            for who, shown in (("administrator", token), ("somebody", signed["session"]["secret"]), ("nobody", None)):
                run(tally, app, who, shown, folder)
            status, _ = ask(app, "me", token)
            tally.check(status == 200, "the administrator's session still works")
            # The lines are written every second.
            time.sleep(1.5)
            lines = [json.loads(line) for line in open(folder / "state" / "access.jsonl")]
            taken = sum(200 <= line["status"] < 300 for line in lines)
            tally.check(taken >= TAKEN_MIN, f"{taken} of {len(lines)} requests were taken")
            # That a source's bucket is not there is its administrator's error.
            ours = [line for line in lines if line["status"] >= 500 and line["reason"] != "no-bucket"]
            tally.check(not ours, "none was an error of the server")
            tally.check(process.poll() is None, "the server still runs")
        finally:
            process.send_signal(signal.SIGINT)
            tally.check(process.wait(timeout=30) == 0, "and ends cleanly")
        log = (folder / "state.log").read_text(errors="replace")
        tally.check("panicked" not in log, "nothing panicked")
    print(f"api: {tally.passed} passed, {tally.failed} failed", flush=True)
    sys.exit(tally.failed != 0)


if __name__ == "__main__":
    main()
