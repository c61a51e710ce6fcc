"""A client of OpenAI-style servers: synchronous, with the standard library alone."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fairtrial.errors import FairtrialError, ServiceFailed
from fairtrial.model.secret import Secret
from fairtrial.resources.wire import FAULTS, connect, parts

Message = Mapping[str, Any]
READ_BYTES = 65536
Prompt = str | Sequence[Message]
"""A text to complete, or the messages of a chat (`role`, `content`)."""


@dataclass(frozen=True, slots=True)
class Token:
    """One generated token and what the model thought of it."""

    text: str
    logprob: float
    top: Mapping[str, float]
    """The likeliest alternatives: text -> log-probability; as many as were asked for and the server gives."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model answered. Counts of tokens are the server's own; -1 where it does not say."""

    text: str
    tokens_in: int = -1
    tokens_out: int = -1
    finish_reason: str = ""
    """stop, length, …; '' where the server does not say."""
    ttft_s: float | None = None
    """Seconds from sending to the first content; None where the answer was not streamed."""
    elapsed_s: float = 0.0
    logprobs: tuple[Token, ...] = ()
    cached_tokens: int = -1
    """Of the prompt, as many came from the server's cache."""
    model: str = ""
    """As the server names it."""


class Client:
    """Asks one server. A new connection for each request: it can be used from several threads, and after a fork.

    `url` is the server's address or its base (`http://HOST:PORT` or `http://HOST:PORT/v1`).
    """

    name = "openai"

    def __init__(
        self, url: str = "http://127.0.0.1:8000", api_key: Secret | None = None, *, timeout_s: float = 120.0
    ) -> None:
        self.url = base(url)
        self.api_key = api_key
        self.timeout_s = timeout_s

    def at(self, url: str, api_key: Secret | None = None, *, timeout_s: float = 120.0) -> Client:
        """Make a client of another server: `resource("openai").at(handle["url"])`. Raises UserError (malformed)."""
        return Client(url, api_key, timeout_s=timeout_s)

    def models(self) -> list[str]:
        """List what the server serves. Raises ServiceFailed."""
        return [str(item["id"]) for item in self._ask("GET", "/models", None).get("data", [])]

    def complete(self, prompt: Prompt, *, model: str = "", **options: Any) -> Completion:
        """Ask and wait for the whole answer; `options` as for `body`. Raises ServiceFailed."""
        begin = time.perf_counter()
        said = self._ask("POST", path(prompt), body(prompt, model=model, **options))
        return _completion(said, time.perf_counter() - begin)

    def stream(self, prompt: Prompt, *, model: str = "", **options: Any) -> Iterator[str | Completion]:
        """Ask, yield each piece of text as it comes, and the whole answer (a Completion) last.

        `options` as for `body`. Raises ServiceFailed, also where the stream ends before the answer does.
        """
        asked = body(prompt, model=model, **options) | {"stream": True, "stream_options": {"include_usage": True}}
        begin = time.perf_counter()
        answer, connection = self._send("POST", path(prompt), asked)
        try:
            whole = _Whole()
            for event in self._events(answer, begin + self.timeout_s):
                piece = whole.take(event)
                if piece:
                    whole.first_s = time.perf_counter() - begin if whole.first_s is None else whole.first_s
                    yield piece
        finally:
            answer.close()
            connection.close()
        yield whole.completion(time.perf_counter() - begin)

    def _ask(self, method: str, where: str, asked: Mapping[str, Any] | None) -> Any:
        deadline = time.perf_counter() + self.timeout_s
        answer, connection = self._send(method, where, asked)
        try:
            return json.loads(b"".join(self._timely(iter(lambda: answer.read1(READ_BYTES), b""), deadline)))
        except (*FAULTS, ValueError) as problem:
            raise ServiceFailed(f"{self.url} broke off or sent no JSON: {problem}") from problem
        finally:
            answer.close()
            connection.close()

    def _timely(self, coming: Iterator[bytes], deadline: float) -> Iterator[bytes]:
        """Pass on what comes until the deadline; a socket's own limit starts anew with every byte."""
        for part in coming:
            if time.perf_counter() > deadline:
                raise ServiceFailed(f"{self.url} did not end its answer within {self.timeout_s:g} s")
            yield part

    def _events(self, answer: http.client.HTTPResponse, deadline: float) -> Iterator[dict[str, Any]]:
        """Read server-sent events until [DONE]. Raises ServiceFailed for a broken stream, or an error in it."""
        try:
            for line in self._timely(iter(answer), deadline):
                data = line[5:].strip() if line.startswith(b"data:") else b""
                if data == b"[DONE]":
                    return
                event = json.loads(data) if data else {}
                if not isinstance(event, dict):
                    raise ValueError(f"not an object: {event!r}")
                if event.get("error"):
                    raise ServiceFailed(f"{self.url} failed while it answered: {event['error']}")
                yield event
        except (*FAULTS, ValueError) as problem:
            raise ServiceFailed(f"{self.url} broke off its answer: {problem}") from problem
        raise ServiceFailed(f"{self.url} ended its answer without [DONE]")

    def _send(
        self, method: str, where: str, asked: Mapping[str, Any] | None
    ) -> tuple[http.client.HTTPResponse, http.client.HTTPConnection]:
        connection = connect(self.url, self.timeout_s)
        headers = {"Content-Type": "application/json"}
        if self.api_key is not None:
            headers["Authorization"] = f"Bearer {self.api_key.reveal()}"
        try:
            text = None if asked is None else json.dumps(asked).encode()
            connection.request(method, parts(self.url).path + where, text, headers)
            answer = connection.getresponse()
            if answer.status != 200:
                with answer:
                    raise ServiceFailed(f"{self.url}{where} said {answer.status}: {_reason(answer)}")
        except FAULTS as problem:
            connection.close()
            raise ServiceFailed(f"no answer from {self.url}: {problem}") from problem
        except FairtrialError:
            connection.close()
            raise
        return answer, connection


def base(url: str) -> str:
    """Return the base of the routes: the address with /v1, unless it has a path of its own. Raises UserError."""
    bare = url.rstrip("/")
    return bare if parts(bare).path else f"{bare}/v1"


def path(prompt: Prompt) -> str:
    """Say which route serves this prompt."""
    return "/completions" if isinstance(prompt, str) else "/chat/completions"


def body(
    prompt: Prompt,
    *,
    model: str = "",
    max_tokens: int | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    stop: str | Sequence[str] | None = None,
    logprobs: int | None = None,
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Make a request: what is None is left to the server; `extra` is added as it is.

    `logprobs` is the number of alternatives for each token (0: the token's own log-probability alone).
    """
    chat = not isinstance(prompt, str)
    words = {
        "model": model or None,
        "messages" if chat else "prompt": list(prompt) if chat else prompt,
        "max_tokens": max_tokens,
        "temperature": temperature,
        "top_p": top_p,
        "seed": seed,
        "stop": [stop] if isinstance(stop, str) else stop,
    }
    if logprobs is not None:
        words |= {"logprobs": True, "top_logprobs": logprobs} if chat else {"logprobs": logprobs}
    return {name: value for name, value in words.items() if value is not None} | dict(extra or {})


class _Whole:
    """A streamed answer as it grows."""

    def __init__(self) -> None:
        self.first_s: float | None = None
        self._pieces: list[str] = []
        self._tokens: list[Token] = []
        self._last: dict[str, Any] = {}
        self._reason = ""

    def take(self, event: Mapping[str, Any]) -> str:
        """Add an event; return the text that it brought."""
        self._last |= {name: event[name] for name in ("usage", "model") if event.get(name)}
        piece = ""
        for choice in event.get("choices") or ():
            piece = _text(choice)
            self._pieces.append(piece)
            self._tokens.extend(_tokens(choice))
            self._reason = choice.get("finish_reason") or self._reason
        return piece

    def completion(self, elapsed_s: float) -> Completion:
        """Return the answer."""
        choice = {"text": "".join(self._pieces), "finish_reason": self._reason}
        made = _completion(self._last | {"choices": [choice]}, elapsed_s, self.first_s)
        return replace(made, logprobs=tuple(self._tokens))


def _completion(said: Any, elapsed_s: float, first_s: float | None = None) -> Completion:
    try:
        choice = said["choices"][0]
    except (KeyError, IndexError, TypeError) as problem:
        raise ServiceFailed(f"the answer has no choices: {str(said)[:200]}") from problem
    usage = said.get("usage") or {}
    return Completion(
        text=_text(choice),
        tokens_in=usage.get("prompt_tokens", -1),
        tokens_out=usage.get("completion_tokens", -1),
        finish_reason=choice.get("finish_reason") or "",
        ttft_s=first_s,
        elapsed_s=elapsed_s,
        logprobs=tuple(_tokens(choice)),
        cached_tokens=(usage.get("prompt_tokens_details") or {}).get("cached_tokens", -1),
        model=str(said.get("model") or ""),
    )


def _text(choice: Mapping[str, Any]) -> str:
    holder = choice.get("delta") or choice.get("message") or {}
    return str(holder.get("content") or choice.get("text") or "")


def _tokens(choice: Mapping[str, Any]) -> Iterator[Token]:
    """Read log-probabilities in either form: a list of records (`content`), or columns (`tokens`, `token_logprobs`)."""
    found = choice.get("logprobs") or {}
    for item in found.get("content") or ():
        top = {other["token"]: float(other["logprob"]) for other in item.get("top_logprobs") or ()}
        yield Token(item["token"], float(item["logprob"]), top)
    texts, values = found.get("tokens") or (), found.get("token_logprobs") or ()
    for text, value, top in zip(texts, values, found.get("top_logprobs") or [None] * len(texts), strict=False):
        yield Token(text, float("nan") if value is None else float(value), top or {})


def _reason(answer: http.client.HTTPResponse) -> str:
    """Return what an error's body says, on one line."""
    text = answer.read(4096).decode(errors="replace")
    try:
        said = json.loads(text)["error"]
        text = str(said["message"] if isinstance(said, dict) else said)
    except (ValueError, KeyError, TypeError):
        pass
    return " ".join(text.split())[:300]
