"""Any OpenAI-style endpoint: parameters, bodies, what is checked beforehand, and whether the cache was cold."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest
from pydantic import ValidationError

from fairtrial.errors import ServiceFailed, UnknownName, UserError
from fairtrial.systems.services.target import Derives, Target
from fairtrial.systems.services.targets.known import adapter
from fairtrial.systems.services.targets.language.openai import OpenAI, OpenAITarget

MODELS = json.dumps({"data": [{"id": "small"}, {"id": "large"}]})


def target(**words: Any) -> OpenAITarget:
    """Make an adapter of a model at an address."""
    return OpenAITarget(OpenAI(**({"kind": "openai", "url": "http://localhost:8000", "model": "small"} | words)))


def first(made: OpenAITarget) -> dict[str, Any]:
    """Return the first request."""
    _, body = next(made.requests(0, 0))
    found: dict[str, Any] = json.loads(body)
    return found


def test_it_is_a_target_with_metrics_of_its_own():
    """As the system asks for them."""
    made = adapter({"kind": "openai", "url": "http://localhost:1", "model": "m"})
    assert isinstance(made, Target)
    assert isinstance(made, Derives)
    assert {"ttft_p50_s", "tpot_p99_s", "cached_share"} <= made.measures
    assert made.operations == ("chat",)
    assert made.server() is None


def test_a_chat_is_streamed_with_usage_and_no_field_that_is_not_openais():
    """Strict servers refuse what they do not know."""
    body = first(target(output_tokens=17, temperature=0.5))
    assert set(body) == {"model", "messages", "max_tokens", "temperature", "stream", "stream_options"}
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("small", 17, 0.5)
    assert body["stream_options"] == {"include_usage": True}


def test_a_completion_has_a_prompt_and_more_fields_are_the_users():
    """Other names of the limit as well; without a stream nothing is said about one."""
    body = first(
        target(
            operation="completion", stream=False, limit="max_completion_tokens", body={"top_p": 0.9}, output_tokens=3
        )
    )
    assert set(body) == {"model", "prompt", "max_completion_tokens", "temperature", "top_p"}


def test_equal_seeds_ask_for_equal_lengths():
    """Whatever the salt; clients differ."""

    def lengths(client: int, seed: int) -> list[int]:
        made = target(output_tokens={"uniform": [1, 1000]})
        return [json.loads(body)["max_tokens"] for _, body in islice(made.requests(client, seed), 300)]

    assert lengths(0, 1) == lengths(0, 1)
    assert lengths(0, 1) != lengths(1, 1) != lengths(1, 2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"url": "localhost:8000"}, "an address is http://HOST:PORT"),
        ({"url": "http://"}, "an address is"),
        ({"url": "http://me:hush@h:1"}, "neither user nor password"),
        ({"url": "http://h:99999"}, "Port out of range"),
        ({"url": None}, "server: attach needs the url"),
        ({"model": ""}, "at least 1 character"),
        ({"server": "embedded"}, "Input should be 'attach'"),
        ({"api_key": "sk-123"}, "never as its value"),
        ({"prompt_token": 5}, "Extra inputs"),
    ],
)
def test_malformed_parameters_are_refused(words: dict[str, Any], said: str):
    """Each with its reason."""
    with pytest.raises(ValidationError, match=said):
        target(**words)


def test_parameters_survive_json():
    """Generator processes read them so; the secret stays a reference."""
    words = OpenAI(kind="openai", url="https://h/api/v1/", model="m", api_key={"secret": "KEY"}, output_tokens=3)
    dumped = json.loads(json.dumps(words.model_dump(mode="json")))
    assert OpenAI.model_validate(dumped) == words
    assert (dumped["api_key"], dumped["url"]) == ({"secret": "KEY"}, "https://h/api/v1")


def test_a_server_with_the_model_is_accepted(documents: Callable[..., str]):
    """With the base of its routes in the address, or without; and one that lists nothing is believed."""
    url = documents({"/v1/models": (200, MODELS), "/other/models": (200, MODELS)})
    target(url=url).require()
    target(url=f"{url}/v1/").require()
    target(url=f"{url}/other").require()
    target(url=documents({})).require()


def test_a_server_without_the_model_names_those_that_it_has(documents: Callable[..., str]):
    """The nearest one."""
    with pytest.raises(UnknownName, match=r"unknown model 'smal' \(did you mean 'small'"):
        target(url=documents({"/v1/models": (200, MODELS)}), model="smal").require()


@pytest.mark.parametrize(("status", "said"), [(401, "refuses us .401. .target.api_key"), (503, "said 503")])
def test_a_server_that_does_not_let_us_in_is_reported(documents: Callable[..., str], status: int, said: str):
    """Before anything starts."""
    with pytest.raises(ServiceFailed, match=said):
        target(url=documents({"/v1/models": (status, "{}")})).require()


def test_a_missing_secret_is_the_users_mistake(monkeypatch: pytest.MonkeyPatch):
    """It is looked for beforehand."""
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(UserError, match="'NO_SUCH_KEY' is not in the environment"):
        target(api_key={"secret": "NO_SUCH_KEY"}).require()


def test_the_secret_is_sent_and_shown_nowhere(scripted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch):
    """As a bearer's token."""
    monkeypatch.setenv("KEY", "hush")
    made = target(api_key={"secret": "KEY"})
    assert made.headers() == {"Authorization": "Bearer hush"}
    assert "hush" not in repr(made.parameters) + json.dumps(made.endpoint(None))


def test_an_endpoint_without_counters_leaves_the_cache_unjudged(scripted: Callable[..., Any]):
    """Neither doubt nor a share."""

    async def run() -> dict[str, float]:
        async with scripted(None) as url:
            return await target().counters({"url": url})

    assert asyncio.run(run()) == {}
    assert target().doubt({}, {}) == ""
    assert target().derived({}, {}) == {}


def test_a_cache_that_was_not_as_declared_is_doubted():
    """Cold with hits above the limit, warm without any; the limit is the user's."""
    before = {"vllm:prefix_cache_queries_total": 0.0, "vllm:prefix_cache_hits_total": 0.0}

    def after(hits: float) -> dict[str, float]:
        return {"vllm:prefix_cache_queries_total": 1000.0, "vllm:prefix_cache_hits_total": hits}

    assert "declared cold, but 30% of the prompts' tokens came from" in target().doubt(before, after(300))
    assert target().doubt(before, after(90)) == ""
    assert target(cold_limit=0.5).doubt(before, after(300)) == ""
    assert "declared warm, but nothing" in target(cache="warm").doubt(before, after(0))
    assert target(cache="warm").doubt(before, after(300)) == ""
    assert target().derived(before, after(300)) == {"cached_share": 0.3}


def test_a_server_that_fails_its_first_request_is_reported(scripted: Callable[..., Any]):
    """Before the load begins, with the class and what it said."""

    async def play(body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad\r\nContent-Length: 11\r\n\r\nno template")

    async def run() -> None:
        async with scripted(play) as url:
            await target().prepare({"url": url}, 0)

    with pytest.raises(ServiceFailed, match=r"a first request failed .http_400.: no template"):
        asyncio.run(run())
