"""Streams of server-sent events: what bears content, what is counted, and what is no answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairtrial.systems.services.target import Reply, RequestFailed
from fairtrial.systems.services.targets.language.sse import Events, whole


def event(delta: dict[str, Any] | None = None, *, reason: str | None = None, **more: Any) -> bytes:
    """Make one event of a chat."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": reason}]
    return b"data: " + json.dumps({"choices": choices, **more}, separators=(",", ":")).encode() + b"\n\n"


ROLE = event({"role": "assistant", "content": ""})
USAGE = event(None, usage={"prompt_tokens": 7, "completion_tokens": 5})
END = event({}, reason="stop")
DONE = b"data: [DONE]\n\n"


def read(*pieces: bytes) -> Reply:
    """Read a stream whose pieces arrive at 10, 20, 30 and so on."""
    stream = Events()
    for number, piece in enumerate(pieces, 1):
        stream.feed(piece, number * 10)
    return stream.finish(10 * len(pieces) + 10)


def test_the_first_content_is_the_first_chunk_with_text():
    """Roles, empty pieces and what ends an answer bear none."""
    reply = read(ROLE, event({"content": ""}), event({"content": "Hi"}), event({"content": "!"}), END, DONE)
    assert (reply.first_ns, reply.chunks_ns) == (30, [30, 40])


def test_tokens_are_those_of_the_servers_usage():
    """Not the number of chunks: one chunk may hold several tokens."""
    reply = read(event({"content": "one two three four five"}), END, USAGE, DONE)
    assert (reply.tokens_in, reply.tokens_out, len(reply.chunks_ns)) == (7, 5, 1)


def test_without_usage_the_tokens_are_unknown():
    """-1, and the answer still counts."""
    reply = read(event({"content": "a"}), event({"content": "b"}), END, DONE)
    assert (reply.tokens_in, reply.tokens_out) == (-1, -1)


def test_usage_may_come_with_text():
    """As servers do that repeat it in every chunk: the last one stands."""
    first, last = ({"prompt_tokens": 3, "completion_tokens": n} for n in (1, 2))
    reply = read(event({"content": "a"}, usage=first), event({"content": "b"}, reason="stop", usage=last))
    assert (reply.tokens_in, reply.tokens_out, reply.chunks_ns) == (3, 2, [10, 20])


@pytest.mark.parametrize("ending", [b"\n\n", b"\r\n\r\n", b"\n"])
def test_where_the_network_cuts_the_stream_does_not_matter(ending: bytes):
    """Byte by byte it reads the same as whole; line ends of either kind."""
    text = b"".join([ROLE, event({"content": 'say "é"\\'}), event({"content": "b"}), END, USAGE, DONE])
    text = text.replace(b"\n\n", ending)
    stream = Events()
    for place in range(len(text)):
        stream.feed(text[place : place + 1], 5)
    reply = stream.finish(6)
    assert (reply.chunks_ns, reply.tokens_out, reply.bytes_in) == ([5, 5], 5, len(text))


def test_text_that_looks_like_the_format_is_text():
    """A model that writes JSON does not change what is read; nor does a quote at the beginning of a piece."""
    reply = read(event({"content": '"content":"x","finish_reason":"stop","usage":{"completion_tokens":99}'}), END, DONE)
    assert (len(reply.chunks_ns), reply.tokens_out) == (1, -1)
    empty_but_talkative = event({"content": "", "refusal": '"content":"x"'})
    assert len(read(empty_but_talkative, event({"content": '"'}), END, DONE).chunks_ns) == 1


def test_thinking_is_content():
    """The server's count of tokens has it, so the time of the first token is its time."""
    reply = read(ROLE, event({"reasoning_content": "Hm"}), event({"content": "4"}), END, DONE)
    assert reply.chunks_ns == [20, 30]


def test_completions_have_text_instead_of_a_delta():
    """And `"text": "…"` may be written with blanks."""
    line = b'data: {"choices": [{"index": 0, "text": " a", "finish_reason": "length"}]}\n\n'
    assert read(line).chunks_ns == [10]


def test_comments_and_names_of_events_are_passed_over():
    """Keep-alive pings too."""
    assert read(b": ping\n\n", b"event: message\n" + event({"content": "a"}), END, DONE).chunks_ns == [20]


@pytest.mark.parametrize(
    "pieces",
    [
        [event({"content": "a"})],
        [event({"content": "a"}), b'data: {"choices":[{"delta":{"content":"b"'],
        [event({"content": "a"}), b"data: {broken}\n\n", DONE],
        [event({"content": "a"}), b"data: 17\n\n", DONE],
        [b"<html>502 Bad Gateway</html>\n"],
        [],
    ],
)
def test_a_stream_that_is_cut_or_no_stream_is_a_failure_of_the_protocol(pieces: list[bytes]):
    """Neither a last reason nor [DONE], or what is no JSON."""
    with pytest.raises(RequestFailed) as caught:
        read(*pieces)
    assert caught.value.kind == "protocol"
    assert caught.value.lost


def test_a_stream_without_content_is_empty():
    """It ended properly and said nothing, by the server's usage too: no success."""
    nothing = event(None, usage={"prompt_tokens": 7, "completion_tokens": 0})
    for pieces in ([ROLE, END, DONE], [ROLE, END, nothing, DONE]):
        with pytest.raises(RequestFailed) as caught:
            read(*pieces)
        assert caught.value.kind == "empty"


def test_tokens_without_text_are_an_answer_without_a_first_content():
    """A part of a letter, or the end: the server counted them, nobody saw them."""
    reply = read(ROLE, END, USAGE, DONE)
    assert (reply.first_ns, reply.chunks_ns, reply.tokens_out) == (0, [], 5)
    assert whole(b'{"choices":[{"text":""}],"usage":{"completion_tokens":1}}').tokens_out == 1


@pytest.mark.parametrize(
    ("error", "kind"), [({"code": 500, "message": "out of slots"}, "http_500"), ("boom", "stream_error")]
)
def test_an_error_inside_of_the_stream_is_told(error: Any, kind: str):
    """By its code where it has one."""
    with pytest.raises(RequestFailed) as caught:
        read(event({"content": "a"}), event(None, error=error))
    assert caught.value.kind == kind


def test_an_answer_that_was_not_streamed_has_no_first_content():
    """Its counts and bytes are read."""
    text = b'{"choices":[{"message":{"content":"Hi"}}],"usage":{"prompt_tokens":2,"completion_tokens":1}}'
    reply = whole(text)
    assert (reply.first_ns, reply.tokens_in, reply.tokens_out, reply.bytes_in) == (0, 2, 1, len(text))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"oops", "protocol"),
        (b"{}", "protocol"),
        (b'{"choices":[{"text":""}]}', "empty"),
        (b'{"error":{"code":503}}', "http_503"),
    ],
)
def test_an_answer_that_was_not_streamed_may_be_none(text: bytes, kind: str):
    """No JSON, no choices, no content, an error."""
    with pytest.raises(RequestFailed) as caught:
        whole(text)
    assert caught.value.kind == kind
