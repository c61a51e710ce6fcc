"""Ollama's native routes.

No Ollama runs here: answers are written from its published API (https://github.com/ollama/ollama/blob/main/docs/api.md),
whose examples of streams, errors and lists these are. What a real one does beyond that page is untested.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from fairtrial.errors import UnknownName
from fairtrial.systems.services.target import Reply, RequestFailed, Target
from fairtrial.systems.services.targets.language.ollama import Lines, Ollama, OllamaTarget, whole

MODEL = {"model": "llama3.2", "created_at": "2023-08-04T08:52:19.385406455-07:00"}
COUNTS = {
    "total_duration": 4883583458,
    "load_duration": 1334875,
    "prompt_eval_count": 26,
    "prompt_eval_duration": 342546000,
    "eval_count": 282,
    "eval_duration": 4535599000,
}


def line(**more: Any) -> bytes:
    """Make one line of a stream."""
    return json.dumps(MODEL | more).encode() + b"\n"


def said(text: str) -> bytes:
    """Make a line of a chat."""
    return line(message={"role": "assistant", "content": text, "images": None}, done=False)


CHAT_END = line(message={"role": "assistant", "content": ""}, done_reason="stop", done=True, **COUNTS)
GENERATE_END = line(response="", done=True, context=[1, 2, 3], **COUNTS)


def target(**words: Any) -> OllamaTarget:
    """Make an adapter of a model at an address."""
    return OllamaTarget(Ollama(**({"kind": "ollama", "url": "http://localhost:11434", "model": "llama3.2"} | words)))


def read(*pieces: bytes) -> Reply:
    """Read a stream whose pieces arrive at 10, 20, 30 and so on."""
    stream = Lines()
    for number, piece in enumerate(pieces, 1):
        stream.feed(piece, number * 10)
    return stream.finish(99)


def test_a_chat_is_read_line_by_line():
    """Empty pieces bear no content; the counts are in the last line."""
    reply = read(said(""), said("The"), said(" sky"), CHAT_END)
    assert (reply.first_ns, reply.chunks_ns, reply.tokens_in, reply.tokens_out) == (20, [20, 30], 26, 282)


def test_a_completion_is_read_line_by_line():
    """It says `response` where a chat has messages; lines may be cut anywhere."""
    text = line(response="The", done=False) + line(response=" sky", done=False) + GENERATE_END
    stream = Lines()
    for place in range(len(text)):
        stream.feed(text[place : place + 1], place)
    reply = stream.finish(len(text))
    assert (len(reply.chunks_ns), reply.tokens_in, reply.tokens_out) == (2, 26, 282)


def test_a_last_line_may_bear_content():
    """Both are taken from it."""
    reply = read(line(response="!", done=True, done_reason="stop", **COUNTS))
    assert (reply.chunks_ns, reply.tokens_out) == ([10], 282)


def test_thinking_is_content():
    """Models that think say so beside the content."""
    assert read(line(message={"content": "", "thinking": "Hm"}, done=False), said("4"), CHAT_END).first_ns == 10


def test_a_prompt_that_came_from_the_cache_may_be_uncounted():
    """-1, not 0."""
    reply = read(said("a"), line(done=True, eval_count=3))
    assert (reply.tokens_in, reply.tokens_out) == (-1, 3)


@pytest.mark.parametrize(
    ("pieces", "kind"),
    [
        ([said("a")], "protocol"),
        ([said("a"), b'{"message":{"content":"b"\n', CHAT_END], "protocol"),
        ([b"404 page not found\n"], "protocol"),
        ([line(message={"content": ""}, done=True)], "empty"),
        ([said("a"), b'{"error":"an error was encountered while running the model"}\n'], "stream_error"),
    ],
)
def test_what_is_no_answer_fails_by_its_class(pieces: list[bytes], kind: str):
    """Cut, broken, empty, an error in the stream."""
    with pytest.raises(RequestFailed) as caught:
        read(*pieces)
    assert caught.value.kind == kind


def test_an_answer_that_was_not_streamed_is_read_whole():
    """Counts, and no first content."""
    reply = whole(line(response="The sky is blue.", done=True, **COUNTS))
    assert (reply.first_ns, reply.tokens_in, reply.tokens_out) == (0, 26, 282)
    assert whole(line(message={"role": "assistant", "content": "Hi"}, done=True)).tokens_out == -1
    for text, kind in ((line(response="", done=True), "empty"), (line(response="a"), "protocol")):
        with pytest.raises(RequestFailed) as caught:
            whole(text)
        assert caught.value.kind == kind


def test_a_chat_asks_for_messages_and_a_completion_for_raw_text():
    """Raw, so that no template stands before the salt; the model stays loaded."""
    _, body = next(target(output_tokens=9, options={"num_ctx": 512}).requests(0, 0))
    chat = json.loads(body)
    assert set(chat) == {"model", "messages", "stream", "keep_alive", "options"}
    assert (chat["keep_alive"], chat["options"]) == (-1, {"num_predict": 9, "temperature": 0.0, "num_ctx": 512})
    _, body = next(target(operation="completion", stream=False).requests(0, 0))
    completion = json.loads(body)
    assert (completion["raw"], completion["stream"], type(completion["prompt"])) == (True, False, str)


def test_a_model_is_looked_for_in_its_tags(documents: Callable[..., str]):
    """The tag `latest` may be left out."""
    tags = json.dumps({"models": [{"name": "llama3.2:latest", "model": "llama3.2:latest"}, {"name": "qwen3:8b"}]})
    url = documents({"/api/tags": (200, tags)})
    target(url=url).require()
    target(url=url, model="qwen3:8b").require()
    with pytest.raises(UnknownName, match="did you mean 'qwen3:8b'"):
        target(url=url, model="qwen3:8").require()


def test_a_whole_load_goes_through_its_routes(scripted: Callable[..., Any]):
    """Prepared, asked, read; it has no counters, so that nothing is said about its cache."""
    asked: list[dict[str, Any]] = []

    async def play(body: bytes, writer: asyncio.StreamWriter) -> None:
        asked.append(json.loads(body))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in (said("The"), said(" sky"), CHAT_END, b""):
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")

    async def run() -> tuple[dict[str, Any], Reply, dict[str, float]]:
        made = target()
        assert isinstance(made, Target)
        async with scripted(play) as url:
            endpoint = made.endpoint({"url": url, "pids": [1], "version": "ollama 0.12"})
            facts = await made.prepare(endpoint, 0)
            session = made.session(endpoint, 0)
            await session.connect()
            _, body = next(made.requests(0, 0))
            reply = await session.call(body)
            await session.close()
            return facts, reply, await made.counters(endpoint)

    facts, reply, counters = asyncio.run(run())
    assert (facts["version"], facts["prompt_tokens"], reply.tokens_out, counters) == ("ollama 0.12", [26, 26], 282, {})
    assert [request["options"]["num_predict"] for request in asked] == [1, 1, 1, 64]
    assert facts["keep_alive"] is True
    assert target().derived({}, {}) == {}


def test_one_that_is_started_is_not_told_of_a_model():
    """Its options are the server's."""
    made = target(url=None, server="embedded", settings={"num_parallel": 2})
    assert made.server() == ("ollama", {"num_parallel": 2})
    with pytest.raises(ValidationError, match="settings are those of an embedded server"):
        target(settings={"num_parallel": 2})
