"""Beginning: the same run goes on, is amended, or a new one is opened; what died is closed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from fairtrial.errors import StudyHeld
from fairtrial.model.outcome import Status
from fairtrial.store import process


def test_numbers_count_over_the_whole_book(kit, book):
    """Runs are numbered 1, 2, 3 … whatever their study."""
    assert [kit.begin(book, study=name).run for name in ("a", "b", "c")] == [1, 2, 3]


@pytest.mark.parametrize("state", ["interrupted", "budget", "finished"])
@pytest.mark.parametrize("live", [False, True])
def test_the_same_study_goes_on(kit, book, state, live):
    """The newest run is continued under its number, whatever its state; only the driver is new."""
    first = kit.begin(book, live=live)
    first.close(state, planned=2)
    second = kit.begin(book, live=live)
    assert (second.run, second.driver) == (first.run, first.driver + 1)
    assert book.ledger.run().state == "open"
    assert book.ledger.run().live is live


def test_fresh_opens_a_new_run(kit, book):
    """`fresh` always opens a new run, and that one is continued afterwards."""
    assert [kit.begin(book, fresh=fresh).run for fresh in (False, True, False)] == [1, 2, 2]


def test_a_changed_system_opens_a_new_run(kit, book):
    """Another identity is another run; going back to the first opens a third."""
    runs = [kit.begin(book, identity=kit.identity(version=version)).run for version in ("1", "2", "2", "1")]
    assert runs == [1, 2, 2, 3]


def test_amendments_are_recorded(kit, book):
    """A changed document amends the run: readers get the newest, and every version stays."""
    documents = [{"study": "digits", "n": n} for n in (1, 1, 2)]
    for document in documents:
        kit.begin(book, document=document, tags=("a",), metrics=["loss", "acc"])
    assert book.ledger.run().document == {"study": "digits", "n": 2}
    assert book.ledger.run().tags == ("a",)
    versions = book._connection.rows("SELECT version FROM spec_version WHERE run = 1 ORDER BY version")
    assert versions == [(1,), (2,)]


@pytest.mark.parametrize(("durability", "level"), [("normal", 1), ("full", 2)])
def test_full_durability_waits_for_the_disk(kit, book, durability, level):
    """SQLite's own word for it: 1 is NORMAL, 2 is FULL."""
    kit.begin(book, durability=durability)
    assert book._connection.rows("PRAGMA synchronous") == [(level,)]


def test_planned_is_known_while_it_runs(kit, book):
    """The size of the plan is said at the beginning, and kept where a later driver does not count."""
    kit.begin(book, planned=40)
    assert book.ledger.run().planned == 40
    kit.begin(book, planned=None)
    assert book.ledger.run().planned == 40


def test_provenance_of_every_driver(kit, book):
    """Each driver leaves where and how it ran."""
    kit.begin(book, provenance=kit.provenance(command=("fairtrial", "run"), inputs={"labels": "ab"}))
    kit.begin(book)
    first, second = book.ledger.provenance(1)
    assert first["command"] == ["fairtrial", "run"]
    assert first["inputs"] == {"labels": "ab"}
    assert (first["folder"], first["state"], second["state"]) == ("/somewhere", "lost", "open")
    assert (first["driver"], second["driver"]) == (1, 2)
    assert first["closed"] >= first["opened"]


def test_a_dead_drivers_attempts_are_lost(kit, book, monkeypatch):
    """A driver that died reads as interrupted and its attempts as lost, before anything is written about it."""
    journal = kit.begin(book)
    attempt = kit.start(journal, kit.trial())
    assert book.ledger.run().state == "open"
    book._connection.rows("UPDATE driver SET pid_started = pid_started - 100")
    reading = kit.book(write=False).ledger
    assert reading.run().state == "interrupted"
    assert [row.status for row in reading.attempts()] == [Status.LOST]
    assert reading.trials(1)[0].status is None
    stored = book._connection.rows("SELECT status FROM attempt")
    assert stored == [("running",)]
    after = kit.begin(book)
    assert book._connection.rows("SELECT status FROM attempt") == [("lost",)]
    assert after.run == 1
    assert kit.end(after, attempt) == (attempt,)


@pytest.mark.parametrize("field", ["pid", "boot_id"])
def test_who_is_dead(kit, book, field):
    """Another process under the pid, or another boot of this machine, is not the driver."""
    journal = kit.begin(book)
    kit.start(journal, kit.trial())
    value = 2**22 - 1 if field == "pid" else "an earlier boot"
    book._connection.rows(f"UPDATE driver SET {field} = ?", (value,))
    assert book.ledger.run().state == "interrupted"


def test_a_driver_on_another_machine_counts_as_alive(kit, book):
    """What cannot be seen is not called dead by a reader; the holder of the study's lock takes over."""
    journal = kit.begin(book)
    kit.start(journal, kit.trial())
    book._connection.rows("UPDATE driver SET boot_id = 'theirs', host = 'theirs'")
    assert book.ledger.run().state == "open"
    assert kit.begin(book).run == journal.run
    assert book.ledger.attempts()[0].status is Status.LOST


def test_a_live_driver_is_not_taken_over(kit, book):
    """Without the lock, a driver that lives in another process still keeps its study."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        kit.begin(book)
        started = process._started(child.pid)
        book._connection.rows("UPDATE driver SET pid = ?, pid_started = ?", (child.pid, started))
        with pytest.raises(StudyHeld, match=f"process {child.pid}"):
            kit.begin(book)
        assert kit.begin(book, study="other").run == 2
    finally:
        child.communicate(b"\n")
    assert kit.begin(book).run == 1


def test_a_zombie_is_dead():
    """A process that has exited and was not waited for drives nothing."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    who = replace(process.this(), pid=child.pid, started=process._started(child.pid))
    assert process.alive(who)
    child.stdin.close()
    import os

    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not process.alive(who)
    child.wait()
    assert not process.alive(who)
    assert process.alive(process.this())
