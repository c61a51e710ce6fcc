"""The outbox of a run: what is settled less what was delivered, to one destination."""

from __future__ import annotations

import pytest

from fairtrial.errors import BookUnwritable, StudyHeld
from fairtrial.model.event import StepLogged
from fairtrial.model.outcome import Produced, Status
from fairtrial.model.parcel import RUN, Receipt
from fairtrial.store.lock import mirror_lock
from fairtrial.store.outbox import Outbox


@pytest.fixture
def outbox(book, journal):
    """What the run owes `there`."""
    return Outbox(book, journal.run, destination="there", settings="s")


def deliver(outbox, *numbers):
    """Record that trials were delivered as they stand."""
    seals = {parcel.row.number: parcel.seal for parcel in outbox.parcels(100)}
    outbox.delivered([Receipt(number, f"r{number}", seals[number]) for number in numbers])


def numbers(outbox, limit=100, **more):
    return [parcel.row.number for parcel in outbox.parcels(limit, **more)]


def test_a_run_without_trials_owes_none(outbox):
    """Nothing is settled, so nothing waits."""
    assert outbox.waiting() == 0
    assert outbox.parcels(10) == []
    assert outbox.receipt() is None


def test_settled_trials_wait(kit, journal, outbox):
    """What runs, or was cancelled, does not; what is done or failed does, in number order and page by page."""
    for trial in kit.trials(3):
        kit.done(journal, trial)
    kit.fail(journal, kit.start(journal, kit.trial(5.0)))
    kit.start(journal, kit.trial(6.0))
    kit.end(journal, kit.start(journal, kit.trial(7.0)), status=Status.CANCELLED, settles=False)
    assert outbox.waiting() == 4
    assert numbers(outbox) == [1, 2, 3, 4]
    assert numbers(outbox, 2) == [1, 2]
    assert numbers(outbox, after=2) == [3, 4]


def test_what_was_delivered_does_not_wait(kit, journal, outbox, book):
    """Receipts are durable, and belong to one destination alone."""
    for trial in kit.trials(3):
        kit.done(journal, trial)
    deliver(outbox, 1, 3)
    assert numbers(outbox) == [2]
    assert Outbox(kit.book(), journal.run, destination="there", settings="s").waiting() == 1
    assert Outbox(book, journal.run, destination="elsewhere", settings="s").waiting() == 3


def test_other_settings_owe_all_of_it(kit, journal, outbox, book):
    """Where the study says something else of every run there, every run is sent again."""
    kit.done(journal, kit.trial())
    deliver(outbox, 1)
    assert Outbox(book, journal.run, destination="there", settings="other").waiting() == 1


def test_a_trial_that_was_tried_again_waits(kit, journal, outbox):
    """A failure that `retry` reopened waits once its new attempt has settled it, not before."""
    trial = kit.trial()
    kit.fail(journal, kit.start(journal, trial))
    deliver(outbox, 1)
    journal.forgive([trial.digest])
    assert outbox.waiting() == 0
    attempt = kit.done(journal, trial)
    (parcel,) = outbox.parcels(10)
    assert parcel.row.attempt == attempt
    assert parcel.seal == f"{attempt} s"


def test_a_retired_trial_waits(kit, journal, outbox):
    """Retiring it, and taking it back, are told."""
    first, second = kit.trials(2)
    kit.done(journal, first)
    kit.done(journal, second)
    deliver(outbox, 1, 2)
    journal.retire([first.digest])
    (parcel,) = outbox.parcels(10)
    assert (parcel.row.number, parcel.row.retired) == (2, True)
    deliver(outbox, 2)
    assert outbox.waiting() == 0
    journal.retire([first.digest, second.digest])
    assert numbers(outbox) == [2]


def test_a_parcel_has_all_of_the_trial(kit, journal, outbox):
    """Parameters, times, usage, steps with their times, tables and files of the attempt that settled it."""
    table, file = kit.scratch(journal, "rows.parquet", b"rows"), kit.scratch(journal, "a.txt", b"text")
    trial = kit.trial(0.5, depth=3)
    attempt = kit.start(journal, trial)
    journal.append([StepLogged(attempt, step, {"loss": step / 4}, 100.0 + step) for step in (1, 2)])
    produced = (Produced("table", "rows", str(table)), Produced("file", "a.txt", str(file)))
    kit.end(journal, attempt, {"loss": 0.5, "none": None}, produced=produced, cautions=("late",))
    kit.done(journal, kit.trial(0.6))
    first, second = outbox.parcels(10)
    assert first.parameters == {"lr": 0.5, "depth": 3}
    assert first.row.metrics == {"loss": 0.5, "none": None}
    assert first.started < first.ended
    assert first.cautions == ("late",)
    assert [(step.number, step.at, step.metrics) for step in first.steps] == [
        (1, 101.0, {"loss": 0.25}),
        (2, 102.0, {"loss": 0.5}),
    ]
    assert first.tables["rows"].read_bytes() == b"rows"
    assert first.files["a.txt"].read_bytes() == b"text"
    assert (second.steps, second.tables, second.files, second.cautions) == ([], {}, {}, ())


def test_the_receipt_of_the_run(outbox):
    """The run itself has one, apart from its trials; the last one counts."""
    outbox.delivered([Receipt(RUN, "r", "first")])
    outbox.delivered([Receipt(RUN, "r", "second")])
    assert outbox.receipt() == Receipt(RUN, "r", "second")
    assert outbox.waiting() == 0


def test_a_book_that_is_only_read_takes_no_receipts(kit, journal, book):
    """It can say what waits all the same."""
    kit.done(journal, kit.trial())
    reading = Outbox(kit.book(write=False), journal.run, destination="there")
    assert reading.waiting() == 1
    with pytest.raises(BookUnwritable):
        reading.delivered([Receipt(1, "r", "s")])


def test_one_mirror_a_run(kit, book):
    """A second one is refused by a line that names the first; other runs have their own."""
    with mirror_lock(kit.folder, 1, now=0.0):
        with (
            pytest.raises(StudyHeld, match=r"run 1 is being mirrored by process \d+"),
            mirror_lock(kit.folder, 1, now=1.0),
        ):
            pytest.fail("two mirrors hold one run")
        with mirror_lock(kit.folder, 2, now=1.0):
            pass
    with mirror_lock(kit.folder, 1, now=2.0):
        pass
