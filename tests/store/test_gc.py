"""Collection removes what nothing refers to, and nothing else."""

from __future__ import annotations

import os

import pytest

from fairtrial.model.outcome import Produced
from fairtrial.store.gc import collect


@pytest.fixture
def littered(kit, book, journal):
    """A closed run with one artifact, and litter beside it: a loose artifact, half a copy, scratch, five backups."""
    path = kit.scratch(journal, "a.bin", b"kept")
    kit.done(journal, kit.trial(), produced=(Produced("file", "a", str(path)),))
    kit.scratch(journal, "slots/1.out", b"12345")
    journal.close("finished", planned=1)
    loose = kit.folder / "artifacts" / "ab" / "abcd"
    loose.parent.mkdir(parents=True, exist_ok=True)
    loose.write_bytes(b"loose")
    (loose.parent / "abce.77.part").write_bytes(b"half")
    for index in range(5):
        backup = kit.folder / f"book.db.v0.{index}.backup"
        backup.write_bytes(b"old")
        os.utime(backup, (index, index))
    return book


LITTER = (
    "artifacts/ab/abcd",
    "artifacts/ab/abce.77.part",
    "book.db.v0.0.backup",
    "book.db.v0.1.backup",
    "trials/1",
)


def test_what_would_go(littered, kit):
    """A dry run says what would be removed and how many bytes that is, and removes nothing."""
    before = sorted(kit.folder.rglob("*"))
    found = collect(littered, dry_run=True)
    assert found.paths == LITTER
    assert (found.artifacts, found.folders, found.backups) == (2, 1, 2)
    assert found.bytes == len(b"loose" + b"half" + b"12345" + b"old" * 2)
    assert sorted(kit.folder.rglob("*")) == before


def test_what_goes(littered, kit):
    """What was found is gone, what the book names is there, and a second collection finds nothing."""
    found = collect(littered, dry_run=False)
    assert found.paths == LITTER
    assert not [path for path in LITTER if (kit.folder / path).exists()]
    assert littered.ledger.files(1)[0][2].read_bytes() == b"kept"
    assert littered.ledger.verify() == []
    assert collect(littered, dry_run=False).paths == ()
    assert len(list(kit.folder.glob("*.backup"))) == 3


def test_a_driver_at_work_is_left_alone(littered, kit):
    """While a driver works, its scratch folder and every artifact stay."""
    journal = kit.begin(littered, study="other")
    kit.scratch(journal, "slots/1.out", b"mine")
    found = collect(littered, dry_run=False)
    assert found.kept_for == (journal.driver,)
    assert found.artifacts == 0
    assert found.paths == ("book.db.v0.0.backup", "book.db.v0.1.backup", "trials/1")
    assert (kit.folder / "trials" / str(journal.driver) / "slots" / "1.out").exists()
    assert (kit.folder / "artifacts" / "ab" / "abcd").exists()


def test_a_dead_driver_leaves_litter(littered, kit):
    """The scratch folder of a driver that died can go."""
    journal = kit.begin(littered, study="other")
    kit.scratch(journal, "slots/1.out", b"mine")
    littered._connection.rows("UPDATE driver SET pid_started = 1 WHERE id = ?", (journal.driver,))
    assert f"trials/{journal.driver}" in collect(littered, dry_run=True).paths


def test_what_a_lost_attempt_wrote_is_kept(littered, kit):
    """Of a dead driver's scratch, the files that an attempt in flight wrote stay to be read; the rest goes."""
    journal = kit.begin(littered, study="other")
    out = kit.scratch(journal, "slots/1.out", b"mine")
    idle, work = kit.scratch(journal, "slots/2.out", b"old"), kit.scratch(journal, "scratch/7/x", b"half")
    attempt = kit.start(journal, kit.trial(0.7), stdout_path=str(out), stderr_path="")
    littered._connection.rows("UPDATE driver SET pid_started = 1 WHERE id = ?", (journal.driver,))
    collect(littered, dry_run=False)
    assert (out.exists(), idle.exists(), work.exists()) == (True, False, False)
    assert littered.ledger.captured(attempt).stdout_path == str(out)
    assert collect(littered, dry_run=False).paths == ()


def test_an_empty_book(kit, book):
    """A new book has nothing to collect."""
    assert collect(book, dry_run=False).paths == ()
