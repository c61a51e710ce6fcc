"""Streamed answers read as they come: when each chunk that bears content arrived, and what the server counted."""

from __future__ import annotations

import json
import re
from typing import Any

from fairtrial.systems.services.target import Reply, RequestFailed

CONTENT = re.compile(rb'"(?:content|text|reasoning_content|reasoning)"\s*:\s*"[^"]')
"""A piece of text that is not empty. Inside of JSON strings quotes are escaped, so that text cannot look like this."""
FINISHED = re.compile(rb'"finish_reason"\s*:\s*"')
USAGE = re.compile(rb'"usage"\s*:\s*\{')


class Stream:
    """One answer that comes line by line; a format says what a line means."""

    def __init__(self) -> None:
        self.reply = Reply()
        self.complete = False
        """The server said that the answer is whole."""
        self._rest = b""

    def feed(self, data: bytes, now_ns: int) -> None:
        """Take what arrived at `now_ns`. Raises RequestFailed: protocol, or the class of an error that it tells."""
        self.reply.bytes_in += len(data)
        *lines, self._rest = (self._rest + data if self._rest else data).split(b"\n")
        for line in lines:
            if line:
                self._line(line, now_ns)

    def finish(self, now_ns: int) -> Reply:
        """Return the reply when the connection says that no more comes.

        Raises RequestFailed: protocol where the answer was not whole, empty where it had neither content nor, by the
        server's usage, tokens (some have no text: a part of a letter, the end).
        """
        if self._rest.strip():
            self.feed(b"\n", now_ns)
        if not self.complete:
            raise RequestFailed("protocol", "the stream ended before the answer did")
        if not self.reply.chunks_ns and self.reply.tokens_out <= 0:
            raise RequestFailed("empty", "the stream brought no content")
        self.reply.first_ns = self.reply.chunks_ns[0] if self.reply.chunks_ns else 0
        return self.reply

    def _line(self, line: bytes, now_ns: int) -> None:
        raise NotImplementedError


class Events(Stream):
    """Server-sent events of OpenAI-style servers. Only events without text, and the one with usage, are parsed."""

    def _line(self, line: bytes, now_ns: int) -> None:
        if not line.startswith(b"data:"):
            return
        data = line[5:].strip()
        if CONTENT.search(data) and data.endswith(b"}"):
            self.reply.chunks_ns.append(now_ns)
            self.complete = self.complete or FINISHED.search(data) is not None
            if USAGE.search(data):
                count(self.reply, parsed(data))
        elif data == b"[DONE]":
            self.complete = True
        elif data:
            self._bare(parsed(data))

    def _bare(self, event: dict[str, Any]) -> None:
        """Read an event without text: a role, the reason of the end, usage, an error."""
        if event.get("error"):
            raise failed(event["error"])
        count(self.reply, event)
        if any(choice.get("finish_reason") for choice in event.get("choices") or ()):
            self.complete = True


def parsed(data: bytes) -> dict[str, Any]:
    """Read a JSON object. Raises RequestFailed: protocol."""
    try:
        event = json.loads(data)
    except ValueError as problem:
        raise RequestFailed("protocol", f"not JSON: {data[:80]!r}") from problem
    if not isinstance(event, dict):
        raise RequestFailed("protocol", f"not an object: {data[:80]!r}")
    return event


def count(reply: Reply, event: dict[str, Any]) -> None:
    """Take the server's usage, where it says one."""
    usage = event.get("usage") or {}
    reply.tokens_in = usage.get("prompt_tokens", reply.tokens_in)
    reply.tokens_out = usage.get("completion_tokens", reply.tokens_out)


def failed(error: Any) -> RequestFailed:
    """Say the class of an error that a server tells in its body."""
    code = error.get("code") if isinstance(error, dict) else None
    message = error.get("message", error) if isinstance(error, dict) else error
    return RequestFailed(f"http_{code}" if isinstance(code, int) else "stream_error", str(message)[:300])


def whole(data: bytes) -> Reply:
    """Read an answer that was not streamed. Raises RequestFailed: protocol, empty."""
    answer = parsed(data)
    if answer.get("error"):
        raise failed(answer["error"])
    reply = Reply(bytes_in=len(data))
    count(reply, answer)
    choices = answer.get("choices")
    if not choices:
        raise RequestFailed("protocol", f"no choices: {data[:80]!r}")
    message = choices[0].get("message") or {}
    content = choices[0].get("text") or message.get("content") or message.get("reasoning_content")
    if not content and reply.tokens_out <= 0:
        raise RequestFailed("empty", "the answer has no content")
    return reply
