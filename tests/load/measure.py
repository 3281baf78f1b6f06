"""What the load programs of this folder share: the product on free ports, the processor time of a process, wrk, and rows that hold or do not.

Every program is run as `python3 PROGRAM OFFPRINT_BINARY`, on loopback, bounded in time and count, and ends with 1 when its row does not hold.
"""

import pathlib
import re
import statistics
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "clients"))

from run import Product

CONNECTIONS = 16


class Unfollowed(urllib.request.HTTPRedirectHandler):
    """Leaves a redirect as it is."""

    def redirect_request(self, *_: Any) -> None:
        """No next request."""
        return


OPENER = urllib.request.build_opener(Unfollowed)


def head_of(url: str) -> tuple[int, list[tuple[str, str]]]:
    """Status and headers of a GET, redirects left as they are."""
    try:
        with OPENER.open(url, timeout=30) as answer:
            answer.read()
            return answer.status, answer.headers.items()
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.headers.items()


def location_of(url: str) -> str:
    """Where a redirect leads."""
    status, headers = head_of(url)
    if status != 302:
        sys.exit(f"FAIL  a redirect was expected, not {status}")
    return dict(headers)["location"]


@contextmanager
def product(binary: str, folder: pathlib.Path, *options: str) -> Iterator[Product]:
    """`offprint up`, ended with the block."""
    running = Product(binary, folder, "--port", "0", *options)
    try:
        yield running
    finally:
        running.stop()


@contextmanager
def beside(binary: str, example: str, *words: str) -> Iterator[tuple[str, int]]:
    """One of the programs of tests/examples, built beside the product: its address and process id."""
    program = pathlib.Path(binary).resolve().parent / "examples" / example
    with subprocess.Popen([program, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip(), process.pid
        finally:
            process.kill()


def cpu_secs(pid: int) -> float:
    """Processor time of every thread of a process so far."""
    spent = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            spent += int((task / "schedstat").read_text().split()[0])
        except OSError:  # a thread that ended meanwhile
            continue
    return spent / 1e9


def resident_mib(pid: int) -> float:
    """Resident memory of a process."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


def wrk(url: str, secs: float, *, script: pathlib.Path | None = None, words: tuple[str, ...] = (), expect: str | None = None) -> tuple[int, float]:
    """Requests answered, and how many a second. Any answer that is none of 2xx and 3xx, and any broken connection, ends the program."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{secs}s", "--timeout", "10s", *(["-s", str(script)] if script else []), url, "--", *words]
    said = subprocess.run(command, capture_output=True, text=True, timeout=secs + 60, check=False).stdout
    requests = re.search(r"(\d+) requests in ([\d.]+)(m?s)", said)
    if not requests or "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"FAIL  wrk says:\n{said}")
    if expect and expect not in said:
        sys.exit(f"FAIL  wrk does not say `{expect}`:\n{said}")
    return int(requests[1]), float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])


def middle(values: list[float]) -> float:
    """The median: a round in which the machine was busy elsewhere does not count."""
    return statistics.median(values)


def row(what: str, measured: float, must: str, bound: float, *, least: bool = False) -> None:
    """Prints one row of docs/PERFORMANCE.md and ends the program: with 0 where it holds."""
    holds = measured >= bound if least else measured <= bound
    print(f"{'ok   ' if holds else 'FAIL '} {what}: {measured:.2f} (must be {must})", flush=True)
    sys.exit(0 if holds else 1)
