"""One closed loop over HTTP: `sender.py KIND CLIENTS SECONDS URL`; prints requests, seconds and CPU seconds as JSON.

Kinds: `aiohttp` and `protocol` are bare loops on uvloop, with nothing recorded but the latency; `library` and `raw` are
fairtrial's generator with the same libraries.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import uvloop


def main() -> None:
    """Send, then say what it took."""
    kind, clients, seconds, url = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    if kind in BARE:
        begin = time.process_time(), time.perf_counter()
        requests = uvloop.run(BARE[kind](clients, seconds, url))
        said = {
            "cpu_s": time.process_time() - begin[0],
            "seconds": time.perf_counter() - begin[1],
            "requests": requests,
        }
    else:
        said = ours(kind, clients, seconds, url)
    print(json.dumps(said))


async def with_aiohttp(clients: int, seconds: float, url: str) -> int:
    """Send with aiohttp, as short as its documentation has it."""
    import aiohttp

    taken: list[float] = []
    end = time.perf_counter() + seconds

    async def user(session: aiohttp.ClientSession) -> None:
        while (sent := time.perf_counter()) < end:
            async with session.get(url) as answer:
                await answer.read()
            taken.append(time.perf_counter() - sent)

    bare = ("Accept", "Accept-Encoding", "User-Agent")  # the same request as everybody's
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), skip_auto_headers=bare) as session:
        await asyncio.gather(*[user(session) for _ in range(clients)])
    return len(taken)


async def with_protocol(clients: int, seconds: float, url: str) -> int:
    """Send with a protocol that knows how this one answer ends: the least that a Python client can do."""
    place = urlsplit(url)
    request = f"GET / HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode()
    taken: list[float] = []
    end = time.perf_counter() + seconds
    over = asyncio.get_running_loop().create_future()

    class Client(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport, self.sent, self.data = transport, time.perf_counter(), b""
            transport.write(request)

        def data_received(self, data: bytes) -> None:
            self.data += data
            if not self.data.endswith(b"\r\n\r\nok\n"):
                return
            now, self.data = time.perf_counter(), b""
            taken.append(now - self.sent)
            if now < end:
                self.sent = now
                self.transport.write(request)
            elif not over.done():
                over.set_result(None)

    loop = asyncio.get_running_loop()
    await asyncio.gather(*[loop.create_connection(Client, place.hostname, place.port) for _ in range(clients)])
    await over
    return len(taken)


BARE = {"aiohttp": with_aiohttp, "protocol": with_protocol}


class Alone:
    """A crew of one: it starts at once."""

    async def start(self) -> int:
        """Return the instant of the start."""
        return time.perf_counter_ns() + 1_000_000


def ours(kind: str, clients: int, seconds: float, url: str) -> dict[str, float]:
    """Do the same as a generator process; CPU and requests are those of its window."""
    from fairtrial.systems.services.load.generator import Task, serve
    from fairtrial.systems.services.load.parts import read
    from fairtrial.systems.services.load.words import Load
    from fairtrial.systems.services.targets.known import adapter

    load = Load(clients=clients, duration_s=seconds, warmup_s=0.0, path=kind)
    target = adapter({"kind": "http", "url": url})
    with tempfile.TemporaryDirectory() as folder:
        task = Task(target.endpoint(None), load, 0, 0, 1, Path(folder, "part.npz"))
        host = serve(target, task, Alone())
        records = read(task.part)
    if not records.ok.all():
        raise SystemExit(f"requests failed: {records.errors}")
    return {"cpu_s": host["cpu_share"] * seconds, "seconds": seconds, "requests": len(records)}


if __name__ == "__main__":
    main()
