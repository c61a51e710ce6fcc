"""The OpenAI-style client: against llama.cpp for real, and against servers that fail."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fairtrial.contract.resource import resource
from fairtrial.errors import MissingPart, ServiceFailed, UserError
from fairtrial.model.secret import Secret
from fairtrial.resources.openai import Client, Completion, base, body

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Start one server for all tests here."""
    pytest.importorskip("xllamacpp", reason="needs the extra llamacpp")
    server = resource("llamacpp")
    try:
        resource("smollm2").fetch()
    except MissingPart as problem:
        pytest.skip(f"the weights cannot be fetched: {problem}")
    handle = server.start({"threads": 1, "n_ctx": 512, "n_parallel": 1}, tmp_path_factory.mktemp("llamacpp"))
    yield resource("openai").at(handle["url"])
    server.stop(handle)


def test_a_model_answers(client: Client):
    """For real: what the server serves, and that it knows Paris; tokens by its own count."""
    assert client.models() == ["smollm2"]
    shown = "The capital of Italy is Rome. The capital of Germany is Berlin. The capital of France is"
    said = client.complete(shown, model="smollm2", max_tokens=2, temperature=0.0, seed=1)
    assert said.text.strip().startswith("Paris")
    assert (said.finish_reason, said.ttft_s, said.tokens_in, said.tokens_out) == ("length", None, 19, 2)
    assert said.cached_tokens >= 0
    assert client.complete(QUESTION, max_tokens=1).tokens_in > len(QUESTION[0]["content"].split())


def test_a_stream_brings_pieces_and_then_the_whole(client: Client):
    """The pieces make up the text, which is the one that comes without a stream."""
    words: dict[str, Any] = {"max_tokens": 8, "temperature": 0.0, "seed": 3}
    *pieces, whole = client.stream("Once upon a time", **words)
    assert isinstance(whole, Completion)
    assert "".join(map(str, pieces)) == whole.text == client.complete("Once upon a time", **words).text
    assert (whole.tokens_out, whole.finish_reason) == (8, "length")
    assert whole.ttft_s is not None
    assert 0 < whole.ttft_s < whole.elapsed_s


@pytest.mark.parametrize("prompt", ["The sky is", QUESTION])
def test_tokens_come_with_their_probabilities(client: Client, prompt: Any):
    """The chosen one among the likeliest, at temperature 0; in a stream the same."""
    words: dict[str, Any] = {"max_tokens": 3, "temperature": 0.0, "logprobs": 4}
    said = client.complete(prompt, **words)
    assert "".join(token.text for token in said.logprobs) == said.text
    for token in said.logprobs:
        assert math.isclose(token.logprob, max(token.top.values()), abs_tol=1e-4)
        assert 1 <= len(token.top) <= 4
    *_, whole = client.stream(prompt, **words)
    assert isinstance(whole, Completion)
    assert [token.text for token in whole.logprobs] == [token.text for token in said.logprobs]


def test_a_stop_ends_the_answer(client: Client):
    """Before the words that it names."""
    said = client.complete("1, 2, 3, 4, 5, 6,", max_tokens=16, temperature=0.0, stop="9")
    assert "9" not in said.text
    assert said.finish_reason == "stop"


def test_log_probabilities_in_columns_are_read():
    """The older form of completions."""
    columns = {"tokens": ["a", "b"], "token_logprobs": [None, -0.5], "top_logprobs": [None, {"b": -0.5, "c": -2.0}]}
    answer = {"choices": [{"text": "ab", "finish_reason": "stop", "logprobs": columns}]}
    with served(lambda path: (200, json.dumps(answer).encode())) as server:
        first, second = Client(server.url).complete("x").logprobs
    assert math.isnan(first.logprob)
    assert (second.text, second.logprob, second.top) == ("b", -0.5, {"b": -0.5, "c": -2.0})


class served:
    """A server that gives a fixed answer to everything; it keeps the requests that it got."""

    def __init__(self, answer: Callable[[str], tuple[int, bytes]], *, drip: bool = False) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                requests.append((self.path, dict(self.headers), body))
                status, text = answer(self.path)
                self.send_response(status)
                self.end_headers()
                try:
                    while True:
                        self.wfile.write(text)
                        if not drip:
                            return
                        time.sleep(0.02)
                except ConnectionError:
                    return

            do_GET = do_POST

            def log_message(self, *words: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = False

    def __enter__(self) -> served:
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        return self

    def __exit__(self, *problem: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def event(text: str) -> bytes:
    """Make one event of a stream."""
    return b"data: " + json.dumps({"choices": [{"delta": {"content": text}}]}).encode() + b"\n\n"


@pytest.mark.parametrize(
    ("status", "text", "said"),
    [
        (429, b'{"error": {"message": "slow down"}}', "said 429: slow down"),
        (500, b"<html>oh\nno</html>", "said 500: <html>oh no</html>"),
        (200, b"oops", "sent no JSON"),
        (200, b'{"choices": []}', "has no choices"),
    ],
)
def test_what_is_no_answer_is_told_in_one_line(status: int, text: bytes, said: str):
    """With what the server said."""
    with served(lambda path: (status, text)) as server, pytest.raises(ServiceFailed, match=said) as caught:
        Client(server.url).complete("x")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (event("a"), r"ended its answer without \[DONE\]"),
        (event("a") + b'data: {"error": {"message": "out of memory"}}\n\n', "failed while it answered: .*memory"),
        (event("a") + b"data: {oops\n\n", "broke off"),
        (b"data: [DONE]\n\n", None),
    ],
)
def test_a_stream_that_breaks_off_is_no_answer(text: bytes, said: str | None):
    """One that ends properly with nothing in it is an empty one."""
    with served(lambda path: (200, text)) as server:
        if said is None:
            assert list(Client(server.url).stream("x"))[-1].text == ""
            return
        with pytest.raises(ServiceFailed, match=said):
            list(Client(server.url).stream("x"))


@pytest.mark.parametrize("streams", [True, False])
def test_an_answer_that_drips_forever_ends_at_the_limit(streams: bool):
    """Though every byte comes in time."""
    with served(lambda path: (200, event("a")), drip=True) as server:
        client = Client(server.url, timeout_s=0.2)
        with pytest.raises(ServiceFailed, match=r"did not end its answer within 0.2 s"):
            list(client.stream("x")) if streams else client.complete("x")


def test_the_key_is_sent_and_what_is_left_out_is_not(monkeypatch: pytest.MonkeyPatch):
    """The server's own defaults hold for all that is None."""
    monkeypatch.setenv("KEY", "hush")
    answer = json.dumps({"choices": [{"message": {"content": "Hi"}}]}).encode()
    with served(lambda path: (200, answer)) as server:
        said = Client(server.url, Secret({"secret": "KEY"})).complete(QUESTION, model="m", extra={"min_p": 0.1})
    path, headers, sent = server.requests[0]
    assert (path, headers["Authorization"]) == ("/v1/chat/completions", "Bearer hush")
    assert json.loads(sent) == {"model": "m", "messages": QUESTION, "min_p": 0.1}
    assert (said.text, said.tokens_in, said.tokens_out, said.logprobs) == ("Hi", -1, -1, ())


def test_bodies_ask_for_probabilities_as_each_route_does():
    """A number for completions, two fields for chats."""
    assert body("x", logprobs=2, stop="a") == {"prompt": "x", "logprobs": 2, "stop": ["a"]}
    assert body(QUESTION, logprobs=0, max_tokens=1)["top_logprobs"] == 0


def test_an_address_is_completed_or_refused(tmp_path: Path):
    """/v1 unless it has a path of its own."""
    assert base("http://h:1/") == base("http://h:1/v1") == "http://h:1/v1"
    assert base("https://h/openai") == "https://h/openai"
    for wrong in ("h:1", "http://", "http://h:x"):
        with pytest.raises(UserError, match=r"the address is malformed \(http://HOST:PORT"):
            Client(wrong)
    with pytest.raises(ServiceFailed, match=r"no answer from http://127.0.0.1:9/v1"):
        Client("http://127.0.0.1:9").models()
