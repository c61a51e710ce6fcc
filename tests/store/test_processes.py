"""Real processes on one book: killed in the middle, several at once, and readers beside them."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from fairtrial.model.outcome import Status
from fairtrial.store.book import open_book

WRITER = Path(__file__).with_name("writer.py")


def start(folder, study, count, first=0):
    """Start a driver of a study."""
    command = [sys.executable, str(WRITER), str(folder), study, str(count), str(first)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def killed(folder, study, count, after):
    """Run a driver, kill it once it acknowledged `after` results; return all that it acknowledged."""
    child = start(folder, study, count)
    said = [child.stdout.readline().strip() for _ in range(after + 1)]
    child.kill()
    lines = [*said, *child.stdout.read().split("\n")]
    errors = child.stderr.read()
    child.communicate()
    assert "Traceback" not in errors, errors
    return {bytes.fromhex(line) for line in lines if len(line) == 32}


def test_kill_9_loses_nothing_acknowledged(tmp_path):
    """In ten rounds of kill -9 at drawn moments, all that was acknowledged is there, once, and the book is whole."""
    folder, drawn = tmp_path / ".fairtrial", random.Random(0)
    acknowledged = set()
    for kills in range(1, 11):
        acknowledged |= killed(folder, "digits", 5000, drawn.randint(0, 60))
        book = open_book(folder, write=False)
        run = book.ledger.run()
        settled = book.ledger.settled(run.number)
        assert acknowledged <= set(settled)
        assert len(settled) <= len(acknowledged) + kills, "only the result in flight can be unheard of"
        assert (run.number, run.done, run.state) == (1, len(settled), "interrupted")
        assert book.ledger.verify() == []
        assert Status.RUNNING not in {row.status for row in book.ledger.attempts()}
        book.close()
    done = start(folder, "digits", 400)
    _, errors = done.communicate()
    assert done.returncode == 0, errors
    book = open_book(folder, write=False)
    rows = book.ledger.measurements(1)
    assert sorted(rows.metrics["x"]) == [float(index) for index in range(len(rows))]
    assert list(rows.metrics["x"]) == rows.factors["x"]
    assert len(rows) >= 400
    assert book.ledger.run().state == "finished"
    book.close()


def test_four_drivers_write_one_book(tmp_path):
    """Drivers of four studies make the book together and write at once; no result is lost or mixed up."""
    folder = tmp_path / ".fairtrial"
    drivers = [start(folder, f"study{index}", 150) for index in range(4)]
    for driver in drivers:
        _, errors = driver.communicate()
        assert driver.returncode == 0, errors
    book = open_book(folder, write=False)
    assert sorted(run.study for run in book.ledger.runs()) == [f"study{index}" for index in range(4)]
    for run in book.ledger.runs():
        rows = book.ledger.measurements(run.number)
        assert sorted(rows.factors["x"]) == list(range(150))
        assert set(rows.factors["study"]) == {run.study}
        assert (run.done, run.state) == (150, "finished")
    assert book.ledger.verify() == []
    book.close()


def test_one_driver_a_study(tmp_path):
    """Of two drivers of one study the second ends with StudyHeld, naming the first."""
    folder = tmp_path / ".fairtrial"
    first = start(folder, "digits", 10**6)
    assert first.stdout.readline() == "begun\n"
    second = start(folder, "digits", 1)
    _, errors = second.communicate()
    assert second.returncode != 0
    assert f"StudyHeld: study 'digits' is being run by process {first.pid} on" in errors
    first.kill()
    first.communicate()
    third = start(folder, "digits", 1)
    _, errors = third.communicate()
    assert third.returncode == 0, errors


def test_a_reader_beside_a_writer(tmp_path):
    """A reader that asks again and again sees a book that agrees with itself, and never stops the writer."""
    folder = tmp_path / ".fairtrial"
    child = start(folder, "digits", 300)
    assert child.stdout.readline() == "begun\n"
    book = open_book(folder, write=False)
    seen = []
    while child.poll() is None:
        with book.ledger._connection.snapshot():
            run = book.ledger.run()
            assert run.done == len(book.ledger.settled(1))
        seen.append(run.done)
        child.stdout.readline()
    assert seen == sorted(seen)
    assert book.ledger.run().done == 300
    book.close()
    child.communicate()
    assert child.returncode == 0


@pytest.mark.long
def test_kill_9_many_rounds(tmp_path):
    """A hundred more rounds, in which the driver is killed wherever it happens to be."""
    folder, drawn = tmp_path / ".fairtrial", random.Random(1)
    acknowledged = set()
    for _ in range(100):
        acknowledged |= killed(folder, "digits", 10**6, drawn.randint(0, 30))
    book = open_book(folder, write=False)
    assert acknowledged <= set(book.ledger.settled(1))
    assert book.ledger.verify() == []
    book.close()
