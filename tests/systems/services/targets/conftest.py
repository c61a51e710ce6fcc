"""Servers that play a scripted answer, and the weights of a small model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from fairtrial.contract.resource import resource
from fairtrial.errors import MissingPart

Play = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
"""Gets the body of a request, and writes the answer, head included."""


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Read a request's head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return head, await reader.readexactly(int(lengths[0])) if lengths else b""


@pytest.fixture
def scripted() -> Callable[[Play], Any]:
    """Return a context manager: a server that answers every GET with {} and plays the script for every POST."""

    @asynccontextmanager
    async def serve(play: Play) -> AsyncIterator[str]:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while True:
                    head, body = await read_request(reader)
                    if head.startswith(b"GET"):
                        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                    else:
                        await play(body, writer)
                    await writer.drain()
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()

    return serve


@pytest.fixture
def documents() -> Iterator[Callable[[dict[str, tuple[int, str]]], str]]:
    """Serve fixed answers to GET (path -> status and body) from a thread; return the address."""
    servers: list[ThreadingHTTPServer] = []

    def serve(answers: dict[str, tuple[int, str]]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, text = answers.get(self.path, (404, "{}"))
                self.send_response(status)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *words: object) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def smollm2() -> str:
    """Return the path of the weights of SmolLM2, which are fetched where they are missing."""
    pytest.importorskip("xllamacpp", reason="needs the extra llamacpp")
    try:
        return str(resource("smollm2").fetch())
    except MissingPart as problem:
        pytest.skip(f"the weights cannot be fetched: {problem}")
