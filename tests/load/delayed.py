"""HTTP proxies for loopback that answer each request later by a fixed time, however many wait at once: a network's latency, without its limits."""

import asyncio
import contextlib
from collections.abc import Callable

Rewrite = Callable[[bytes], bytes]
HEAD_BYTES_MAX = 65_536


class Delayed:
    """One proxy: `port` → the upstream's port, each request `secs` late. `rewrite` may change the target of a request."""

    def __init__(self, upstream: int, secs: float, rewrite: Rewrite = bytes) -> None:
        self.upstream, self.secs, self.rewrite = upstream, secs, rewrite
        self.requests = 0
        self.server: asyncio.Server | None = None

    async def open(self, port: int = 0) -> int:
        """Listens; answers the port."""
        self.server = await asyncio.start_server(self._client, "127.0.0.1", port, limit=1 << 20)
        return self.server.sockets[0].getsockname()[1]

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self.upstream, limit=1 << 20)
            with contextlib.closing(upstream_writer):
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    self.requests += 1
                    await asyncio.sleep(self.secs)
                    method, target, rest = head.split(b" ", 2)
                    upstream_writer.write(b" ".join((method, self.rewrite(target), rest)))
                    answer = await upstream_reader.readuntil(b"\r\n\r\n")
                    length = 0 if method == b"HEAD" or answer[9:12] == b"304" else length_of(answer)
                    writer.write(answer + await upstream_reader.readexactly(length))
                    await writer.drain()
        writer.close()


def length_of(head: bytes) -> int:
    """The length that an answer names; one without is not expected here."""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    raise ValueError(f"an answer without a length: {head[:200]!r}")
