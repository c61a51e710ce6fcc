"""Arrival times from a file, and what is wrong with other files."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.errors import UserError
from fairtrial.systems.threadpool.words import Arrivals, Workload
from fairtrial.systems.threadpool.workload.draw import draw
from fairtrial.systems.threadpool.workload.trace import trace


@pytest.fixture
def written(tmp_path):
    """Text -> path of a trace."""

    def write(text: str) -> str:
        path = tmp_path / "arrivals.txt"
        path.write_text(text)
        return str(path)

    return write


def test_first_times(written, streams):
    """The first so many lines are the arrivals, ties and all."""
    path = written("0\n0.5\n0.5\n1e1\n99\n")
    np.testing.assert_array_equal(trace(path, 4), [0, 0.5, 0.5, 10])
    tasks = draw(Workload(arrivals=Arrivals(kind="trace", trace=path)), 3, streams())
    np.testing.assert_array_equal(tasks.due_s, [0, 0.5, 0.5])
    assert len(tasks.cpu_s) == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1\n2\n", r"arrivals.txt holds 2 arrival times, and 3 tasks are asked for \(set `tasks` to 2 or less\)"),
        ("", "holds 0 arrival times"),
        ("1\n2\nx\n", r"arrivals.txt:3: 'x' is not a time in seconds"),
        ("1\n\n3\n", r"arrivals.txt:2: '' is not a time in seconds"),
        ("1\n3\n2\n", r"arrivals.txt:3: earlier than the line before it \(sort the times\)"),
        ("-1\n3\n4\n", r"arrivals.txt:1: not a time in seconds after the start"),
        ("1\nnan\n4\n", r"arrivals.txt:2: not a time in seconds after the start"),
        ("2\n2\n2\n", r"arrivals.txt: the first 3 tasks arrive at one instant, 2 s: no time passes"),
        ("1\n2\ninf\n", r"arrivals.txt:3: not a time in seconds after the start"),
    ],
)
def test_bad_traces(text, says, written):
    """What is wrong with a file is one line: which line it is, and what to do."""
    with pytest.raises(UserError, match=says) as raised:
        trace(written(text), 3)
    assert "\n" not in str(raised.value)


def test_unreadable(tmp_path):
    """A file that is not there, a folder and bytes that are no text are named."""
    with pytest.raises(UserError, match=r"trace .*none.txt: No such file"):
        trace(str(tmp_path / "none.txt"), 3)
    with pytest.raises(UserError, match="Is a directory"):
        trace(str(tmp_path), 3)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="not a text file"):
        trace(str(tmp_path / "bytes"), 3)
