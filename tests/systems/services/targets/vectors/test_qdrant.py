"""Tests of the target `qdrant`, on qdrant-client's in-memory mode: its API for real, no server (untested there)."""

from __future__ import annotations

import asyncio
from itertools import islice

import numpy as np
import pytest
from pydantic import ValidationError

from fairtrial.errors import MissingPart, ServiceFailed
from fairtrial.resources import process
from fairtrial.systems.services.target import Reply, RequestFailed, Settles, Target, Tidies
from fairtrial.systems.services.targets import parts
from fairtrial.systems.services.targets.vectors.qdrant import Qdrant, QdrantTarget

pytest.importorskip("qdrant_client", reason="qdrant-client is not installed")

SMALL = {"vectors": 300, "dimension": 8, "clusters": 4, "queries": 20, "batch": 10}


class Memory:
    """One store in memory, handed out as if every connection were its own: closing one ends nothing."""

    def __init__(self) -> None:
        from qdrant_client import AsyncQdrantClient

        self._inner = AsyncQdrantClient(location=":memory:")

    def __getattr__(self, name: str):
        return getattr(self._inner, name)

    async def close(self) -> None:
        pass


def target(memory: Memory | None = None, **given) -> QdrantTarget:
    found = QdrantTarget(Qdrant(**{**SMALL, **given}))
    if memory is not None:
        found._client = lambda: memory
    return found


def drive(found: QdrantTarget, count: int, *, client: int = 0) -> list[Reply]:
    async def go() -> list[Reply]:
        session = found.session({}, client)
        await session.connect()
        replies = []
        for _, wanted in islice(found.requests(client, 1), count):
            reply = await session.call(wanted)
            session.settle(wanted, reply)
            replies.append(reply)
        await session.close()
        return replies

    return asyncio.run(go())


@pytest.fixture
def memory():
    return Memory()


def test_it_is_a_target_that_tidies_and_whose_sessions_settle():
    """It has all that the trial and the generator ask for, and starts no server."""
    found = target()
    assert isinstance(found, Target)
    assert isinstance(found, Tidies)
    assert isinstance(found.session({}, 0), Settles)
    assert found.server() is None
    assert found.endpoint(None) == {"url": "http://127.0.0.1:6333"}


@pytest.mark.parametrize("space", ["l2", "cosine", "ip"])
def test_an_exact_search_has_recall_one_in_every_space(memory, space):
    """The in-memory store compares every vector, as the truth does."""
    found = target(memory, space=space)
    facts = asyncio.run(found.prepare({}, 1))
    assert facts["vectors"] == 300
    assert [reply.recall for reply in drive(found, 20)] == [1.0] * 20


def test_filtered_queries_have_the_truth_of_what_matches(memory):
    """Recall 1 against the neighbours that match, which are not those of a plain query."""
    found = target(memory, operation="filtered", filter_share=0.2)
    asyncio.run(found.prepare({}, 1))
    assert np.mean([reply.recall for reply in drive(found, 20)]) == 1.0
    plain = target(memory, filter_share=0.2)
    assert [wanted.truth for _, wanted in found._asking.pool(1)] != [
        wanted.truth for _, wanted in plain._asking.pool(1)
    ]


def test_what_is_not_a_neighbour_lowers_recall():
    """Recall is the share of the truth that came."""
    found = target()
    session = found.session({}, 0)
    _, wanted = found._asking.pool(1)[0]
    true = sorted(wanted.truth)

    class Point:
        def __init__(self, number: int) -> None:
            self.id = number

    session._found = [Point(number) for number in [*true[:4], 10**6]]
    reply = Reply()
    session.settle(wanted, reply)
    assert reply.recall == 0.4


def test_ingest_starts_empty_each_time_and_clients_do_not_collide(memory):
    """Two clients add three batches of ten each; the next prepare starts from none."""
    found = target(memory, operation="ingest")
    assert asyncio.run(found.prepare({}, 1))["vectors"] == 0
    drive(found, 3, client=0)
    drive(found, 3, client=1)
    assert asyncio.run(found.counters({})) == {"vectors": 60.0}
    asyncio.run(found.prepare({}, 1))
    assert asyncio.run(found.counters({})) == {"vectors": 0.0}


def test_a_loaded_collection_is_used_again_and_removed_unless_it_is_kept(memory):
    """With keep it stays after tidy; without it, it goes."""
    kept = target(memory, keep=True)
    asyncio.run(kept.prepare({}, 1))
    asyncio.run(kept.tidy({}))
    assert asyncio.run(kept.counters({})) == {"vectors": 300.0}
    filled = []
    kept._asking.__dict__["data"] = None  # a second load would need it
    filled.append(asyncio.run(kept.prepare({}, 1))["vectors"])
    assert filled == [300]
    gone = target(memory)
    asyncio.run(gone.tidy({}))
    assert asyncio.run(gone.counters({})) == {}


def test_a_mix_holds_both_and_no_recall(memory):
    """Index 0 queries, index 1 ingests; recall is not defined."""
    found = target(memory, operation="mix", ingest_share=0.4)
    asyncio.run(found.prepare({}, 1))
    added = sum(op for op, _ in islice(found.requests(0, 1), 30))
    assert all(np.isnan(reply.recall) for reply in drive(found, 30))
    assert asyncio.run(found.counters({})) == {"vectors": 300.0 + 10 * added}


def test_settings_of_the_index_are_asked_for():
    """m, ef_construct, ef_search and the threshold reach the calls of the client."""
    asked = []

    class Listening:
        async def collection_exists(self, name: str) -> bool:
            return False

        async def create_collection(self, name: str, **given) -> None:
            asked.append(given)

    from fairtrial.systems.services.targets.vectors.points import Store

    found = target(m=8, ef_construct=50, ef_search=33, indexing_threshold=1)
    asyncio.run(Store(Listening(), "x").create(found._words))
    assert (asked[0]["hnsw_config"].m, asked[0]["hnsw_config"].ef_construct) == (8, 50)
    assert asked[0]["optimizers_config"].indexing_threshold == 1
    _, wanted = found._asking.pool(1)[0]
    assert wanted.arguments["search_params"].hnsw_ef == 33


def test_answers_of_a_server_and_lost_connections_have_classes():
    """A status is http_N, no listener is refused, a cut connection is reset; on the wire, with the real client."""

    async def once(reply: bytes) -> str:
        async def serve(reader, writer) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(reply)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            session = target(url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}").session({}, 0)
            with pytest.raises(RequestFailed) as problem:
                await session.connect()
            await session.close()
        return problem.value.kind

    busy = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy"
    assert asyncio.run(once(busy)) == "http_503"
    assert asyncio.run(once(b"")) == "reset"
    assert asyncio.run(once(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]")) == "protocol"

    async def nobody() -> str:
        session = target(url=f"http://127.0.0.1:{process.free_port()}").session({}, 0)
        with pytest.raises(RequestFailed) as problem:
            await session.connect()
        await session.close()
        return problem.value.kind

    assert asyncio.run(nobody()) == "refused"


def test_an_unreachable_server_a_missing_library_and_a_malformed_address_are_said(monkeypatch):
    """Exit 8 with the address, exit 8 with the command, exit 2."""
    found = target(url=f"http://127.0.0.1:{process.free_port()}")
    with pytest.raises(ServiceFailed, match=r"qdrant at 127\.0\.0\.1:\d+ does not answer"):
        found.require()
    with pytest.raises(ServiceFailed, match="qdrant failed: refused"):
        asyncio.run(found.prepare({}, 1))
    asyncio.run(found.tidy({}))
    assert asyncio.run(found.counters({})) == {}
    monkeypatch.setattr(parts, "find_spec", lambda name: None)
    with pytest.raises(MissingPart, match=r"needs qdrant_client .*pip install 'fairtrial\[qdrant\]'"):
        found.require()
    with pytest.raises(ValidationError, match="malformed"):
        Qdrant(url="qdrant:6333")
