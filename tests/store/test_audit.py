"""`verify` says what is wrong and changes nothing."""

from __future__ import annotations

import re

import pytest

from fairtrial.errors import BookError
from fairtrial.model.outcome import Captured, Produced


@pytest.fixture
def whole(kit, book, journal):
    """A book with results, files, a failure, a reused trial and actions."""
    path = kit.scratch(journal, "a.bin", b"a" * 10)
    out = kit.scratch(journal, "out", b"o" * 10)
    produced = (Produced("file", "a", str(path)),)
    kit.done(journal, kit.trial(0.1), produced=produced, captured=Captured(stdout_path=str(out)))
    kit.fail(journal, kit.start(journal, kit.trial(0.2)))
    other = kit.begin(book, study="other")
    other.reuse([kit.trial(0.1)])
    book.act("note")
    return book


def test_a_whole_book(whole):
    """Nothing is wrong with a book that was only written by us."""
    assert whole.ledger.verify() == []


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE run SET done = done + 1 WHERE number = 1", "run 1: its counter done says 2, its trials are 1"),
        ("UPDATE run SET reused = 0", "run 2: its counter reused says 0, its trials are 1"),
        (
            "UPDATE member SET status = 'done' WHERE status = 'failed'",
            "trial 1.2: its status is not that of its attempt",
        ),
        ("UPDATE member SET attempt = NULL WHERE run = 2", "trial 2.1: its status is not that of its attempt"),
        (
            "UPDATE attempt SET status = 'lost' WHERE status = 'done'",
            "trial 1.1: its status is not that of its attempt",
        ),
    ],
)
def test_rows_that_disagree(whole, damage, said):
    """Counters and statuses that do not fit each other are named."""
    whole._connection.rows(damage)
    assert said in whole.ledger.verify()


def test_dangling_rows(whole):
    """A row that refers to nothing is named."""
    whole._connection.rows("PRAGMA foreign_keys=OFF")
    whole._connection.rows("DELETE FROM condition WHERE id = 1")
    assert any("refers to a condition that is missing" in line for line in whole.ledger.verify())


def test_files(whole, kit):
    """A file that is missing, and one that was changed, are named by digest."""
    first, second = sorted((kit.folder / "artifacts").glob("??/*"))
    first.unlink()
    second.write_bytes(b"changed")
    assert whole.ledger.verify() == [
        f"artifact {first.name}: the file is missing",
        f"artifact {second.name}: the file was changed",
    ]


def test_a_damaged_page(whole, kit):
    """A page that was overwritten is found, and told as a line or as one error."""
    whole.close()
    path = kit.folder / "book.db"
    data = bytearray(path.read_bytes())
    for page in range(2, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(data)
    assert said(kit)


def said(kit):
    """Return what is said of a damaged book, by whichever way."""
    try:
        return kit.book(write=False).ledger.verify()
    except BookError as problem:
        return re.findall("damaged", str(problem))
