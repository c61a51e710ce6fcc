"""Wire: messages are whole or absent, in order, whatever their size."""

from __future__ import annotations

import enum
import math
import os
from types import MappingProxyType

import pytest

from fairtrial.execute.trial.wire import MESSAGE_BYTES, Closed, Frames, Outbox, Wire, load, pair, save


@pytest.fixture
def ends(tmp_path):
    left, right = (Wire(descriptor, str(tmp_path)) for descriptor in pair())
    yield left, right
    left.close()
    right.close()


class Colour(enum.IntEnum):
    RED = 3


def test_values_arrive_as_they_were(ends):
    """Numbers, undefined ones too, text with lone surrogates, bytes and nesting."""
    left, right = ends
    record = ["task", {"m": [[1, 2**70, {"x": 0.1, "s": "é\udc80", "none": None}]], "inf": math.inf}, b"\0\xff"]
    left.send([record])
    assert right.receive() == ([record], None)


def test_what_stands_for_plain_values_is_made_plain(ends):
    """Mappings and enums that are no plain values travel as what they stand for."""
    left, right = ends
    left.send([["task", MappingProxyType({"a": Colour.RED, "b": (1, 2)})]])
    assert right.receive()[0] == [["task", {"a": 3, "b": [1, 2]}]]


def test_a_long_message_goes_by_file_and_leaves_none(ends, tmp_path):
    """A message beyond the packet's size arrives whole; its file is gone after that."""
    left, right = ends
    left.send([["exit", b"x" * (3 * MESSAGE_BYTES)]])
    assert len(list(tmp_path.iterdir())) == 1
    assert right.receive()[0] == [["exit", b"x" * (3 * MESSAGE_BYTES)]]
    assert list(tmp_path.iterdir()) == []


def test_order_is_kept_between_processes_that_share_an_end(ends):
    """What a child sends before it dies comes before what its parent sends after that."""
    left, right = ends
    for number in range(20):
        pid = os.fork()
        if pid == 0:
            left.send([["result", number]])
            os._exit(0)
        os.waitpid(pid, 0)
        left.send([["exit", number]])
    found = [right.receive()[0][0] for _ in range(40)]
    assert found == [[kind, number] for number in range(20) for kind in ("result", "exit")]


def test_a_descriptor_travels_with_a_message(ends, tmp_path):
    """The receiver can read what the sender opened."""
    left, right = ends
    (tmp_path / "text").write_bytes(b"hello")
    descriptor = os.open(tmp_path / "text", os.O_RDONLY)
    left.send([["worker", 1]], pass_fd=descriptor)
    os.close(descriptor)
    records, passed = right.receive()
    assert (records, os.read(passed, 9)) == ([["worker", 1]], b"hello")
    os.close(passed)


def test_a_closed_end_is_told(ends):
    """Both directions notice; a non-blocking end does not wait."""
    left, right = ends
    right.set_blocking(False)
    with pytest.raises(BlockingIOError):
        right.receive()
    left.close()
    with pytest.raises(Closed):
        right.receive()
    with pytest.raises(Closed):
        right.send([["x"]])


def test_an_outbox_sends_one_message(ends):
    """Records of one turn travel together."""
    left, right = ends
    outbox = Outbox(left)
    outbox.add(["exit", 1])
    outbox.add(["started", 2])
    outbox.flush()
    outbox.flush()
    right.set_blocking(False)
    assert right.receive()[0] == [["exit", 1], ["started", 2]]
    with pytest.raises(BlockingIOError):
        right.receive()


def test_frames_are_read_when_whole(tmp_path):
    """Half a message is not read."""
    writer, reader = Frames(str(tmp_path / "f")), Frames(str(tmp_path / "f"))
    writer.send([["step", 1]])
    with open(tmp_path / "f", "ab") as file:
        file.write((100).to_bytes(8, "little") + b"half")
    assert reader.receive() == [["step", 1]]
    assert reader.receive() == []
    writer.close()
    reader.close()


def test_files_of_plain_values(tmp_path):
    """What is saved is loaded."""
    save(str(tmp_path / "v"), MappingProxyType({"a": (1, None)}))
    assert load(str(tmp_path / "v")) == {"a": [1, None]}


def test_long_messages_of_several_ends_do_not_meet(tmp_path):
    """Ends of one process share a folder: each long message stays its own, and no other user can read it."""
    ends = [[Wire(descriptor, str(tmp_path)) for descriptor in pair()] for _ in range(3)]
    for number, (left, _) in enumerate(ends):
        left.send([["task", number, b"x" * (2 * MESSAGE_BYTES)]])
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert [right.receive()[0][0][1] for _, right in ends] == [0, 1, 2]
    for end in (end for both in ends for end in both):
        end.close()


def test_a_saved_file_is_private(tmp_path):
    """Jobs and configurations hold handles and parameters: nobody else reads them."""
    save(str(tmp_path / "job"), {"handle": "dsn"})
    assert (tmp_path / "job").stat().st_mode & 0o777 == 0o600
