"""Requests to a model over HTTP: times of chunks, and every way in which a server can fail."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from fairtrial.errors import ServiceFailed
from fairtrial.systems.services.target import Reply, RequestFailed
from fairtrial.systems.services.targets.language.posting import Posting, ask
from fairtrial.systems.services.targets.language.sse import Events, whole

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
ROLE = b'data: {"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
TEXT = b'data: {"choices":[{"delta":{"content":"one two "},"finish_reason":null}]}\n\n'
END = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def chunk(data: bytes) -> bytes:
    """Frame data as one chunk; nothing ends the body."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def pushed(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Send a chunk, and let it arrive before the next."""
    writer.write(chunk(data))
    await writer.drain()
    await asyncio.sleep(0.02)


async def once(url: str, *, limit_s: float = 20.0, **words: Any) -> Reply:
    """Connect and ask once."""
    session = Posting(f"{url}/v1/x", probe=f"{url}/v1/models", **({"stream": Events, "whole": whole} | words))
    try:
        async with asyncio.timeout(limit_s):
            await session.connect()
            return await session.call(b"{}")
    finally:
        await session.close()


def failing(scripted: Callable[..., Any], play: Callable[..., Any], **words: Any) -> RequestFailed:
    """Return how a request to this script fails."""

    async def run() -> Reply:
        async with scripted(play) as url:
            return await once(url, **words)

    with pytest.raises(RequestFailed) as caught:
        asyncio.run(run())
    return caught.value


def test_chunks_are_timed_as_they_arrive(scripted: Callable[..., Any]):
    """The first content follows the role, the end follows the last chunk."""

    async def play(body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        for piece in (ROLE, TEXT, TEXT, END, b""):
            await pushed(writer, piece)

    async def run() -> tuple[int, Reply, int]:
        async with scripted(play) as url:
            begin = time.perf_counter_ns()
            reply = await once(url)
            return begin, reply, time.perf_counter_ns()

    begin, reply, end = asyncio.run(run())
    assert begin < reply.first_ns == reply.chunks_ns[0] < reply.chunks_ns[1] < end
    assert (len(reply.chunks_ns), reply.tokens_out) == (2, -1)


def test_one_connection_serves_many_requests_unless_it_must_not(scripted: Callable[..., Any]):
    """With `keep_alive` the same socket, without it one each."""
    peers: list[Any] = []

    async def play(body: bytes, writer: asyncio.StreamWriter) -> None:
        peers.append(writer.get_extra_info("peername"))
        writer.write(HEAD + chunk(TEXT) + chunk(END) + chunk(b""))

    async def run(*, keep_alive: bool) -> int:
        peers.clear()
        async with scripted(play) as url:
            session = Posting(f"{url}/x", probe=f"{url}/y", stream=Events, whole=whole, keep_alive=keep_alive)
            await session.connect()
            for _ in range(3):
                await session.call(b"{}")
            await session.close()
        return len(set(peers))

    assert (asyncio.run(run(keep_alive=True)), asyncio.run(run(keep_alive=False))) == (1, 3)


@pytest.mark.parametrize("closes", [True, False])
def test_a_server_that_closes_without_a_word_is_found_out(scripted: Callable[..., Any], *, closes: bool):
    """llama.cpp does so after each stream, though it announces the contrary."""

    async def play(body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + chunk(TEXT) + chunk(END) + chunk(b""))
        if closes:
            await writer.drain()
            writer.close()

    async def run() -> bool:
        async with scripted(play) as url:
            return await Posting(f"{url}/x", probe=f"{url}/y", whole=whole).keeps(b"{}")

    assert asyncio.run(run()) is not closes


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_refusal_is_of_the_class_of_its_status(scripted: Callable[..., Any], status: int):
    """What the body says is kept; the connection is not lost by it."""

    async def play(body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 8\r\n\r\ntoo many".encode())

    failure = failing(scripted, play)
    assert (failure.kind, str(failure), failure.lost) == (f"http_{status}", "too many", False)


def test_a_reset_in_the_middle_of_a_stream_is_a_reset(scripted: Callable[..., Any]):
    """Not a short answer."""

    async def play(body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        await pushed(writer, TEXT)
        peer = writer.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        writer.transport.abort()

    assert failing(scripted, play).kind == "reset"


def test_an_end_of_the_connection_in_the_middle_of_a_stream_is_a_reset(scripted: Callable[..., Any]):
    """The chunk that ends the body is missing, though the answer looks finished."""

    async def play(body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        await pushed(writer, TEXT + END)
        writer.close()

    assert failing(scripted, play).kind == "reset"


def test_a_server_that_hangs_up_at_once_is_a_reset(scripted: Callable[..., Any]):
    """Before it said anything."""

    async def play(body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.close()

    failure = failing(scripted, play)
    assert (failure.kind, failure.lost) == ("reset", True)


def test_what_is_no_http_is_a_failure_of_the_protocol(scripted: Callable[..., Any]):
    """Some other service on that port."""

    async def play(body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")

    assert failing(scripted, play).kind == "protocol"


def test_a_whole_answer_where_a_stream_was_asked_for_is_a_failure_of_the_protocol(scripted: Callable[..., Any]):
    """Servers that ignore `stream` have no time of a first token."""

    async def play(body: bytes, writer: asyncio.StreamWriter) -> None:
        text = b'{"choices":[{"message":{"content":"Hi"}}]}'
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text)

    assert failing(scripted, play).kind == "protocol"


def test_a_stream_that_drips_forever_ends_at_the_limit_of_the_whole_request(scripted: Callable[..., Any]):
    """Every chunk comes in time, the answer never does."""
    closed = asyncio.Event()

    async def play(body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        try:
            while not writer.is_closing():
                await pushed(writer, TEXT)
        finally:
            closed.set()

    async def run() -> None:
        async with scripted(play) as url:
            with pytest.raises(TimeoutError):
                await once(url, limit_s=0.3)
            await asyncio.wait_for(closed.wait(), 10)

    asyncio.run(run())


def test_a_connection_that_was_lost_can_be_made_again(scripted: Callable[..., Any]):
    """`close` and `connect` bring a session back."""
    asked: list[bytes] = []

    async def play(body: bytes, writer: asyncio.StreamWriter) -> None:
        asked.append(body)
        if len(asked) == 1:
            writer.close()
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n" + b'{"choices":[{"text":"a word"}]}')

    async def run() -> Reply:
        async with scripted(play) as url:
            session = Posting(f"{url}/x", probe=f"{url}/y", whole=whole)
            await session.connect()
            with pytest.raises(RequestFailed):
                await session.call(b"1")
            await session.close()
            await session.connect()
            reply = await session.call(b"2")
            await session.close()
            return reply

    assert asyncio.run(run()).bytes_in == 31
    assert asked == [b"1", b"2"]


def test_nobody_there_is_refused():
    """When connecting, and to a question before the run."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(RequestFailed) as caught:
            asyncio.run(once(url))
        assert caught.value.kind == "refused"
        with pytest.raises(ServiceFailed, match=r"no answer from http://127.0.0.1:\d+/v1/models: .*refused"):
            ask(f"{url}/v1/models")
