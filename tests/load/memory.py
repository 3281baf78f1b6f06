"""Resident memory of `offprint up` while a million redirects are asked of a hundred thousand links, all of them in use.

usage: memory.py OFFPRINT_BINARY [LINKS REDIRECTS]
"""

import json
import pathlib
import random
import sys
import tempfile
import time
import urllib.parse
import urllib.request

from measure import product, resident_mib, row, wrk

LINKS, REDIRECTS = 100_000, 1_000_000
BATCH = 1_000
DATASETS = 10
SLICE_SECS = 10
MIB_MAX = 120.0

# Every request another link, in an order of its own.
SCRIPT = """
local paths = {}
function init(words)
    for path in io.lines(words[1]) do paths[#paths + 1] = path end
    math.randomseed(tonumber(words[2]))
end
function request() return wrk.format("GET", paths[math.random(#paths)]) end
"""


def call(up, path: str, body: dict) -> dict:
    """POST to the API as the administrator."""
    token = pathlib.Path(up.ready["token_file"]).read_text().strip()
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    request = urllib.request.Request(up.ready["app_url"] + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=300) as answer:
        return json.load(answer)


def make_links(up, count: int) -> list[str]:
    """The paths of that many new links, all different."""
    datasets = [call(up, "/api/v1/datasets", {"source": "lab", "path": f"set-{one}.zarr/"})["id"] for one in range(DATASETS)]
    paths: list[str] = []
    while len(paths) < count:
        items = [{"dataset": datasets[at % DATASETS], "label": f"reader {len(paths) + at}"} for at in range(min(BATCH, count - len(paths)))]
        made = call(up, "/api/v1/links/batch", {"items": items})["items"]
        paths += [urllib.parse.urlsplit(item["link"]["url"]).path.rstrip("/") + "/0/c/0/0/0" for item in made]
    return paths


def main() -> None:
    """Makes the links, then asks for them, and looks at the memory meanwhile."""
    binary = sys.argv[1]
    links, redirects = (int(word) for word in sys.argv[2:4]) if len(sys.argv) > 3 else (LINKS, REDIRECTS)
    # The table's file lies in memory where that can be had: its writes are not what is measured.
    with tempfile.TemporaryDirectory(dir="/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None) as scratch:
        folder = pathlib.Path(scratch)
        for one in range(DATASETS):
            (folder / "lab" / f"set-{one}.zarr").mkdir(parents=True)
            (folder / "lab" / f"set-{one}.zarr" / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group"}')
        with product(binary, folder, "--data", f"lab={folder / 'lab'}") as up:
            begun = time.monotonic()
            paths = make_links(up, links)
            assert len(set(paths)) == links, "as many links as were asked for"
            print(f"{links} links made in {time.monotonic() - begun:.0f} s; resident {resident_mib(up.process.pid):.1f} MiB", flush=True)
            (folder / "paths.txt").write_text("\n".join(paths) + "\n")
            (folder / "each.lua").write_text(SCRIPT)
            done, begun, seen, told = 0, time.monotonic(), [], 0
            while done < redirects:
                answered, _ = wrk(
                    up.ready["data_url"], SLICE_SECS, script=folder / "each.lua", words=(str(folder / "paths.txt"), str(random.randrange(1 << 30)))
                )
                done += answered
                seen.append(resident_mib(up.process.pid))
                if done // (redirects // 10) > told:
                    told = done // (redirects // 10)
                    print(f"{done} redirects in {time.monotonic() - begun:.0f} s; resident {seen[-1]:.1f} MiB", flush=True)
    half = seen[len(seen) // 2 :]
    print(f"over the second half between {min(half):.1f} and {max(half):.1f} MiB")
    if half[-1] > half[0] * 1.05:
        sys.exit(f"FAIL  it grows: {half[0]:.1f} to {half[-1]:.1f} MiB over the second half")
    row("resident MiB at the most", max(seen), f"at most {MIB_MAX:.0f}", MIB_MAX)


if __name__ == "__main__":
    main()
