"""Tests of the target `chroma`, on a real `chroma run`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
import warnings
from base64 import b64decode
from itertools import islice
from threading import Timer
from types import SimpleNamespace

import numpy as np
import pytest
from pydantic import ValidationError

from fairtrial.errors import MissingPart, ServiceFailed
from fairtrial.resources import process
from fairtrial.resources.chroma import Chroma as Server
from fairtrial.systems.services.load import crew
from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.target import Elastic, Reply, RequestFailed, Settles, Target, Tidies
from fairtrial.systems.services.targets import parts
from fairtrial.systems.services.targets.vectors.chroma import Chroma, ChromaTarget
from fairtrial.systems.services.targets.vectors.collection import Place, Rest, ask, failed
from fairtrial.systems.services.targets.vectors.loading import Loader, loader
from fairtrial.systems.services.targets.vectors.neighbours import exact

pytest.importorskip("chromadb_rust_bindings", reason="the chromadb wheel is not installed")
pytest.importorskip("aiohttp", reason="aiohttp is not installed")

SMALL = {"vectors": 600, "dimension": 16, "clusters": 6, "queries": 30, "batch": 20}


@pytest.fixture(scope="module")
def handle(tmp_path_factory):
    running = Server().start({}, tmp_path_factory.mktemp("chroma"))
    yield running
    Server().stop(running)


def target(**given) -> ChromaTarget:
    return ChromaTarget(Chroma(**{**SMALL, **given}))


def prepared(found: ChromaTarget, handle) -> dict:
    endpoint = found.endpoint(handle)
    return endpoint | {"prepared": asyncio.run(found.prepare(endpoint, 1))}


def drive(found: ChromaTarget, endpoint, count: int, *, client: int = 0) -> list[Reply]:
    """Send so many requests of one virtual user one after another, as a generator does."""

    async def go() -> list[Reply]:
        session = found.session(endpoint, client)
        await session.connect()
        try:
            replies = []
            for _, wanted in islice(found.requests(client, 1), count):
                reply = await session.call(wanted)
                session.settle(wanted, reply)
                replies.append(reply)
            return replies
        finally:
            await session.close()

    return asyncio.run(go())


def count(found: ChromaTarget, endpoint) -> float:
    return asyncio.run(found.counters(endpoint))["vectors"]


def test_it_is_a_target_that_tidies_and_whose_sessions_settle(handle):
    """It has all that the trial, the generator and the open loop ask for."""
    found = target()
    assert isinstance(found, Target)
    assert isinstance(found, Tidies)
    assert isinstance(found, Elastic)
    assert isinstance(found.session({"url": handle["url"]}, 0), Settles)
    assert found.server() == ("chroma", {"port": 0, "timeout_s": 60.0})


def test_queries_find_all_true_neighbours_where_the_index_looks_at_enough(handle):
    """With ef_search beyond the data every query has recall 1, and the answer's times and bytes are there."""
    found = target(hnsw={"ef_search": 600, "ef_construction": 200, "max_neighbors": 32})
    before = time.perf_counter_ns()
    replies = drive(found, prepared(found, handle), 30)
    assert [reply.recall for reply in replies] == [1.0] * 30
    assert all(before < reply.first_ns < time.perf_counter_ns() for reply in replies)
    assert all(reply.bytes_in > 50 and reply.raw is None for reply in replies)


def test_recall_falls_where_the_index_hardly_looks(handle):
    """On data without clusters, a tiny ef on a thin graph misses most of the true neighbours."""
    hard = {"clusters": 0, "vectors": 3000, "dimension": 32}
    found = target(**hard, space="l2", hnsw={"ef_search": 1, "ef_construction": 4, "max_neighbors": 2})
    recall = np.mean([reply.recall for reply in drive(found, prepared(found, handle), 30)])
    assert 0 <= recall < 0.7


@pytest.mark.parametrize("space", ["l2", "cosine", "ip"])
def test_recall_is_that_of_the_servers_own_answer(handle, space):
    """The share is computed from the ids that came: checked against a computation of its own, in every space."""
    found = target(space=space, hnsw={"ef_search": 1, "max_neighbors": 2, "ef_construction": 4})
    endpoint = prepared(found, handle)

    async def go() -> None:
        session = found.session(endpoint, 0)
        await session.connect()
        for _, wanted in islice(found.requests(0, 1), 5):
            reply = await session.call(wanted)
            vector = np.asarray(json.loads(wanted.body)["query_embeddings"], np.float32)
            ids = {int(row) for row in json.loads(reply.raw)["ids"][0]}
            true = set(exact(found._asking.data.base, vector, k=10, space=space)[0].tolist())
            session.settle(wanted, reply)
            assert reply.recall == len(ids & true) / 10
        await session.close()

    asyncio.run(go())


def test_filtered_queries_return_only_what_matches_and_have_a_recall_of_their_own(handle):
    """The filter is in the body; recall is against the neighbours that match."""
    found = target(operation="filtered", filter_share=0.1, hnsw={"ef_search": 600})
    endpoint = prepared(found, handle)
    replies = drive(found, endpoint, 30)
    assert np.mean([reply.recall for reply in replies]) == 1.0
    chosen = found._asking.data.chosen
    for _, wanted in islice(found.requests(0, 1), 30):
        assert json.loads(wanted.body)["where"] == {"chosen": 1}
        assert all(chosen[int(name)] for name in wanted.truth)


def test_a_loaded_collection_is_used_again_and_counted(handle):
    """The second repetition loads nothing; a collection that lost vectors is loaded anew."""
    found = target(data_seed=9)
    first = prepared(found, handle)
    assert first["prepared"]["loaded"] == "now"
    assert first["prepared"]["vectors"] == 600
    again = prepared(found, handle)["prepared"]
    assert again["loaded"] == "before"
    assert again["collection_id"] == first["prepared"]["collection_id"]

    async def lose() -> None:
        async with loader(found._place(first)) as loading:
            await loading.find()
            await delete(loading)

    asyncio.run(lose())
    assert count(found, first) == 599
    third = prepared(found, handle)["prepared"]
    assert (third["loaded"], third["vectors"]) == ("now", 600)


async def delete(loading: Loader) -> None:
    body = b'{"ids":["3"]}'
    async with loading.http.post(f"{loading.place.collections}/{loading.id}/delete", data=body) as response:
        assert response.status == 200


def test_settings_reach_the_server_and_what_is_not_set_is_recorded(handle):
    """The server echoes what was asked for; the facts hold its defaults too."""
    found = target(hnsw={"ef_search": 77, "max_neighbors": 9, "sync_threshold": 500})
    hnsw = prepared(found, handle)["prepared"]["configuration"]["hnsw"]
    assert (hnsw["ef_search"], hnsw["max_neighbors"], hnsw["sync_threshold"], hnsw["space"]) == (77, 9, 500, "cosine")
    assert hnsw["ef_construction"] > 0


def test_a_setting_that_the_server_does_not_take_is_an_error(handle):
    """A knob that does nothing is no knob: what is not echoed stops the trial."""

    async def go() -> None:
        async with loader(Place(handle["url"], "default_tenant", "default_database", "fairtrial-odd")) as loading:
            try:
                await loading.create({"space": "l2", "ef_seach": 3})
            finally:
                await loading.drop()

    with pytest.raises(ServiceFailed, match="ef_seach"):
        asyncio.run(go())


def test_every_repetition_of_ingest_starts_empty_and_clients_do_not_collide(handle):
    """Two clients add 3 batches of 20 each; all 120 vectors are there, and none after the next prepare."""
    found = target(operation="ingest")
    endpoint = prepared(found, handle)
    assert endpoint["prepared"]["vectors"] == 0
    for client in (0, 1):
        replies = drive(found, endpoint, 3, client=client)
        assert all(np.isnan(reply.recall) for reply in replies)
    assert count(found, endpoint) == 120
    assert prepared(found, handle)["prepared"]["vectors"] == 0


def test_ingested_vectors_are_those_that_were_sent(handle):
    """What the server holds under an id is the float32 vector of the request (in l2: cosine stores unit vectors)."""
    found = target(operation="ingest", space="l2")
    endpoint = prepared(found, handle)
    sent = json.loads(next(found.requests(0, 1))[1].body)
    drive(found, endpoint, 1)

    async def stored() -> dict:
        async with loader(found._place(endpoint)) as loading:
            await loading.find()
            body = json.dumps({"ids": sent["ids"][:1], "include": ["embeddings"]}).encode()
            async with loading.http.post(f"{loading.place.collections}/{loading.id}/get", data=body) as response:
                return await response.json()

    held = asyncio.run(stored())
    assert held["ids"] == sent["ids"][:1]
    wanted = np.frombuffer(b64decode(sent["embeddings"][0]), "<f4")
    assert np.asarray(held["embeddings"][0], np.float32).tolist() == wanted.tolist()


def test_a_mix_queries_and_ingests_in_one_collection_without_a_recall(handle):
    """New vectors arrive, so recall is not defined; the collection grows by what was added."""
    found = target(operation="mix", ingest_share=0.3)
    endpoint = prepared(found, handle)
    added = sum(op for op, _ in islice(found.requests(0, 1), 40))
    replies = drive(found, endpoint, 40)
    assert all(np.isnan(reply.recall) for reply in replies)
    assert count(found, endpoint) == 600 + 20 * added
    assert found.doubt({"vectors": 600.0}, {"vectors": 1000.0}) == ""


def test_a_collection_that_changed_while_it_was_read_makes_the_measurement_doubtful():
    """The counters around the window tell."""
    assert target().doubt({"vectors": 600.0}, {"vectors": 600.0}) == ""
    assert "600 vectors before and 640 after" in target().doubt({"vectors": 600.0}, {"vectors": 640.0})


def test_an_attached_server_is_left_as_it_was_unless_vectors_are_to_be_kept(handle):
    """`tidy` removes the collection; with `keep` the next trial finds it; our own server is not tidied."""

    async def there(found: ChromaTarget, endpoint) -> bool:
        async with loader(found._place(endpoint)) as loading:
            return await loading.find()

    for given, left in (
        ({"keep": False}, False),
        ({"keep": True}, True),
        ({"keep": True, "operation": "ingest"}, False),
    ):
        found = target(server="attach", url=handle["url"], data_seed=77, **given)
        endpoint = prepared(found, None)
        assert asyncio.run(there(found, endpoint))
        assert endpoint["prepared"]["version"].startswith("interface ")
        asyncio.run(found.tidy(endpoint))
        assert asyncio.run(there(found, endpoint)) is left
        asyncio.run(found.tidy(endpoint))  # nothing to remove is no error
    own = target(data_seed=78)
    endpoint = prepared(own, handle)
    asyncio.run(own.tidy(endpoint))
    assert asyncio.run(there(own, endpoint))


def test_an_answer_with_an_error_status_is_a_failure_with_its_number(handle):
    """A query of the wrong dimension is http_400, one to no collection http_404; the connection lives on."""
    found = target()
    endpoint = prepared(found, handle)

    async def go() -> None:
        session = found.session(endpoint, 0)
        await session.connect()
        with pytest.raises(RequestFailed) as wrong:
            await session.call(ask(np.zeros(3, np.float32), None, k=1))
        assert (wrong.value.kind, wrong.value.lost) == ("http_400", False)
        assert await session.call(next(found.requests(0, 1))[1])
        await session.close()
        gone = Rest(found._place(endpoint), "00000000-0000-4000-8000-000000000000")
        await gone.connect()
        with pytest.raises(RequestFailed) as missing:
            await gone.call(next(found.requests(0, 1))[1])
        assert missing.value.kind == "http_404"
        await gone.close()

    asyncio.run(go())


def test_an_answer_that_is_none_is_a_protocol_failure():
    """A body without ids fails when it is read, after the clock was stopped."""
    session = target().session({"url": "http://127.0.0.1:1"}, 0)
    wanted = ask(np.zeros(3, np.float32), frozenset({1}), k=1)
    for raw in (b"", b"{}", b'{"ids": []}', b"[]"):
        with pytest.raises(RequestFailed) as problem:
            session.settle(wanted, Reply(raw=raw))
        assert problem.value.kind == "protocol"


def test_a_server_that_is_killed_gives_failures_with_a_class_and_can_be_connected_to_no_more(tmp_path):
    """The call in flight or the next is reset or refused; connecting again is refused; nothing hangs."""
    running = Server().start({}, tmp_path)
    try:
        found = target()
        endpoint = prepared(found, running)

        async def go() -> None:
            session = found.session(endpoint, 0)
            await session.connect()
            requests = found.requests(0, 1)
            await session.call(next(requests)[1])
            process.stop(running["pids"][0], started=running["started"][0], how=9)
            for _ in range(2):
                with pytest.raises(RequestFailed) as problem:
                    await session.call(next(requests)[1])
                assert problem.value.kind in ("reset", "refused")
                assert problem.value.lost
            with pytest.raises(RequestFailed, match=r"Connect call failed"):
                await session.connect()
            with pytest.raises(RequestFailed):
                await session.call(next(requests)[1])
            await session.close()

        asyncio.run(go())
        assert asyncio.run(found.counters(endpoint)) == {}
        asyncio.run(target(server="attach", url=running["url"]).tidy(endpoint))  # never raises
        with pytest.raises(ServiceFailed, match=r"chroma at http://127\.0\.0\.1.* failed: refused"):
            asyncio.run(found.prepare(endpoint, 1))
    finally:
        Server().stop(running)


def test_a_load_measures_recall_on_the_responses_that_it_times(handle, tmp_path):
    """Two clients of a generator process: every request succeeds, has all its times, and a recall of 1."""
    found = target(hnsw={"ef_search": 600, "ef_construction": 200, "max_neighbors": 32})
    load = Load(clients=2, duration_s=0.3, warmup_s=0.0)
    words = found._words.model_dump(mode="json")
    records, _ = crew.run(words, prepared(found, handle), load, seed=1, folder=tmp_path)
    assert len(records) > 10
    assert records.ok.all()
    assert set(records.client.tolist()) == {0, 1}
    assert (records.recall == 1.0).all()
    assert (records.t_send_ns < records.t_first_ns).all()
    assert (records.t_first_ns <= records.t_done_ns).all()


def test_a_server_killed_in_the_middle_of_a_load_gives_misses_with_a_class(tmp_path):
    """What was in flight is reset, what follows refused; the load ends, and the server is ailing."""
    running = Server().start({}, tmp_path)

    def kill(begin_ns: int, end_ns: int) -> None:
        middle_s = (begin_ns + end_ns) / 2e9 - time.perf_counter()
        timer = Timer(middle_s, lambda: os.kill(running["pids"][0], signal.SIGKILL))
        timer.daemon = True
        timer.start()

    try:
        found = target()
        endpoint, words = prepared(found, running), found._words.model_dump(mode="json")
        load = Load(clients=2, duration_s=1.0, warmup_s=0.0, timeout_s=2)
        records, _ = crew.run(words, endpoint, load, seed=1, folder=tmp_path, begin=kill)
        assert records.ok.any()
        assert not records.ok.all()
        assert "refused" in records.errors
        assert set(records.errors) <= {"reset", "refused"}
        assert np.isnan(records.recall[~records.ok]).all()
        assert "process" in Server().ailing(running)
    finally:
        Server().stop(running)


def test_what_cannot_be_reached_or_takes_too_long_has_a_class_of_its_own():
    """A name that does not resolve and a time-out below HTTP are neither refused nor reset."""

    async def unresolved() -> str:
        session = Rest(Place("http://nowhere.invalid:1", "t", "d", "c"))
        with pytest.raises(RequestFailed) as problem:
            await session.connect()
        return problem.value.kind

    assert asyncio.run(unresolved()) == "unreachable"
    assert failed(TimeoutError("slow")).kind == "timeout"


def test_the_official_client_gives_the_same_recall_and_classes(handle):
    """Through chromadb's own client the same queries find the same neighbours; errors have the same classes."""
    import httpx
    from chromadb.api.async_fastapi import AsyncFastAPI

    given = {"hnsw": {"ef_search": 2, "max_neighbors": 3, "ef_construction": 5}, "data_seed": 5}
    rest, official = target(**given), target(client="official", **given)
    endpoint = prepared(rest, handle)
    there = [reply.recall for reply in drive(rest, endpoint, 20)]

    async def go() -> list[float]:
        session = official.session(endpoint, 0)
        await session.connect()
        found = []
        for _, wanted in islice(official.requests(0, 1), 20):
            reply = await session.call(wanted)
            session.settle(wanted, reply)
            found.append(reply.recall)
        with pytest.raises(RequestFailed) as wrong:
            await session.call(wanted._replace(arguments=wanted.arguments | {"query_embeddings": [np.zeros(3)]}))
        assert wrong.value.kind == "http_400"
        await session.close()
        await httpx_closed(AsyncFastAPI)
        return found

    async def httpx_closed(owner) -> None:
        for client in owner._clients.values():
            assert isinstance(client, httpx.AsyncClient)
            await client.aclose()
        owner._clients.clear()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the library, at its import
        assert asyncio.run(go()) == there
    assert not official.elastic


def test_the_official_client_ingests_under_own_ids(handle):
    """A batch through the library is counted like one over raw HTTP."""
    from chromadb.api.async_fastapi import AsyncFastAPI

    found = target(operation="ingest", client="official")
    endpoint = prepared(found, handle)

    async def go() -> None:
        session = found.session(endpoint, 0)
        await session.connect()
        _, wanted = next(found.requests(0, 1))
        session.settle(wanted, await session.call(wanted))
        for client in AsyncFastAPI._clients.values():
            await client.aclose()
        AsyncFastAPI._clients.clear()

    asyncio.run(go())
    assert count(found, endpoint) == 20


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"server": "attach"}, "server: attach needs url"),
        ({"url": "http://127.0.0.1:1"}, "write server: attach"),
        ({"server": "attach", "url": "127.0.0.1:8000"}, "malformed"),
        ({"server": "attach", "url": "http://:8000"}, "no host"),
        ({"server": "attach", "url": "http://host:99999"}, "malformed"),
        ({"hnsw": {"ef": 3}}, "hnsw.ef"),
        ({"vectors": 5}, "top_k is 10, but only 5"),
    ],
)
def test_malformed_parameters_are_refused_with_what_is_wrong(given, said):
    """Each says what is wrong; none reaches a server."""
    with pytest.raises(ValidationError, match=said):
        target(**given)


def test_an_unreachable_server_is_said_before_anything_starts():
    """Nothing listens there: a ServiceFailed (exit 8) with the address."""
    port = process.free_port()
    with pytest.raises(ServiceFailed, match=rf"chroma at 127.0.0.1:{port} does not answer: Connection refused"):
        target(server="attach", url=f"http://127.0.0.1:{port}").require()


def test_a_missing_library_says_the_command(monkeypatch):
    """Without aiohttp or chromadb the message ends with the pip command."""
    monkeypatch.setattr(parts, "find_spec", lambda name: None if name == "chromadb" else SimpleNamespace())
    with pytest.raises(MissingPart, match=r"needs chromadb .*pip install 'fairtrial\[chroma\]'"):
        target(client="official").require()
    monkeypatch.setattr(parts, "find_spec", lambda name: None)
    with pytest.raises(MissingPart, match=r"needs aiohttp .*pip install 'fairtrial\[chroma\]'"):
        target().require()


def test_another_service_on_the_port_is_no_chroma(tmp_path):
    """What answers something else there is a ServiceFailed with a class, not a traceback."""

    async def go() -> None:
        async def odd(reader, writer) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(odd, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            found = target(server="attach", url=f"http://127.0.0.1:{port}")
            with pytest.raises(ServiceFailed, match="failed: protocol: not JSON"):
                await found.prepare(found.endpoint(None), 1)

    asyncio.run(go())
