"""Pages of trials, and one trial by its name."""

from __future__ import annotations

import pytest

from fairtrial.errors import UnknownName, UserError


@pytest.fixture
def ran(kit, book, journal):
    """Ten trials: every third failed, the last one open."""
    for index, trial in enumerate(kit.trials(10)):
        attempt = kit.start(journal, trial)
        if index == 9:
            break
        kit.fail(journal, attempt) if index % 3 == 0 else kit.end(journal, attempt)
    return book.ledger


def numbers(rows):
    """Trial numbers of rows."""
    return [row.number for row in rows]


def test_pages(ran):
    """A page is a stretch of the numbers; past the end it is empty."""
    assert numbers(ran.trials(1)) == list(range(1, 11))
    assert numbers(ran.trials(1, limit=3)) == [1, 2, 3]
    assert numbers(ran.trials(1, limit=3, offset=8)) == [9, 10]
    assert numbers(ran.trials(1, offset=8)) == [9, 10]
    assert numbers(ran.trials(1, limit=3, offset=99)) == []
    assert numbers(ran.trials(7)) == []


def test_by_status(ran):
    """Rows of one status, in pages; `open` are those not settled; another word is refused."""
    assert numbers(ran.trials(1, status="failed")) == [1, 4, 7]
    assert numbers(ran.trials(1, status="failed", limit=1, offset=1)) == [4]
    assert numbers(ran.trials(1, status="done")) == [2, 3, 5, 6, 8, 9]
    assert numbers(ran.trials(1, status="open")) == [10]
    with pytest.raises(UnknownName, match="did you mean 'failed'"):
        ran.trials(1, status="faild")


def test_settled_and_finished(ran):
    """Settled are done and failed; finished are done only."""
    assert sorted(ran.settled(1).values()) == ["done"] * 6 + ["failed"] * 3
    assert len(ran.finished()) == 6
    assert ran.settled(2) == {}


def test_by_number(ran):
    """`RUN.NUMBER` names a trial; a number that is not there is said with the ends."""
    assert ran.trial("1.4").number == 4
    with pytest.raises(UnknownName, match=r"1\.1"):
        ran.trial("1.11")
    with pytest.raises(UnknownName):
        ran.trial("5.1")


@pytest.mark.parametrize("length", [8, 9, 31, 32])
def test_by_digest(ran, length):
    """The first digits of a digest name a trial, in either case."""
    for row in ran.trials(1):
        assert ran.trial(row.digest.hex()[:length]) == row
        assert ran.trial(row.digest.hex()[:length].upper()) == row


@pytest.mark.parametrize("reference", ["xyz", "", "12g4", "1.x", "f" * 32, "f" * 40])
def test_no_such_trial(ran, reference):
    """What names nothing is refused in one line."""
    with pytest.raises(UserError) as problem:
        ran.trial(reference)
    assert "\n" not in str(problem.value)


def test_too_few_digits(ran):
    """Fewer than four digits are refused, even where they would do."""
    with pytest.raises(UserError, match="at least 4"):
        ran.trial("abc")


def test_several_fit(kit, book, journal):
    """Digits that fit several trials are refused, saying how they go on."""
    from dataclasses import replace

    for end in (b"\x01", b"\x02"):
        kit.done(journal, replace(kit.trial(), digest=b"\xab\xcd" + bytes(13) + end))
    with pytest.raises(UserError, match="fits 2 trials"):
        book.ledger.trial("abcd")
    assert book.ledger.trial("abcd" + "0" * 26 + "02").number == 2


def test_a_digest_names_the_newest_runs_member(kit, book, journal):
    """A trial of several runs is shown as a member of the newest."""
    kit.done(journal, kit.trial())
    other = kit.begin(book, study="other")
    other.reuse([kit.trial()])
    assert book.ledger.trial(kit.trial().digest.hex()).run == 2
