"""The target http against small real servers: both ways of sending, and every way in which an answer can go wrong."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from itertools import islice

import pytest
from pydantic import ValidationError

from fairtrial.errors import ServiceFailed, UserError
from fairtrial.systems.services.load.failure import classify, lost
from fairtrial.systems.services.record import Outcome
from fairtrial.systems.services.target import RequestFailed, Target
from fairtrial.systems.services.targets.known import adapter

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"
BOTH = pytest.mark.parametrize("way", ["raw", "library"])

Answer = Callable[[asyncio.StreamWriter, int], Awaitable[None]]
"""(connection, number of the request on it) -> write the answer."""


async def serving(answer: Answer, work: Callable[[int, list[bytes]], Awaitable[object]]) -> object:
    """Serve answers on a free port while `work(port, requests seen)` runs."""
    seen: list[bytes] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = 0
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                body = await reader.readexactly(int(length[0].split(b":")[1])) if length else b""
                seen.append(head + body)
                await answer(writer, number)
                number += 1
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        return await work(server.sockets[0].getsockname()[1], seen)
    finally:
        server.close()


def ask(answer: Answer, way: str, *, count: int = 1, **parameters) -> tuple[list[object], list[bytes]]:
    """Ask `count` times over one session; return replies and problems, and the requests that the server saw."""

    async def work(port: int, seen: list[bytes]) -> tuple[list[object], list[bytes]]:
        target = adapter({"kind": "http", "url": f"http://127.0.0.1:{port}", **parameters})
        session = target.session(target.endpoint(None) | {"path": way}, 0)
        await session.connect()
        found: list[object] = []
        for _, prepared in islice(target.requests(0, 1), count):
            try:
                reply = await session.call(prepared)
                found.append((reply.first_ns, reply.bytes_in))
            except (RequestFailed, OSError) as problem:
                found.append(problem)
                if lost(problem):
                    await session.close()
                    await session.connect()
        await session.close()
        return found, seen

    return asyncio.run(serving(answer, work))


def always(data: bytes) -> Answer:
    async def answer(writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(data)

    return answer


def closing(data: bytes) -> Answer:
    async def answer(writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(data)
        writer.close()

    return answer


def kinds(found: list[object]) -> list[str]:
    return ["ok" if isinstance(one, tuple) else classify(one)[1] for one in found]


@BOTH
def test_connections_are_kept(way):
    """Requests follow each other on one connection; first byte and size of each answer are known."""
    numbers = []

    async def answer(writer, number):
        numbers.append(number)
        writer.write(OK)

    before = time.perf_counter_ns()
    found, _ = ask(answer, way, count=3)
    assert numbers == [0, 1, 2]
    assert all(before < first < time.perf_counter_ns() for first, _ in found)
    assert all(size == (len(OK) if way == "raw" else 2) for _, size in found)


@BOTH
def test_connecting_sends_no_request(way):
    """The connection is made before anything is timed, without a request that the server would see."""

    async def work(port, seen):
        target = adapter({"kind": "http", "url": f"http://127.0.0.1:{port}"})
        session = target.session({"path": way}, 0)
        await session.connect()
        await asyncio.sleep(0.01)
        before = list(seen)
        await session.call(next(target.requests(0, 0))[1])
        await session.close()
        return before, len(seen)

    assert asyncio.run(serving(always(OK), work)) == ([], 1)


@BOTH
def test_request_is_made_from_its_template(way):
    """Method, path, headers and body arrive as they were written, fields filled in."""
    words = {
        "method": "POST",
        "path": "/items/{i}?c={client}",
        "headers": {"X-Key": "abc", "Content-Type": "application/json"},
        "body": '{"n": {random:3:3}}',
    }
    found, seen = ask(always(OK), way, count=2, **words)
    assert kinds(found) == ["ok", "ok"]
    for number, request in enumerate(seen):
        head, _, body = request.partition(b"\r\n\r\n")
        assert head.startswith(b"POST /items/%d?c=0 HTTP/1.1\r\n" % number)
        assert b"x-key: abc" in head.lower()
        assert head.lower().count(b"host:") == 1
        assert body == b'{"n": 3}'


@BOTH
def test_posting_nothing_has_a_length(way):
    """A POST without a body says so, as servers ask for."""
    _, seen = ask(always(OK), way, method="POST")
    assert b"content-length: 0" in seen[0].lower()


@BOTH
@pytest.mark.parametrize("status", [b"429 Too Many Requests", b"500 Oops", b"503 Busy", b"404 None", b"302 Found"])
def test_status_decides(way, status):
    """A status outside the expected range is a failure of its own class; the connection serves on."""
    found, seen = ask(always(OK.replace(b"200 OK", status)), way, count=2)
    assert kinds(found) == [f"http_{status.split()[0].decode()}"] * 2
    assert not lost(found[0])
    assert len(seen) == 2


@BOTH
def test_expected_range_is_the_users(way):
    """A status that the user expects is a success."""
    found, _ = ask(always(OK.replace(b"200 OK", b"404 None")), way, status=[404, 404])
    assert kinds(found) == ["ok"]


@BOTH
def test_chunked_answers(way):
    """A chunked answer is read to its end, also when it arrives byte by byte."""

    async def drip(writer, number):
        for at in range(len(CHUNKED)):
            writer.write(CHUNKED[at : at + 1])
            await writer.drain()
            await asyncio.sleep(0)

    assert kinds(ask(always(CHUNKED), way, count=3)[0]) == ["ok"] * 3
    assert kinds(ask(drip, way, count=2)[0]) == ["ok"] * 2


@BOTH
def test_connection_close(way):
    """Where the server closes after each answer, every request still succeeds."""
    data = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert kinds(ask(closing(data), way, count=3)[0]) == ["ok"] * 3


@BOTH
def test_body_until_the_end_of_the_connection(way):
    """An answer without a length ends where the connection does."""
    assert kinds(ask(closing(b"HTTP/1.1 200 OK\r\n\r\nuntil the end"), way, count=2)[0]) == ["ok"] * 2


@BOTH
@pytest.mark.parametrize(
    "data",
    [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", CHUNKED[:-9]],
    ids=["nothing", "status", "body", "chunk"],
)
def test_reset_amid_an_answer(way, data):
    """A connection that ends before the answer does is a reset, never a success; it is connected again."""
    found, seen = ask(closing(data), way, count=2)
    assert kinds(found) == ["reset", "reset"]
    assert lost(found[0])
    assert len(seen) == 2


@BOTH
def test_reset_by_the_peer(way):
    """A hard reset (RST) is a reset."""

    async def reset(writer, number):
        linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    assert kinds(ask(reset, way)[0]) == ["reset"]


@BOTH
def test_what_is_no_http(way):
    """An answer that is not HTTP is a failure of class protocol, and loses the connection."""
    found, _ = ask(always(b"SSH-2.0-OpenSSH\r\n\r\n"), way)
    assert kinds(found) == ["protocol"]
    assert lost(found[0])


@BOTH
def test_interim_answers_are_skipped(way):
    """A 103 before the answer is not the answer."""
    data = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK
    assert kinds(ask(always(data), way, count=2)[0]) == ["ok"] * 2


@BOTH
def test_refused(way):
    """Where nothing listens, connecting is refused; checking beforehand says what to do."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
    target = adapter({"kind": "http", "url": f"http://127.0.0.1:{port}"})

    async def work():
        session = target.session({"path": way}, 0)
        try:
            await session.connect()
        finally:
            await session.close()

    with pytest.raises((RequestFailed, OSError)) as caught:
        asyncio.run(work())
    assert classify(caught.value) == (Outcome.ERROR, "refused")
    with pytest.raises(ServiceFailed, match="does not answer"):
        target.require()


@BOTH
def test_given_up_request_leaves_nothing_behind(way):
    """After a slow drip was given up and connected again, the next answer is that of the next request."""

    async def answer(writer, number):
        if number:
            writer.write(OK)
            return
        writer.write(OK[:20])
        await asyncio.sleep(0.2)
        writer.write(OK[20:])

    async def work(port, seen):
        target = adapter({"kind": "http", "url": f"http://127.0.0.1:{port}"})
        session = target.session({"path": way}, 0)
        await session.connect()
        prepared = next(target.requests(0, 0))[1]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await session.call(prepared)
        await session.close()
        await session.connect()
        slow = asyncio.ensure_future(session.call(prepared))
        reply = await slow
        await session.close()
        return reply.bytes_in

    assert asyncio.run(serving(answer, work)) in (2, len(OK))


def test_way_of_sending():
    """Plain requests go the raw way unless the library is asked for; https and HEAD cannot."""
    plain, head = (
        adapter({"kind": "http", "url": "http://127.0.0.1:1", "method": method}) for method in ("GET", "HEAD")
    )
    tls = adapter({"kind": "http", "url": "https://127.0.0.1:1"})
    names = [type(target.session({"path": "auto"}, 0)).__name__ for target in (plain, head, tls)]
    assert names == ["Raw", "Library", "Library"]
    for target in (head, tls):
        with pytest.raises(UserError, match="raw is for plain http"):
            target.session({"path": "raw"}, 0)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ({"url": "localhost:80"}, "malformed"),
        ({"url": "ftp://x"}, "malformed"),
        ({"url": "http://x:99999"}, "malformed"),
        ({"url": "http://x/path"}, "`path`"),
        ({"url": "http://x", "path": "no-slash"}, "pattern"),
        ({"url": "http://x", "path": "/{rnd:1:2}"}, "unknown field"),
        ({"url": "http://x", "body": "{random:2:1}"}, "malformed field"),
        ({"url": "http://x", "status": [300, 200]}, "above the last"),
        ({"url": "http://x", "headers": {"Host": "y"}}, "set by the generator"),
        ({"url": "http://x", "headers": {"A": "b\r\nC: d"}}, "malformed"),
        ({"url": "http://x", "verb": "GET"}, "Extra inputs"),
    ],
)
def test_bad_parameters(words, what):
    """Parameters that cannot work are refused before anything is sent."""
    with pytest.raises(ValidationError, match=what):
        adapter({"kind": "http", **words})


def test_is_a_target_and_keeps_secrets(monkeypatch):
    """It has the powers of a target; a secret header is revealed on the wire only."""
    monkeypatch.setenv("KEY", "s3cret")
    target = adapter({"kind": "http", "url": "http://x:1", "headers": {"Authorization": {"secret": "KEY"}}})
    assert isinstance(target, Target)
    assert b"Authorization: s3cret" in next(target.requests(0, 0))[1].wire
    assert "s3cret" not in str(target.endpoint(None))
