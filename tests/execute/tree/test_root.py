"""The driver's sockets: nothing blocks, nothing is lost, and nobody who talks keeps the others waiting."""

from __future__ import annotations

import os

import pytest

from fairtrial.execute.tree.root import MESSAGES, Line
from fairtrial.execute.trial.wire import Closed, Wire, pair


@pytest.fixture
def heard():
    """What the line heard."""
    return []


@pytest.fixture
def ends(tmp_path, heard):
    """A line, and the other end of its socket."""
    ours, theirs = pair()
    line = Line(Wire(ours, str(tmp_path)), heard.extend)
    line.wire.set_blocking(False)
    other = Wire(theirs, str(tmp_path))
    yield line, other
    line.drop()
    line.wire.close()
    other.close()


def test_a_descriptor_waits_with_its_message(ends, tmp_path):
    """Where the socket is full, a message and its descriptor follow later, in order."""
    line, other = ends
    (tmp_path / "text").write_bytes(b"hello")
    given = os.open(tmp_path / "text", os.O_RDONLY)
    while not line.unsent:
        line.send([["task", b"x" * 50_000]])
    line.send([["worker"]], give_fd=given)
    records, passed = other.receive()
    while records[0][0] != "worker":
        line.flush()
        records, passed = other.receive()
    assert os.read(passed, 9) == b"hello"
    os.close(passed)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(given)


def test_what_is_sent_to_the_dead_is_dropped(ends, tmp_path):
    """Neither the message nor its descriptor stays, and the sender goes on."""
    line, other = ends
    other.close()
    given = os.open(tmp_path, os.O_RDONLY)
    line.send([["worker"]], give_fd=given)
    assert not line.unsent
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(given)


def test_one_who_talks_on_is_interrupted(ends, heard):
    """A line hears so many messages in a row, and the rest at the next look."""
    line, other = ends
    other.set_blocking(False)

    def talk(records):
        heard.extend(records)
        other.send([["step", len(heard)]])

    line.hear = talk
    other.send([["step", 0]])
    assert line.drain()
    assert len(heard) == MESSAGES
    other.close()
    line.hear = heard.extend
    assert not line.drain()
    assert len(heard) == MESSAGES + 1
    with pytest.raises(Closed):
        line.wire.receive()
