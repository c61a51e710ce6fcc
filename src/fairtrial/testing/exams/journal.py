"""The exam of a book: what was appended is there, counts once, and belongs to the driver that owns it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from fairtrial.contract.journal import Book, Journal
from fairtrial.errors import StudyHeld, UnknownName
from fairtrial.model.event import Acted, AttemptEnded, AttemptStarted, StepLogged
from fairtrial.model.identity import digest, point_digest
from fairtrial.model.outcome import Captured, Failure, FailureClass, Outcome, Produced, Status, Usage
from fairtrial.model.study import ABSENT
from fairtrial.model.trial import Role, Trial
from fairtrial.testing.fakes import FakeSystem
from fairtrial.testing.making import PROVENANCE, identity_of, trial

Begin = Callable[..., Journal]

LATE = Failure(FailureClass.TIMEOUT, "ran past 1 s", limiter="wall")


class JournalExam:
    """Subclass it, and say with `make` which book is examined."""

    def make(self, folder: Path) -> Book:
        """Make an empty book in a fresh folder."""
        raise NotImplementedError

    @pytest.fixture
    def book(self, tmp_path: Path) -> Iterator[Book]:
        """Make the book under examination."""
        made = self.make(tmp_path / ".fairtrial")
        yield made
        made.close()

    @pytest.fixture
    def begin(self, book: Book) -> Begin:
        """Begin to write: a study of FakeSystem, unless it is said otherwise."""

        def start(**words: Any) -> Journal:
            said: dict[str, Any] = {
                "study": "exam",
                "document": {"study": "exam"},
                "system": "fake",
                "identity": identity_of(FakeSystem()),
                "metrics": ["score", "cost"],
                "provenance": PROVENANCE,
                "live": False,
                "fresh": False,
            }
            return book.begin(**{**said, **words})

        return start

    def test_runs_are_numbered_in_the_book(self, book: Book, begin: Begin) -> None:
        """1, 2, 3 over all studies; a study is continued under its number."""
        numbers = [begin().run, begin(study="other").run, begin().run, begin(fresh=True).run, begin(study="other").run]
        assert numbers == [1, 2, 1, 3, 2]
        assert [run.number for run in book.ledger.runs()] == [3, 2, 1]
        assert (book.ledger.run(study="exam").number, book.ledger.run().number, book.ledger.run(2).study) == (
            3,
            3,
            "other",
        )

    def test_a_changed_system_opens_a_new_run(self, begin: Begin) -> None:
        """Another identity of the system is another run of the study."""
        identity = identity_of(FakeSystem())
        assert begin().run == 1
        assert begin(identity={**identity, "version": "2"}).run == 2

    def test_unknown_runs_and_trials_are_named(self, book: Book, begin: Begin) -> None:
        """What is not there is the user's mistake, in one line."""
        begin()
        for ask in (
            lambda: book.ledger.run(9),
            lambda: book.ledger.run(study="exma"),
            lambda: book.ledger.trial("1.9"),
        ):
            with pytest.raises(UnknownName):
                ask()

    def test_attempts_have_ids_of_their_own(self, begin: Begin) -> None:
        """Ids are unique in the book, over drivers too, and fit a signed 64-bit integer."""
        ids = [journal.next_attempt() for journal in (begin(), begin(), begin(study="other")) for _ in range(3)]
        assert len(set(ids)) == len(ids)
        assert all(0 < one < 2**63 for one in ids)

    def test_results_are_read_as_they_were_written(self, book: Book, begin: Begin) -> None:
        """Metrics bit for bit, undefined as missing, usage, seed, assignment and number."""
        journal, made = begin(), trial({"x": 2.0}, replicate=1, variant="")
        usage = Usage(wall_s=1.5, cpu_s=0.25, peak_bytes=1 << 33)
        key = settle(journal, made, metrics={"score": 0.1 + 0.2, "cost": None}, usage=usage)
        (row,) = book.ledger.trials(1)
        assert (row.number, row.digest, row.status, row.attempt) == (1, made.digest, Status.DONE, key)
        assert (dict(row.metrics), dict(row.assignment)) == ({"score": 0.1 + 0.2, "cost": None}, {"x": 2.0})
        assert (row.replicate, row.seed, row.failure, row.retired) == (1, made.seed, None, False)
        (attempt,) = book.ledger.attempts(run=1)
        assert (attempt.id, attempt.number, attempt.usage, attempt.role) == (key, 1, usage, Role.TRIAL)
        assert (attempt.status, attempt.started, attempt.ended) == (Status.DONE, 100.0, 101.0)

    def test_failures_are_classes_and_never_numbers(self, book: Book, begin: Begin) -> None:
        """A failure keeps its class, words, limiter and signal; its metrics are none."""
        failure = Failure(
            FailureClass.OOM, "too much", "the end of stderr", signal=9, limiter="cgroup2", overshoot_bytes=4096
        )
        settle(begin(), trial({"x": 1.0}), failure=failure)
        (row,) = book.ledger.trials(1, status="failed")
        assert (row.failure, dict(row.metrics)) == (failure, {})
        found = book.ledger.measurements(1)
        assert (list(found.failure), list(found.status)) == (["oom"], ["failed"])
        assert all(math.isnan(column[0]) for column in found.metrics.values())

    def test_only_what_settles_counts(self, book: Book, begin: Begin) -> None:
        """A failure with retries left leaves the trial open; the attempt that settles it counts, once."""
        journal, made = begin(), trial({"x": 1.0})
        settle(journal, made, failure=LATE, settles=False)
        assert book.ledger.settled(1) == {}
        key = settle(journal, made)
        assert book.ledger.settled(1) == {made.digest: "done"}
        assert [row.number for row in book.ledger.attempts(trial=made.digest)] == [1, 2]
        assert book.ledger.trials(1)[0].attempt == key
        run = book.ledger.run(1)
        assert (run.done, run.failed) == (1, 0)

    def test_a_late_result_is_refused(self, book: Book, begin: Begin) -> None:
        """A result that comes twice, or from a driver that lost the study, changes nothing and is named."""
        first, made = begin(), trial({"x": 1.0})
        key = settle(first, made, metrics={"score": 1.0})
        assert first.append([ended(first, key, {"score": 2.0})]) == (key,)
        late = first.next_attempt()
        other = trial({"x": 2.0})
        first.append([started(first, late, other)])
        second = begin()
        assert first.append([ended(first, late, {"score": 3.0})]) == (late,)
        assert second.append([ended(second, late, {"score": 4.0})]) == (late,)
        assert [dict(row.metrics) for row in book.ledger.trials(1, status="done")] == [{"score": 1.0}]
        assert other.digest not in book.ledger.settled(1)

    def test_what_a_lost_driver_left_running_is_lost(self, book: Book, begin: Begin) -> None:
        """The next driver finds it lost: neither a result nor a failure."""
        journal = begin()
        journal.append([started(journal, journal.next_attempt(), trial({"x": 1.0}))])
        begin()
        assert [row.status for row in book.ledger.attempts(run=1)] == [Status.LOST]
        assert book.ledger.settled(1) == {}

    def test_warmup_and_sentinel_never_count(self, book: Book, begin: Begin) -> None:
        """Their attempts are kept; the run's trials do not know them."""
        journal = begin()
        for role in (Role.WARMUP, Role.SENTINEL):
            settle(journal, trial({"x": 1.0}), role=role)
        assert [row.role for row in book.ledger.attempts(run=1)] == [Role.WARMUP, Role.SENTINEL]
        assert (list(book.ledger.trials(1)), len(book.ledger.measurements(1))) == ([], 0)

    def test_cancelled_attempts_settle_nothing(self, book: Book, begin: Begin) -> None:
        """A cancelled trial is still to be run; a pruned one is settled."""
        journal = begin()
        settle(journal, trial({"x": 1.0}), status=Status.CANCELLED)
        settle(journal, trial({"x": 2.0}), status=Status.PRUNED)
        assert book.ledger.settled(1) == {trial({"x": 2.0}).digest: "pruned"}
        run = book.ledger.run(1)
        assert (run.done, run.pruned, run.failed, run.settled) == (0, 1, 0, 1)

    def test_finished_trials_are_reused(self, book: Book, begin: Begin) -> None:
        """Another run takes a result and says whence; what failed, or was live, is not taken."""
        journal = begin(study="first")
        settle(journal, trial({"x": 1.0}), metrics={"score": 1.0})
        settle(journal, trial({"x": 2.0}), failure=LATE)
        live = begin(study="second", live=True)
        settle(live, trial({"x": 3.0}))
        assert book.ledger.finished() == {trial({"x": 1.0}).digest}
        assert len(book.ledger.finished(exclude_live=False)) == 2
        taker = begin(study="third")
        wanted = [trial({"x": value}) for value in (1.0, 2.0, 3.0)]
        assert (taker.reuse(wanted), taker.reuse(wanted)) == (1, 0)
        (row,) = book.ledger.trials(3)
        assert (row.reused_from, dict(row.metrics), row.status) == (1, {"score": 1.0}, Status.DONE)
        assert book.ledger.run(3).reused == 1

    def test_retired_trials_are_kept_and_not_counted(self, book: Book, begin: Begin) -> None:
        """A trial that the study dropped leaves the measurements, and comes back with the study."""
        journal, made = begin(), [trial({"x": float(value)}) for value in range(3)]
        for one in made:
            settle(journal, one)
        assert journal.retire([made[0].digest]) == 2
        assert list(book.ledger.measurements(1).number) == [1]
        assert len(book.ledger.measurements(1, retired=True)) == 3
        assert (book.ledger.run(1).done, book.ledger.run(1).retired) == (1, 2)
        assert journal.retire([one.digest for one in made]) == 0
        assert len(book.ledger.measurements(1)) == 3

    def test_forgiven_failures_run_again(self, book: Book, begin: Begin) -> None:
        """Only failures are reopened; their attempts stay."""
        journal, good, bad = begin(), trial({"x": 1.0}), trial({"x": 2.0})
        settle(journal, good)
        settle(journal, bad, failure=LATE)
        assert journal.forgive([good.digest, bad.digest]) == 1
        assert set(book.ledger.settled(1)) == {good.digest}
        settle(journal, bad)
        assert (book.ledger.run(1).done, book.ledger.run(1).failed) == (2, 0)
        assert [row.number for row in book.ledger.attempts(trial=bad.digest)] == [1, 2]

    def test_an_amended_study_relabels_its_trials(self, book: Book, begin: Begin) -> None:
        """A trial whose condition names one factor more is the same trial with another assignment."""
        journal, made = begin(), trial({"x": 1.0})
        settle(journal, made)
        more = trial({"x": 1.0, "inert": 0})
        assert more.digest == made.digest
        assert (journal.relabel([more]), journal.relabel([more])) == (1, 0)
        assert dict(book.ledger.trials(1)[0].assignment) == {"x": 1.0, "inert": 0}

    def test_series_come_back_in_order(self, book: Book, begin: Begin) -> None:
        """Steps are read as they were logged."""
        journal = begin()
        key = journal.next_attempt()
        journal.append([started(journal, key, trial({"x": 1.0}))])
        journal.append(
            [StepLogged(key, step, {"loss": value}, 100.5) for step, value in ((0, 1.0), (1, None), (5, 0.25))]
        )
        journal.append([ended(journal, key, {"score": 1.0})])
        found = [(step, dict(metrics)) for step, metrics in book.ledger.series(key)]
        assert found == [(0, {"loss": 1.0}), (1, {"loss": None}), (5, {"loss": 0.25})]

    def test_output_and_files_are_kept(self, book: Book, begin: Begin, tmp_path: Path) -> None:
        """What an attempt wrote and produced is found again."""
        note = tmp_path / "note.txt"
        note.write_text("kept\n")
        table = tmp_path / "rows.parquet"
        table.write_bytes(b"PAR1")
        produced = (Produced("file", "note.txt", str(note)), Produced("table", "rows", str(table)))
        key = settle(begin(), trial({"x": 1.0}), captured=Captured(b"out", b"err"), produced=produced)
        captured = book.ledger.captured(key)
        assert (captured.stdout, captured.stderr) == (b"out", b"err")
        ((row, name, path),) = book.ledger.files(1)
        assert (row.attempt, name, path.read_text()) == (key, "note.txt", "kept\n")
        assert [(name, path.read_bytes()) for _, name, path in book.ledger.tables(1)] == [("rows", b"PAR1")]
        assert (len(book.ledger.tables(1, "rows")), len(book.ledger.tables(1, "other"))) == (1, 0)

    def test_measurements_are_columns(self, book: Book, begin: Begin) -> None:
        """One entry a settled trial, in order; a factor that a trial lacks is absent, a metric NaN."""
        journal = begin()
        settle(journal, trial({"x": 1.0, "slope": 2.0}), metrics={"score": 2.0, "cost": 1.0})
        settle(journal, trial({"x": 3.0}, variant="b"), metrics={"score": None, "cost": 9.0})
        found = book.ledger.measurements(1)
        assert (list(found.number), list(found.variant), len(found)) == ([1, 2], ["", "b"], 2)
        assert (list(found.factors["x"]), list(found.factors["slope"])) == ([1.0, 3.0], [2.0, ABSENT])
        assert list(found.metrics["cost"]) == [1.0, 9.0]
        assert math.isnan(found.metrics["score"][1])

    def test_parameters_come_back_in_full(self, book: Book, begin: Begin) -> None:
        """Those of a trial are all that its condition resolved to, whether it has a result or failed."""
        journal, made = begin(), [trial({"x": 1.0}), trial({"x": 3.0}, variant="b")]
        settle(journal, made[0])
        settle(journal, made[1], failure=LATE)
        assert book.ledger.parameters(1) == {1: made[0].condition.parameters, 2: made[1].condition.parameters}

    def test_trials_are_paged_and_found(self, book: Book, begin: Begin) -> None:
        """By number, by digest prefix, and a page at a time."""
        journal, made = begin(), [trial({"x": float(value)}) for value in range(5)]
        for one in made:
            settle(journal, one)
        assert [row.number for row in book.ledger.trials(1, limit=2, offset=3)] == [4, 5]
        assert book.ledger.trial("1.3").digest == made[2].digest
        assert book.ledger.trial(made[4].digest.hex()[:12]).number == 5

    def test_history_is_what_trials_took(self, book: Book, begin: Begin) -> None:
        """Mean and spread of the durations of what was done, by system."""
        journal = begin()
        for value, wall in ((1.0, 1.0), (2.0, 3.0)):
            settle(journal, trial({"x": value}), usage=Usage(wall_s=wall, peak_bytes=100))
        settle(journal, trial({"x": 3.0}), failure=LATE, usage=Usage(wall_s=99.0))
        history = book.ledger.history(name="fake")
        assert (history.trials, history.wall_mean_s, history.peak_bytes) == (2, 2.0, 100)
        assert history.wall_sd_s == pytest.approx(math.sqrt(2))
        assert book.ledger.history(name="other").trials == 0

    def test_stale_results_have_a_reason(self, book: Book, begin: Begin) -> None:
        """A result of the same point under another identity is stale, and the part that changed is named."""
        settle(begin(), trial({"x": 1.0}))
        identity = {**identity_of(FakeSystem()), "version": "2"}
        made = trial({"x": 1.0})
        changed = Trial(made.condition, 0, made.seed, digest(identity), b"")
        points = {changed.digest: point_digest(made.condition.digest, made.seed)}
        reasons = book.ledger.stale(points, digest(identity), b"", identity=identity)
        assert "version" in reasons[changed.digest]
        same = {made.digest: point_digest(made.condition.digest, made.seed)}
        assert book.ledger.stale(same, made.system, b"", identity=identity_of(FakeSystem())) == {}

    def test_a_study_has_one_driver(self, book: Book) -> None:
        """Whoever comes second is told; another study is free; and so is this one afterwards."""
        with book.hold("exam"):
            with pytest.raises(StudyHeld), book.hold("exam"):
                pass
            with book.hold("other"):
                pass
        with book.hold("exam"):
            pass

    def test_closing_says_how_it_ended(self, book: Book, begin: Begin) -> None:
        """The run's state and the size of its plan are those of the last driver."""
        begin(planned=7).close("budget", planned=9)
        assert (book.ledger.run(1).state, book.ledger.run(1).planned) == ("budget", 9)
        begin(planned=11)
        assert (book.ledger.run(1).state, book.ledger.run(1).planned) == ("open", 11)

    def test_actions_and_provenance_are_kept(self, book: Book, begin: Begin) -> None:
        """Who did what, in order, and with which code."""
        journal = begin()
        book.act("run", why="because", command=("fairtrial", "run"), run=1)
        journal.append([Acted("cancel", 5.0, who="me", run=1)])
        assert [(said["verb"], said["run"]) for said in book.ledger.actions(1)][-2:] == [("run", 1), ("cancel", 1)]
        (known,) = book.ledger.provenance(1)
        assert known["code"]["commit"] == PROVENANCE.code.commit

    def test_a_sound_book_verifies(self, book: Book, begin: Begin) -> None:
        """Nothing is wrong with what was written as it should be."""
        settle(begin(), trial({"x": 1.0}))
        assert list(book.ledger.verify()) == []


def started(journal: Journal, attempt: int, made: Trial, role: Role = Role.TRIAL) -> AttemptStarted:
    """Say that an attempt runs."""
    return AttemptStarted(attempt, journal.run, made, role, 100.0, pid=1, pid_started=1.0)


def ended(journal: Journal, attempt: int, metrics: dict[str, float | None]) -> AttemptEnded:
    """Say that an attempt is done."""
    return AttemptEnded(journal.run, Outcome(attempt, Status.DONE, metrics), 101.0)


def settle(
    journal: Journal,
    made: Trial,
    *,
    metrics: dict[str, float | None] | None = None,
    failure: Failure | None = None,
    status: Status = Status.DONE,
    role: Role = Role.TRIAL,
    settles: bool = True,
    usage: Usage = Usage(),
    captured: Captured = Captured(),
    produced: Sequence[Produced] = (),
) -> int:
    """Start and end an attempt of a trial; return its id."""
    key = journal.next_attempt()
    good: dict[str, float | None] = {"score": 1.0, "cost": 1.0} if metrics is None else metrics
    outcome = Outcome(
        key,
        Status.FAILED if failure else status,
        metrics=good if not failure and status is Status.DONE else {},
        failure=failure,
        usage=usage,
        captured=captured,
        produced=tuple(produced),
    )
    late = journal.append([started(journal, key, made, role), AttemptEnded(journal.run, outcome, 101.0, settles)])
    assert late == ()
    return key
