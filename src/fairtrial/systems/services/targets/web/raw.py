"""Plain HTTP/1.1 on asyncio and httptools: one connection, one request at a time, as little as possible around it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import Any, NamedTuple

from fairtrial.systems.services.target import Reply, RequestFailed


class Asked(NamedTuple):
    """A request, ready for either way of sending it."""

    path: str
    body: bytes
    wire: bytes
    """All of it, as it goes over the connection."""


class Raw:
    """A session. Where the server closes after an answer, the next request opens a connection, and pays for it."""

    def __init__(self, host: str, port: int, *, expected: range) -> None:
        self._host, self._port, self._expected = host, port, expected
        self._wire: Wire | None = None

    async def connect(self) -> None:
        """Connect. Raises OSError."""
        await self.close()
        await self._open()

    def call(self, asked: Asked) -> Awaitable[Reply]:
        """Send a request; the awaitable is its answer. Raises RequestFailed: http_503, reset, protocol; OSError."""
        if self._wire is None or self._wire.closed:
            return self._call_anew(asked)
        return self._wire.ask(asked.wire)

    async def close(self) -> None:
        """Drop the connection."""
        if self._wire is not None:
            self._wire.drop()

    async def _open(self) -> Wire:
        loop = asyncio.get_running_loop()
        _, self._wire = await loop.create_connection(lambda: Wire(loop, self._expected), self._host, self._port)
        return self._wire

    async def _call_anew(self, asked: Asked) -> Reply:
        return await (await self._open()).ask(asked.wire)


class Wire(asyncio.Protocol):
    """One connection, and what the parser finds on it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, expected: range) -> None:
        import httptools

        self.closed = False
        self._loop, self._expected, self._clock = loop, expected, time.perf_counter_ns
        self._error: type[Exception] = httptools.HttpParserError
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Reply] | None = None
        self._reply = Reply()  # the same for all requests: whoever gets it has read it before the next is sent
        self._first = self._last = self._bytes = 0
        self._head = b""
        self._headed = False

    def ask(self, wire: bytes) -> asyncio.Future[Reply]:
        """Send a request; return its answer."""
        self._first = self._bytes = 0
        self._answer = answer = self._loop.create_future()
        self._transport.write(wire)
        return answer

    def drop(self) -> None:
        """Close the connection at once."""
        self.closed, self._answer = True, None
        self._transport.abort()

    def connection_made(self, transport: Any) -> None:
        """Have the connection."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._last = self._clock()
        if not self._first:
            self._first = self._last
        self._bytes += len(data)
        if not self._headed:
            self._head += data
        try:
            self._parser.feed_data(data)
        except self._error as problem:
            self._fail(RequestFailed("protocol", str(problem)))
            self.drop()

    def on_headers_complete(self) -> None:
        """Hear from the parser that the body begins."""
        self._headed = True

    def on_message_complete(self) -> None:
        """Hear from the parser that an answer is complete."""
        self._headed, head, self._head = False, self._head, b""
        if self._parser.get_status_code() < 200:  # 100 Continue and the like come before the answer
            self._head = head.partition(b"\r\n\r\n")[2]
            return
        if not self._parser.should_keep_alive():
            self.closed = True
            self._transport.close()
        self._complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Hear that the connection is gone: between answers, at the end of one without a length, or amid one."""
        self.closed = True
        if exc is None and self._headed and not _delimited(self._head):
            self._complete()
        else:
            self._fail(RequestFailed("reset", "the connection was closed before the answer was complete"))

    def _complete(self) -> None:
        status = self._parser.get_status_code()
        if status not in self._expected:
            self._fail(RequestFailed(f"http_{status}"))
            return
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            reply = self._reply
            reply.first_ns, reply.bytes_in, reply.done_ns = self._first, self._bytes, self._last
            answer.set_result(reply)

    def _fail(self, problem: RequestFailed) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(problem)


def _delimited(head: bytes) -> bool:
    """Say whether the headers tell where the body ends."""
    lines = head.split(b"\r\n\r\n", 1)[0].lower().split(b"\r\n")
    return any(line.startswith((b"content-length:", b"transfer-encoding:")) for line in lines)
