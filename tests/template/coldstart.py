#!/usr/bin/env python3
"""Measures cold starts: the time from exec to the first answer, and the binary's size.

usage: coldstart.py BINARY EVENT.json [--runs N] [--set NAME=VALUE]...

Each run is a new process. Prints one JSON line: bytes, median and slowest of the runs in milliseconds, resident memory after the answer.
"""

import argparse
import json
import pathlib
import statistics
import time

from runtime_api import Function, at


def resident_mib(pid):
    """Resident memory of a process, in MiB."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError("no VmRSS")


def measured(binary, event, environment, runs):
    """One line of measurements for one function."""
    millis, resident = [], []
    for _ in range(runs):
        with Function(binary, environment) as function:
            answer = function.call(at(event, int(time.time() * 1000)))
            millis.append(function.first_answer_secs * 1000)
            resident.append(resident_mib(function.process.pid))
    return {
        "binary": str(binary),
        "bytes": pathlib.Path(binary).stat().st_size,
        "status": answer["status"],
        "first_answer_ms": round(statistics.median(millis), 1),
        "slowest_ms": round(max(millis), 1),
        "resident_mib": round(max(resident), 1),
    }


def main():
    arguments = argparse.ArgumentParser(description="Measures cold starts of one Lambda function.")
    arguments.add_argument("binary", type=pathlib.Path)
    arguments.add_argument("event", type=pathlib.Path)
    arguments.add_argument("--runs", type=int, default=9)
    arguments.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="an environment variable of the function")
    given = arguments.parse_args()
    event = json.loads(given.event.read_text(encoding="utf-8"))
    print(json.dumps(measured(given.binary, event, dict(one.split("=", 1) for one in given.set), given.runs)))


if __name__ == "__main__":
    main()
