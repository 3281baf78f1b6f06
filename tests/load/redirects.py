"""Processor time of one link redirect beside that of the same server answering a constant 302 of the same bytes."""

import pathlib
import sys
import tempfile
import urllib.parse

from measure import beside, cpu_secs, head_of, middle, product, row, wrk

ROUNDS = 9
SECS = 3


def micros(url: str, pid: int) -> float:
    """Processor time a request, in microseconds, over one round."""
    begun = cpu_secs(pid)
    requests, _ = wrk(url, SECS)
    return (cpu_secs(pid) - begun) / requests * 1e6


def main() -> None:
    """Alternates between the two."""
    binary = sys.argv[1]
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        with product(binary, folder) as up:
            link = up.ready["first_link"]["url"] + "/0/c/0/0/0"
            status, headers = head_of(link)
            if status != 302:
                sys.exit(f"FAIL  the link answers {status}")
            recorded = folder / "head.txt"
            kept = [(name, value) for name, value in headers if name.lower() not in ("connection", "date")]
            recorded.write_text("HTTP/1.1 302 Found\n" + "".join(f"{name}: {value}\n" for name, value in kept))
            with beside(binary, "constant_302", str(recorded)) as (constant, constant_pid):
                same = constant + urllib.parse.urlsplit(link).path
                micros(link, up.process.pid), micros(same, constant_pid)
                rounds = [(micros(link, up.process.pid), micros(same, constant_pid)) for _ in range(ROUNDS)]
    ours, theirs = (middle([one[at] for one in rounds]) for at in (0, 1))
    print(f"medians of {ROUNDS} rounds of {SECS} s in turn: {ours:.1f} us of processor a redirect, {theirs:.1f} us a constant answer")
    row("CPU a redirect / a constant 302", middle([ours / theirs for ours, theirs in rounds]), "at most 1.4", 1.4)


if __name__ == "__main__":
    main()
