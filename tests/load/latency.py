"""zarr-python reading 512 chunks of 64 KiB through a link, beside reading them directly, with latency injected: 20 ms at the app, 30 at the storage.

Both ways the bytes come from the product's own object storage through the same delaying proxy. What is read directly needs no signature of the
client's: the proxy adds those that were collected before the clock ran. The floor of the ratio is (20 + 30) / 30 = 1.67.
"""

import asyncio
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

from delayed import Delayed
from measure import location_of, middle, product, row

PYTHON = pathlib.Path(__file__).resolve().parent.parent / ".venv" / "clients" / "bin" / "python"
ROUNDS = 7
APP_SECS, STORAGE_SECS = 0.020, 0.030
CHUNKS = 512

MAKE = """
import sys, numpy, zarr
# 512 chunks of 64 KiB, stored as they are.
array = zarr.create_array(sys.argv[1], shape=(8 * 64, 8 * 64, 8 * 16), chunks=(64, 64, 16), dtype="uint8", compressors=None, zarr_format=3)
array[...] = numpy.random.default_rng(1).integers(0, 256, array.shape, dtype="uint8")
"""

# One process for all rounds, told a URL a line: imports, and a first reading of each, are not what is measured. Default concurrency.
READ = """
import json, sys, time, zarr
print("ready", flush=True)
for url in sys.stdin:
    array = zarr.open_array(zarr.storage.FsspecStore.from_url(url.strip(), read_only=True), mode="r", zarr_format=3)
    begun = time.perf_counter()
    values = array[...]
    took = time.perf_counter() - begun
    print(json.dumps({"secs": took, "sum": int(values.sum(dtype="uint64")), "concurrency": zarr.config.get("async.concurrency")}), flush=True)
"""


class Signatures:
    """The signed query of each object, as the data origin gives it."""

    def __init__(self) -> None:
        self.queries: dict[bytes, bytes] = {}

    def collect(self, link: str, paths: list[str]) -> None:
        """Asks for every path of `link`."""
        with ThreadPoolExecutor(8) as pool:
            for location in pool.map(lambda path: location_of(f"{link}/{path}"), paths):
                signed = urllib.parse.urlsplit(location)
                self.queries[signed.path.encode()] = signed.query.encode()

    def signed(self, target: bytes) -> bytes:
        """A target that carries a signature of its own stays as it is."""
        query = self.queries.get(target)
        return target if query is None else target + b"?" + query


async def free_port() -> int:
    """A port that is free now."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


def main() -> None:
    """Alternates between the two ways."""
    binary = sys.argv[1]
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    def in_loop(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)

    app_port, storage_port = in_loop(free_port()), in_loop(free_port())
    signatures = Signatures()
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        stored = folder / "lab" / "array.zarr"
        stored.parent.mkdir()
        subprocess.run([PYTHON, "-c", MAKE, stored], check=True, timeout=120)
        options = ("--data", f"lab={folder / 'lab'}", "--data-url", f"http://127.0.0.1:{app_port}", "--objects-url", f"http://127.0.0.1:{storage_port}")
        with product(binary, folder, *options) as up:
            ports = listening(up)
            app, storage = Delayed(ports["data"], APP_SECS), Delayed(ports["objects"], STORAGE_SECS, signatures.signed)
            in_loop(app.open(app_port)), in_loop(storage.open(storage_port))
            link = up.call("link", "create", "lab:array.zarr/")["url"].rstrip("/")
            undelayed = link.replace(f":{app_port}/", f":{ports['data']}/")
            paths = [path.relative_to(stored).as_posix() for path in stored.rglob("*") if path.is_file()]
            direct = f"http://127.0.0.1:{storage_port}/lab/array.zarr"
            reader = subprocess.Popen([PYTHON, "-c", READ], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            with reader:
                reader.stdout.readline()

                def read(url: str, through: Delayed) -> float:
                    before = through.requests
                    reader.stdin.write(url + "\n")
                    reader.stdin.flush()
                    done = json.loads(reader.stdout.readline())
                    assert through.requests - before >= CHUNKS, "every chunk was asked for"
                    assert sums.setdefault("sum", done["sum"]) == done["sum"], "the same values both ways"
                    assert done["concurrency"] == 10, "as a user finds it"
                    return done["secs"]

                def both() -> tuple[float, float]:
                    # Signed for 45 s at the least: longer than both readings.
                    signatures.collect(undelayed, paths)
                    return read(link, app), read(direct, storage)

                sums: dict[str, int] = {}
                both()
                rounds = [both() for _ in range(ROUNDS)]
                reader.stdin.close()
    ours, theirs = (middle([one[at] for one in rounds]) for at in (0, 1))
    print(f"medians of {ROUNDS} rounds in turn: {ours:.2f} s through the link, {theirs:.2f} s directly")
    row("through the link / directly", middle([ours / theirs for ours, theirs in rounds]), "at most 1.8; 1.67 is the floor", 1.8)


def listening(up) -> dict[str, int]:
    """The ports that the product itself listens on, where its addresses are the proxies': told by what answers there."""
    inodes = set()
    for link in pathlib.Path(f"/proc/{up.process.pid}/fd").iterdir():
        name = str(link.readlink())
        if name.startswith("socket:["):
            inodes.add(name[8:-1])
    found = {}
    app = urllib.parse.urlsplit(up.ready["app_url"]).port
    table = urllib.parse.urlsplit(up.ready["table_url"]).port
    for line in pathlib.Path(f"/proc/{up.process.pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        port = int(fields[1].rsplit(":", 1)[1], 16)
        if fields[3] == "0A" and fields[9] in inodes and port not in (app, table):
            # S3 names itself in every answer; the data origin answers problems.
            kind = "data" if is_data(port) else "objects"
            found[kind] = port
    return found


def is_data(port: int) -> bool:
    """Whether the data origin answers there."""
    from measure import head_of

    _, headers = head_of(f"http://127.0.0.1:{port}/nothing-here")
    return dict(headers).get("content-type", "").startswith("application/problem+json")


if __name__ == "__main__":
    main()
