"""Throughput of a streamed chunk of 64 KiB beside a bare pass-through of the same bytes, from the same object storage."""

import os
import pathlib
import sys
import tempfile
import urllib.parse

from measure import beside, location_of, middle, product, row, wrk

ROUNDS = 9
SECS = 3


def main() -> None:
    """Alternates between the two."""
    binary = sys.argv[1]
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        (folder / "lab" / "one").mkdir(parents=True)
        (folder / "lab" / "one" / "chunk").write_bytes(os.urandom(65_536))
        with product(binary, folder, "--data", f"lab={folder / 'lab'}") as up:
            link = up.call("link", "create", "lab:one/")
            with beside(binary, "pass_through", up.ready["s3_url"]) as (bare, _):

                def by_link() -> float:
                    return wrk(link["streamed_url"].rstrip("/") + "/chunk", SECS)[1]

                def passed_through() -> float:
                    # Signed for 45 s at the least: longer than a round.
                    signed = urllib.parse.urlsplit(location_of(link["url"].rstrip("/") + "/chunk"))
                    return wrk(f"{bare}{signed.path}?{signed.query}", SECS)[1]

                by_link(), passed_through()
                rounds = [(by_link(), passed_through()) for _ in range(ROUNDS)]
    ours, theirs = (middle([one[at] for one in rounds]) for at in (0, 1))
    print(f"medians of {ROUNDS} rounds of {SECS} s in turn: {ours:.0f} chunks a second streamed, {theirs:.0f} passed through")
    row("streamed / passed through", middle([ours / theirs for ours, theirs in rounds]), "at least 0.8", 0.8, least=True)


if __name__ == "__main__":
    main()
