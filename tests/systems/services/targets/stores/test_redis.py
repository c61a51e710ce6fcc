"""Tests of the target `redis`, on a real redis-server that the tests start on a free port."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from itertools import islice
from pathlib import Path

import pytest
from pydantic import ValidationError

from fairtrial.errors import MissingPart, ServiceFailed, UserError
from fairtrial.resources import process
from fairtrial.systems.services.target import Derives, Reply, RequestFailed, Target, Tidies
from fairtrial.systems.services.targets import parts
from fairtrial.systems.services.targets.stores.redis import Redis, RedisTarget
from fairtrial.systems.services.targets.stores.resp import Command, Line, Link, packed

pytest.importorskip("redis", reason="redis-py is not installed")
PROGRAM = shutil.which("redis-server")
needs_server = pytest.mark.skipif(PROGRAM is None, reason="redis-server is not on PATH")


def start(folder: Path, *options: str) -> tuple[int, int, float]:
    port, log = process.free_port(), folder / "redis.log"
    argv = [PROGRAM, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder), *options]
    pid = process.spawn(argv, log=log)

    def answers() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        return True

    process.await_ready(answers, pid=pid, log=log, what="redis", timeout_s=20)
    return port, pid, process.started(pid)


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    if PROGRAM is None:
        pytest.skip("redis-server is not on PATH")
    number, pid, since = start(tmp_path_factory.mktemp("redis"))
    yield number
    process.stop(pid, started=since)


def target(port: int, **given) -> RedisTarget:
    return RedisTarget(Redis(port=port, **{"keys": 1200, "value_bytes": 100, **given}))


def drive(found: RedisTarget, count: int, *, client: int = 0) -> list[Reply]:
    async def go() -> list[Reply]:
        session = found.session(found.endpoint(None), client)
        await session.connect()
        try:
            return [await session.call(wanted) for _, wanted in islice(found.requests(client, 1), count)]
        finally:
            await session.close()

    return asyncio.run(go())


def told(port: int, *words: bytes) -> object:
    """Ask the server one thing."""

    async def go() -> object:
        async with Link(f"redis://127.0.0.1:{port}") as link:
            return (await link._all([packed(*words)]))[0]

    return asyncio.run(go())


def test_it_is_a_target_that_derives_and_tidies():
    """It has all that the trial asks for, and starts no server."""
    found = target(6379)
    assert isinstance(found, Target)
    assert isinstance(found, Tidies)
    assert isinstance(found, Derives)
    assert found.server() is None
    assert found.endpoint(None) == {"url": "redis://127.0.0.1:6379"}


def test_every_key_is_there_after_prepare_and_none_after_tidy(port):
    """1,200 keys of 100 bytes; other people's keys are left alone."""
    told(port, b"SET", b"someone", b"else")
    found = target(port)
    facts = asyncio.run(found.prepare(found.endpoint(None), 1))
    assert facts["keys"] == 1200
    assert facts["version"]
    assert told(port, b"DBSIZE") == 1201
    assert len(told(port, b"GET", b"fairtrial:1199")) == 100
    asyncio.run(found.tidy(found.endpoint(None)))
    assert told(port, b"DBSIZE") == 1
    told(port, b"DEL", b"someone")


def test_gets_bring_values_and_the_server_counts_them(port):
    """200 gets are 200 hits more, and the counters give CPU and memory of the server."""
    found = target(port)
    asyncio.run(found.prepare({}, 1))
    before = asyncio.run(found.counters({}))
    assert [reply.bytes_in for reply in drive(found, 200)] == [100] * 200
    after = asyncio.run(found.counters({}))
    assert after["keyspace_hits"] - before["keyspace_hits"] == 200
    assert after["keyspace_misses"] == before["keyspace_misses"]
    derived = found.derived(before, after)
    assert derived["server_cpu_cores"] >= 0
    assert derived["server_rss_bytes"] > 1e5
    assert found.derived({}, after) == {}


def test_sets_change_values_within_the_key_space(port):
    """What is written is a value of the size, under a key of the trial's own; no key is added."""
    found = target(port, operation="set", keys=3)
    asyncio.run(found.prepare({}, 1))
    size = told(port, b"DBSIZE")
    before = told(port, b"GET", b"fairtrial:0")
    drive(found, 50)
    assert told(port, b"DBSIZE") == size
    after = told(port, b"GET", b"fairtrial:0")
    assert len(after) == 100
    assert after != before


def test_a_mix_has_its_share_of_sets_and_is_the_same_for_the_same_seed(port):
    """Index 0 gets, index 1 sets; the stream belongs to seed and client."""
    found = target(port, operation="mix", set_share=0.3)
    assert found.operations == ("get", "set")
    drawn = list(islice(found.requests(0, 1), 5000))
    share = sum(op for op, _ in drawn) / 5000
    assert 0.27 < share < 0.33
    assert all(command.packed.split(b"\r\n")[2] == (b"SET" if op else b"GET") for op, command in drawn)
    assert list(islice(target(port, operation="mix", set_share=0.3).requests(0, 1), 100)) == drawn[:100]
    assert list(islice(found.requests(1, 1), 100)) != drawn[:100]


def test_a_key_that_is_not_there_is_a_failure_and_no_fast_answer(port):
    """A miss, a value of another size and a wrong command have classes of their own; the connection lives on."""

    async def go() -> None:
        line = Line(f"redis://127.0.0.1:{port}")
        await line.connect()
        await line.call(Command(packed(b"SET", b"odd", b"xyz"), 0))
        for wanted, kind in (
            (Command(packed(b"GET", b"nowhere"), 100), "redis_missing"),
            (Command(packed(b"GET", b"odd"), 100), "redis_value"),
            (Command(packed(b"LPUSH", b"odd", b"1"), 0), "redis_wrongtype"),
            (Command(packed(b"NONSENSE"), 0), "redis_response"),
        ):
            with pytest.raises(RequestFailed) as problem:
                await line.call(wanted)
            assert (problem.value.kind, problem.value.lost) == (kind, False)
        assert (await line.call(Command(packed(b"GET", b"odd"), 3))).bytes_in == 3
        await line.close()
        with pytest.raises(RequestFailed, match="not connected"):
            await line.call(Command(packed(b"PING"), 0))

    asyncio.run(go())


@needs_server
def test_a_server_that_is_killed_gives_failures_with_a_class(tmp_path):
    """The call in flight is reset, connecting again refused; counters are empty, tidying raises nothing."""
    number, pid, since = start(tmp_path)
    try:
        found = target(number)
        asyncio.run(found.prepare({}, 1))

        async def go() -> None:
            session = found.session({}, 0)
            await session.connect()
            requests = found.requests(0, 1)
            await session.call(next(requests)[1])
            process.stop(pid, started=since, how=9)
            with pytest.raises(RequestFailed) as problem:
                await session.call(next(requests)[1])
            assert (problem.value.kind, problem.value.lost) == ("reset", True)
            with pytest.raises(RequestFailed) as problem:
                await session.connect()
            assert problem.value.kind == "refused"
            await session.close()

        asyncio.run(go())
        assert asyncio.run(found.counters({})) == {}
        asyncio.run(found.tidy({}))
        with pytest.raises(ServiceFailed, match="redis failed: refused"):
            asyncio.run(found.prepare({}, 1))
    finally:
        process.stop(pid, started=since)


@needs_server
def test_a_server_that_is_full_is_said(tmp_path):
    """Where keys are evicted while they are loaded the trial ends; where writes are refused it says so."""
    for policy, said in (("allkeys-random", r"redis holds \d+ of 20000 keys"), ("noeviction", "redis failed: redis_")):
        folder = tmp_path / policy
        folder.mkdir()
        number, pid, since = start(folder, "--maxmemory", "3mb", "--maxmemory-policy", policy)
        try:
            with pytest.raises(ServiceFailed, match=said):
                asyncio.run(target(number, keys=20_000).prepare({}, 1))
        finally:
            process.stop(pid, started=since)


def test_evictions_during_the_load_make_it_doubtful():
    """They turn gets into misses."""
    found = target(6379)
    assert found.doubt({"evicted_keys": 1.0}, {"evicted_keys": 1.0}) == ""
    assert "evicted 3 keys" in found.doubt({"evicted_keys": 1.0}, {"evicted_keys": 4.0})


@needs_server
def test_a_password_comes_from_a_secret_and_shows_nowhere(tmp_path, monkeypatch):
    """With it the target works; without it the class is redis_auth; endpoint and parameters do not hold it."""
    number, pid, since = start(tmp_path, "--requirepass", "hunter2")
    try:
        monkeypatch.setenv("REDIS_URL", f"redis://:hunter2@127.0.0.1:{number}/0")
        found = RedisTarget(Redis(url={"secret": "REDIS_URL"}, keys=10))
        found.require()
        facts = asyncio.run(found.prepare({}, 1))
        assert len(drive(found, 5)) == 5
        for shown in (facts, found.endpoint(None), found._words.model_dump(mode="json"), repr(found._words)):
            assert "hunter2" not in str(shown)
        with pytest.raises(ServiceFailed, match="redis failed: redis_"):
            asyncio.run(target(number).prepare({}, 1))
    finally:
        process.stop(pid, started=since)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": "localhost:6379"}, "malformed"),
        ({"url": "http://localhost:6379"}, "malformed: it has no redis:// or rediss:// before it"),
        ({"url": "redis://:6379"}, "no host"),
        ({"url": "redis://:pw@localhost:6379"}, "holds a password .*secret"),
        ({"port": 0}, "port"),
        ({"keys": 0}, "keys"),
    ],
)
def test_malformed_parameters_are_refused_with_what_is_wrong(given, said):
    """Each says what is wrong; none reaches a server."""
    with pytest.raises(ValidationError, match=said):
        Redis(**given)


def test_a_malformed_secret_address_is_the_users_mistake(monkeypatch):
    """It is read when it is needed, and never repeated in the message."""
    monkeypatch.setenv("REDIS_URL", "mysql://:hunter2@somewhere")
    with pytest.raises(UserError, match="malformed") as problem:
        RedisTarget(Redis(url={"secret": "REDIS_URL"})).require()
    assert "hunter2" not in str(problem.value)
    monkeypatch.delenv("REDIS_URL")
    with pytest.raises(UserError, match="not in the environment"):
        RedisTarget(Redis(url={"secret": "REDIS_URL"})).require()
    assert "REDIS_URL" not in os.environ


def test_an_unreachable_server_and_a_missing_library_are_said_before_anything_starts(monkeypatch):
    """ServiceFailed with the address, MissingPart with the command: both exit 8."""
    number = process.free_port()
    with pytest.raises(ServiceFailed, match=rf"redis at 127.0.0.1:{number} does not answer: Connection refused"):
        target(number).require()
    monkeypatch.setattr(parts, "find_spec", lambda name: None)
    with pytest.raises(MissingPart, match=r"needs redis .*pip install 'fairtrial\[redis\]'"):
        target(number).require()
