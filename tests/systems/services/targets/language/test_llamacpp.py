"""llama.cpp for real, with SmolLM2-135M: streams, counts, and a cache that is what it was declared to be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from fairtrial.contract.resource import resource
from fairtrial.systems.services.target import Reply, Target
from fairtrial.systems.services.targets.language.llamacpp import LlamaCpp, LlamaCppTarget
from fairtrial.systems.services.targets.language.openai import OpenAI, OpenAITarget


@pytest.fixture(scope="module")
def handle(smollm2: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Start one server for all tests here."""
    server = resource("llamacpp")
    options = {"model": smollm2, "threads": 1, "n_ctx": 512, "n_parallel": 2}
    started = server.start(options, tmp_path_factory.mktemp("llamacpp"))
    yield started
    server.stop(started)


def target(**words: Any) -> LlamaCppTarget:
    """Make an adapter with short prompts and answers."""
    return LlamaCppTarget(LlamaCpp(**({"kind": "llamacpp", "prompt_tokens": 24, "output_tokens": 5} | words)))


async def asked(made: LlamaCppTarget | OpenAITarget, handle: dict[str, Any], *, clients: int = 2) -> dict[str, Any]:
    """Prepare, then have every client ask twice; return facts, replies, times of sending and ending, and counters."""
    endpoint = made.endpoint(handle)
    endpoint["prepared"] = facts = await made.prepare(endpoint, 0)
    before = await made.counters(endpoint)
    found: list[tuple[int, Reply, int]] = []

    async def ask(client: int) -> None:
        session = made.session(endpoint, client)
        await session.connect()
        requests = made.requests(client, 0)
        for _ in range(2):
            _, body = next(requests)
            begin = time.perf_counter_ns()
            reply = await session.call(body)
            found.append((begin, reply, time.perf_counter_ns()))
        await session.close()

    await asyncio.gather(*map(ask, range(clients)))
    return {"facts": facts, "found": found, "before": before, "after": await made.counters(endpoint)}


@pytest.mark.parametrize("operation", ["chat", "completion"])
def test_a_stream_is_timed_and_counted_by_the_servers_usage(handle: dict[str, Any], operation: str):
    """First content before the end; as many tokens as were asked for; a completion's words are its tokens."""
    made = target(operation=operation)
    assert isinstance(made, Target)
    result = asyncio.run(asked(made, handle))
    for begin, reply, end in result["found"]:
        assert begin < reply.first_ns == reply.chunks_ns[0] <= reply.chunks_ns[-1] < end
        assert reply.tokens_out == 5
        assert 1 <= len(reply.chunks_ns) <= 5
        assert reply.tokens_in == 30 if operation == "completion" else 30 < reply.tokens_in < 50
    assert result["facts"]["version"].startswith("xllamacpp ")
    assert result["facts"]["prompt_words"] == [30, 30]


def test_counters_grow_with_what_was_asked(handle: dict[str, Any]):
    """Tokens of prompts and answers, by the server's own count."""
    result = asyncio.run(asked(target(operation="completion"), handle))
    grown = {name: result["after"][name] - result["before"][name] for name in result["after"]}
    assert grown["llamacpp:tokens_predicted_total"] == 4 * 5
    assert grown["llamacpp:prompt_tokens_total"] + grown["llamacpp:prompt_tokens_cached_total"] == 4 * 30


@pytest.mark.parametrize("operation", ["chat", "completion"])
def test_cold_prompts_come_from_no_cache(handle: dict[str, Any], operation: str):
    """Not even the second run with the same seed."""
    for _ in range(2):
        made = target(operation=operation)
        result = asyncio.run(asked(made, handle))
        assert made.derived(result["before"], result["after"])["cached_share"] < 0.1
        assert made.doubt(result["before"], result["after"]) == ""


def test_warm_prompts_come_from_the_cache(handle: dict[str, Any]):
    """They were asked before the load began."""
    made = target(cache="warm", distinct=2, operation="completion")
    result = asyncio.run(asked(made, handle, clients=1))
    assert made.derived(result["before"], result["after"])["cached_share"] > 0.5
    assert made.doubt(result["before"], result["after"]) == ""


def test_a_warm_run_that_was_declared_cold_is_invalid(handle: dict[str, Any]):
    """Every request has the same prompt after all, and the server's counters say so; by OpenAI's adapter too."""
    same = {"operation": "completion", "body": {"prompt": "the same words again and again " * 5}, "output_tokens": 2}
    plain = OpenAI(kind="openai", url=handle["url"], model="any", **same)
    for made in (target(**same), OpenAITarget(plain)):
        result = asyncio.run(asked(made, handle))
        assert made.doubt(result["before"], result["after"]).startswith("declared cold, but ")


def test_without_a_stream_there_are_counts_and_no_first_content(handle: dict[str, Any]):
    """Nothing is invented."""
    result = asyncio.run(asked(target(stream=False), handle, clients=1))
    assert [(reply.first_ns, reply.chunks_ns, reply.tokens_out) for _, reply, _ in result["found"]] == [(0, [], 5)] * 2


def test_more_connections_than_slots_are_served(handle: dict[str, Any]):
    """They wait for a slot, not for a thread of the web server."""
    result = asyncio.run(asked(target(operation="completion", prompt_tokens=2, output_tokens=1), handle, clients=12))
    assert len(result["found"]) == 24


def test_unless_told_otherwise_one_is_started_with_small_weights():
    """The options are those that were given."""
    assert target().server() == ("llamacpp", {"model": "smollm2"})
    made = target(model="some.gguf", settings={"n_parallel": 3, "threads": 2})
    assert made.server() == ("llamacpp", {"model": "some.gguf", "n_parallel": 3, "threads": 2})
    attached = target(server="attach", url="http://localhost:1")
    assert (attached.server(), attached.endpoint(None)["url"]) == (None, "http://localhost:1")
    assert LlamaCpp.model_validate(attached.parameters.model_dump(mode="json")) == attached.parameters


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"url": "http://localhost:1"}, "embedded starts its own"),
        ({"settings": {"n_paralel": 2}}, "Extra inputs"),
        ({"server": "attach", "url": "http://h:1", "settings": {"threads": 1}}, "settings are those of an embedded"),
    ],
)
def test_settings_that_would_do_nothing_are_refused(words: dict[str, Any], said: str):
    """A knob is there, or it is an error."""
    with pytest.raises(ValidationError, match=said):
        target(**words)
