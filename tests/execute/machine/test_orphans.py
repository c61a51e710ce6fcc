"""Orphans: what a dead driver left is ended, what belongs to a living one is spared."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from fairtrial.execute.machine import orphans


@pytest.fixture
def marked():
    """Start sleeping processes that carry a mark."""
    started = []

    def start(mark):
        process = subprocess.Popen(["sleep", "1000"], env=dict(os.environ) | {orphans.VARIABLE: mark})
        limit = time.monotonic() + 20
        while (process.pid, mark) not in list(orphans._marked()):
            assert time.monotonic() < limit
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def dead_pid():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_dead_drivers_processes_are_ended(marked):
    """Only of this book, and only where the driver is gone."""
    book, other = f"book-{os.urandom(4).hex()}", f"book-{os.urandom(4).hex()}"
    orphan = marked(f"{book}:{dead_pid()}:12.34")
    reborn = marked(f"{book}:{os.getpid()}:0.01")  # the pid lives, but it is another process by now
    ours, others = marked(orphans.mark(book)), marked(f"{other}:{dead_pid()}:12.34")
    assert sorted(orphans.sweep(book)) == sorted([orphan.pid, reborn.pid])
    assert orphan.wait() == reborn.wait() == -9
    assert ours.poll() is None
    assert others.poll() is None
    assert orphans.sweep(book) == []


def test_the_driver_itself_is_never_ended(monkeypatch):
    """A driver that was started inside a trial carries the mark of the outer one."""
    book = f"book-{os.urandom(4).hex()}"
    code = (
        "import sys; from fairtrial.execute.machine import orphans\n"
        f"print(orphans.sweep({book!r}), orphans.end_marked(sys.argv[1]))"
    )
    mark = f"{book}:{dead_pid()}:1.0"
    said = subprocess.run(
        [sys.executable, "-c", code, mark],
        env=dict(os.environ) | {orphans.VARIABLE: mark},
        capture_output=True,
        text=True,
    )
    assert (said.returncode, said.stdout.strip()) == (0, "[] []")


def test_end_marked_waits_its_grace(marked):
    """What ends by itself in time is not killed."""
    mark = orphans.mark(f"book-{os.urandom(4).hex()}")
    process = marked(mark)
    process.terminate()
    assert orphans.end_marked(mark, grace_s=20.0) == []
    assert process.wait() == -15


def test_malformed_marks_are_left_alone(marked):
    """A mark that names no driver belongs to a dead one only if it is of this book."""
    process = marked("nonsense")
    assert orphans.sweep("book") == []
    assert process.poll() is None
