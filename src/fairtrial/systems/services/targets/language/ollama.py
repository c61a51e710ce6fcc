"""Ollama by its native routes: /api/chat and /api/generate, answers as JSON lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from fairtrial.systems.services.load.words import Words
from fairtrial.systems.services.target import Reply, RequestFailed
from fairtrial.systems.services.targets.language.adapter import LanguageTarget
from fairtrial.systems.services.targets.language.generation import Generation
from fairtrial.systems.services.targets.language.prompts import Prompt
from fairtrial.systems.services.targets.language.sse import Stream, parsed

CONTENT = re.compile(rb'"(?:content|response|thinking)"\s*:\s*"[^"]')
DONE = re.compile(rb'"done"\s*:\s*true')


class OllamaSettings(Words):
    """Settings of an Ollama that is started."""

    num_parallel: int | None = Field(default=None, ge=1, description="Requests that a model serves at a time.")
    models: str | None = Field(default=None, description="The folder of its models.")
    env: dict[str, str] | None = Field(default=None, description="Added to its environment.")
    port: int | None = Field(default=None, ge=1, le=65535, description="One that is free unless given.")


class Ollama(Generation):
    """An Ollama server. Which model it has is its own affair: pull it beforehand."""

    kind: Literal["ollama"]
    server: Literal["attach", "embedded"] = Field(
        default="attach", description="attach: to the url; embedded: start the ollama program that is on PATH."
    )
    settings: OllamaSettings = Field(default=OllamaSettings(), description="Embedded: how it is started.")
    options: dict[str, Any] = Field(default={}, description="Options of the model: num_ctx, top_k, ….")


class Lines(Stream):
    """An answer of one JSON object a line; the last one is `done`, with the counts of tokens."""

    def _line(self, line: bytes, now_ns: int) -> None:
        bears = CONTENT.search(line) is not None
        if bears:
            self.reply.chunks_ns.append(now_ns)
        if bears and not DONE.search(line) and line.rstrip().endswith(b"}"):
            return
        event = told(line)
        if event.get("done"):
            self.complete = True
            count(self.reply, event)


def whole(data: bytes) -> Reply:
    """Read an answer that was not streamed. Raises RequestFailed: protocol, empty."""
    event = told(data)
    reply = Reply(bytes_in=len(data))
    count(reply, event)
    if not event.get("done"):
        raise RequestFailed("protocol", "the answer is not done")
    content = event.get("response") or (event.get("message") or {}).get("content")
    if not content and reply.tokens_out <= 0:
        raise RequestFailed("empty", "the answer has no content")
    return reply


def told(data: bytes) -> dict[str, Any]:
    """Read an object, or raise the error that it tells. Raises RequestFailed: protocol, stream_error."""
    event = parsed(data)
    if event.get("error"):
        raise RequestFailed("stream_error", str(event["error"])[:300])
    return event


def count(reply: Reply, event: dict[str, Any]) -> None:
    """Take the counts of tokens; a prompt that came from the cache may go uncounted."""
    reply.tokens_in = event.get("prompt_eval_count", reply.tokens_in)
    reply.tokens_out = event.get("eval_count", reply.tokens_out)


class OllamaTarget(LanguageTarget):
    """Posts chats and completions (`raw`, so without a template); the model stays loaded."""

    kind: ClassVar[str] = "ollama"
    root: ClassVar[str] = "/api"
    listing: ClassVar[tuple[str, str, str]] = ("/tags", "models", "name")
    routes: ClassVar[Mapping[str, str]] = {"chat": "/chat", "completion": "/generate"}
    stream: ClassVar[type[Stream]] = Lines
    whole: ClassVar[Callable[[bytes], Reply]] = staticmethod(whole)

    def server(self) -> tuple[str, dict[str, Any]] | None:
        """Name the server that is started; it is not told of a model."""
        if self.parameters.server == "attach":
            return None
        return self.kind, self.parameters.settings.model_dump(mode="json", exclude_none=True)

    def request(self, prompt: Prompt, tokens: int) -> dict[str, Any]:
        """Make the body of a request for at most `tokens` tokens."""
        words = self.parameters
        asked = {"prompt": prompt, "raw": True} if isinstance(prompt, str) else {"messages": prompt}
        options = {"num_predict": tokens, "temperature": words.temperature, **words.options}
        return {
            "model": words.model,
            **asked,
            "stream": words.stream,
            "keep_alive": -1,
            "options": options,
            **words.body,
        }
