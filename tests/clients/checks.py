"""What every Python reader of this folder shares: the links to read, the values to expect, and how a check is told.

A reader is run as `python READER CONFIG.json [--expect-refused | --across-revoke]`. CONFIG.json holds

    {"data_url": "http://…",                 the data origin
     "demo_dir": "/…",                       the folder the links lead to, as it lies on disk: the truth
     "screen": "/…",                         what `offprint up` printed at its start
     "links": [{"name": "exp #3/50% +é.ome.zarr",   path below demo_dir
                "kind": "zarr" | "folder" | "file",
                "url": "http://…/KEY/NAME/", "streamed_url": "http://…/KEY-s/NAME/"}],
     "expected_dir": "/…",                   for the readers on JavaScript: what expected.py wrote
     "expected": [{"link": 0, "path": "0", "zarr_format": 3, "sharded": false, "shape": […], "dtype": "uint16", "file": "0.bin"}]}

Plain: each array is read whole through its link and must equal, byte for byte, what zarr-python reads from disk.
--expect-refused: the links are revoked; each reader must raise.
--across-revoke: opens every array, prints `opened`, waits for a line on standard input (the links are revoked meanwhile), then each
read of an array that was open, and each new opening, must raise. Fill values for a refusal would be a wrong picture without an error.

A check is one line, `ok` or `FAIL` first. The exit code is 1 when any failed.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import sys
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy
import zarr


@dataclasses.dataclass(frozen=True)
class Array:
    """One array of a dataset: its path in there, and its values as they are on disk."""

    path: str
    zarr_format: int
    sharded: bool
    values: numpy.ndarray


@dataclasses.dataclass(frozen=True)
class Link:
    """One link, and where on disk its data lie. URLs end without a slash here."""

    name: str
    kind: str
    url: str
    streamed_url: str
    on_disk: pathlib.Path

    @property
    def key(self) -> str:
        """The first segment of the link: the bucket, for S3 clients."""
        return urlsplit(self.url).path.split("/")[1]

    @property
    def prefix(self) -> str:
        """The second segment, decoded: where the data begin in that bucket."""
        return unquote(urlsplit(self.url).path.split("/")[2])

    def arrays(self) -> list[Array]:
        """Every array below the link, found on disk."""
        found = []
        for metadata in sorted([*self.on_disk.rglob("zarr.json"), *self.on_disk.rglob(".zarray")]):
            if metadata.name == "zarr.json" and json.loads(metadata.read_bytes())["node_type"] != "array":
                continue
            array = zarr.open_array(zarr.storage.LocalStore(metadata.parent, read_only=True), mode="r")
            path = metadata.parent.relative_to(self.on_disk).as_posix()
            found.append(Array(path, array.metadata.zarr_format, getattr(array, "shards", None) is not None, array[...]))
        return found

    def files(self) -> dict[str, bytes]:
        """Every file below the link by its path in there."""
        return {file.relative_to(self.on_disk).as_posix(): file.read_bytes() for file in sorted(self.on_disk.rglob("*")) if file.is_file()}


class Report:
    """Prints a line a check and remembers whether any failed."""

    def __init__(self) -> None:
        self.failed = False

    def line(self, passed: bool, what: str) -> None:
        """One check, told."""
        self.failed |= not passed
        print("ok   " if passed else "FAIL ", " ".join(what.split()), flush=True)

    def check(self, what: str, act: Callable[[], str | None]) -> None:
        """Passes when `act` returns nothing; what it returns is the complaint."""
        try:
            complaint = act()
        except Exception as why:  # any error is the finding
            traceback.print_exc()
            complaint = f"raised {type(why).__name__}: {str(why)[:300]}"
        self.line(complaint is None, what if complaint is None else f"{what}: {complaint}")

    def refused(self, what: str, act: Callable[[], Any]) -> None:
        """Passes when `act` raises, and not merely because nobody listened."""
        try:
            outcome = act()
        except Exception as why:
            told = f"{type(why).__name__}: {str(why)[:160]}"
            unreachable = "refused" in str(why).lower() and "connect" in str(why).lower()
            self.line(not unreachable, f"{what} raises {told}")
        else:
            self.line(False, f"{what} did not raise, it gave {str(outcome)[:80]!r}")

    def done(self) -> None:
        """Ends the program at once: threads of native clients outlive the interpreter, and one of them now and then aborted its end."""
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1 if self.failed else 0)


@dataclasses.dataclass(frozen=True)
class Reader:
    """One way to read an array: `open` makes a handle (no chunk is read yet), `read` gives all its values."""

    name: str
    open: Callable[[Link, Array], Any]
    read: Callable[[Any], numpy.ndarray]


@dataclasses.dataclass(frozen=True)
class Run:
    """What this run was asked for."""

    mode: str
    data_url: str
    links: list[Link]

    @property
    def zarr_links(self) -> list[Link]:
        """The links that lead to arrays: one a dataset, or a folder with datasets in it."""
        return [link for link in self.links if link.kind != "file"]


def asked() -> Run:
    """The run described by the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=pathlib.Path)
    parser.add_argument("--expect-refused", dest="mode", action="store_const", const="refused", default="read")
    parser.add_argument("--across-revoke", dest="mode", action="store_const", const="across")
    arguments = parser.parse_args()
    config = json.loads(arguments.config.read_text())
    demo = pathlib.Path(config["demo_dir"])
    links = [
        Link(one["name"], one["kind"], one["url"].rstrip("/"), one["streamed_url"].rstrip("/"), demo / one["name"])
        for one in config["links"]
    ]
    return Run(arguments.mode, config["data_url"].rstrip("/"), links)


def difference(values: Any, expected: numpy.ndarray) -> str | None:
    """What differs between two arrays, or nothing. Bytes are compared, so that NaN equals itself."""
    values = numpy.asarray(values)
    if values.shape != expected.shape or values.dtype != expected.dtype:
        return f"is {values.dtype}{values.shape}, on disk {expected.dtype}{expected.shape}"
    if numpy.ascontiguousarray(values).tobytes() != numpy.ascontiguousarray(expected).tobytes():
        return f"{int((values != expected).sum())} of {expected.size} values differ"
    return None


def wait_for_revoke() -> None:
    """Says that everything is open and waits until the links are revoked."""
    print("opened", flush=True)
    sys.stdin.readline()


def read_all(run: Run, readers: list[Reader], report: Report) -> None:
    """Reads every array of every link by every reader, or sees each refused."""
    cases = [(reader, link, array) for link in run.zarr_links for array in link.arrays() for reader in readers]
    if not cases:
        report.line(False, "no array was found below any link")
    opened = []
    if run.mode == "across":
        opened = [(f"{reader.name}: {link.name} :: {array.path}, open", reader, reader.open(link, array)) for reader, link, array in cases]
        wait_for_revoke()
    for what, reader, handle in opened:
        report.refused(what, lambda: reader.read(handle))
    for reader, link, array in cases:
        what = f"{reader.name}: {link.name} :: {array.path}"
        if run.mode == "read":
            report.check(
                f"{what} {array.values.dtype}{list(array.values.shape)} v{array.zarr_format}{' sharded' if array.sharded else ''}",
                lambda: difference(reader.read(reader.open(link, array)), array.values),
            )
        else:
            report.refused(what, lambda: reader.read(reader.open(link, array)))
