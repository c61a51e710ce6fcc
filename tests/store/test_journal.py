"""Appending: one durable transaction a call, each result counted once, late ones refused."""

from __future__ import annotations

import json
import sqlite3
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairtrial.errors import BookUnwritable
from fairtrial.model.event import Acted, AttemptEnded, AttemptStarted, StepLogged
from fairtrial.model.outcome import Captured, Failure, FailureClass, Outcome, Produced, Status, Usage
from fairtrial.model.trial import Role
from fairtrial.store.home import FILE


def test_attempt_ids(kit, book, journal):
    """Ids are fresh, grow, fit 63 bits and never repeat between drivers."""
    first = [journal.next_attempt() for _ in range(3)]
    other = kit.begin(book, study="other")
    second = [other.next_attempt() for _ in range(3)]
    assert sorted(set(first + second)) == first + second
    assert max(second) < 2**63


def test_a_trial_is_done(kit, book, journal):
    """Everything that an outcome says is read back as it was."""
    trial = kit.trial(0.25, replicate=2, variant="tuned")
    attempt = kit.start(journal, trial)
    usage = Usage(1.5, 2.5, 3_000_000_000, 0.1, 0.2)
    metrics = {"loss": 0.1 + 0.2, "accuracy": None, "n": 3}
    assert kit.end(journal, attempt, metrics, usage=usage, cautions=("odd", "é"), batch=4) == ()
    (row,) = book.ledger.trials(1)
    assert (row.run, row.number, row.digest, row.status) == (1, 1, trial.digest, Status.DONE)
    assert (row.variant, row.assignment, row.replicate, row.seed) == ("tuned", {"lr": 0.25}, 2, trial.seed)
    assert (row.attempt, row.metrics, row.failure, row.retired) == (attempt, metrics, None, False)
    (made,) = book.ledger.attempts(trial.digest)
    assert (made.id, made.run, made.trial, made.number, made.role) == (attempt, 1, trial.digest, 1, Role.TRIAL)
    assert (made.usage, made.cautions, made.batch, made.pid) == (usage, ("odd", "é"), 4, 4321)
    assert made.metrics == metrics
    assert made.ended > made.started


def test_a_failure_is_data(kit, book, journal):
    """A failed trial has its class, its words and no number."""
    trial = kit.trial()
    failure = Failure(FailureClass.OOM, "over 2 GiB \ud800", "trace\nback\0", 137, 9, "cgroup2", 4096)
    attempt = kit.start(journal, trial)
    kit.end(journal, attempt, {}, status=Status.FAILED, failure=failure)
    (row,) = book.ledger.trials(1)
    assert (row.status, row.metrics) == (Status.FAILED, {})
    assert row.failure.message == "over 2 GiB ?"
    assert (row.failure.detail, row.failure.kind) == (failure.detail, FailureClass.OOM)
    assert (row.failure.exit_code, row.failure.signal, row.failure.limiter) == (137, 9, "cgroup2")
    assert row.failure.overshoot_bytes == 4096
    assert book.ledger.run().failed == 1


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.LOST])
def test_what_settles_nothing(kit, book, journal, status):
    """A cancelled or lost attempt leaves its trial open, even where it says that it settles."""
    attempt = kit.start(journal, kit.trial())
    kit.end(journal, attempt, {}, status=status)
    assert book.ledger.settled(1) == {}
    assert book.ledger.trials(1)[0].status is None
    assert book.ledger.attempts()[0].status is status


def test_a_failure_with_retries_left(kit, book, journal):
    """An attempt that does not settle is kept; the next one settles the same trial, with its own number."""
    trial = kit.trial()
    first = kit.start(journal, trial)
    kit.fail(journal, first, settles=False)
    assert book.ledger.settled(1) == {}
    second = kit.done(journal, trial)
    assert book.ledger.settled(1) == {trial.digest: "done"}
    assert [(row.id, row.number, row.status) for row in book.ledger.attempts(trial.digest, 1)] == [
        (first, 1, Status.FAILED),
        (second, 2, Status.DONE),
    ]
    assert book.ledger.trials(1)[0].failure is None
    assert (book.ledger.run().done, book.ledger.run().failed) == (1, 0)


def test_a_trial_counts_once(kit, book, journal):
    """A second result of a settled trial is kept as an attempt, and changes neither status nor counters."""
    trial = kit.trial()
    first, second = kit.start(journal, trial), kit.start(journal, trial)
    kit.end(journal, first, {"loss": 1.0})
    assert kit.end(journal, second, {"loss": 2.0}) == ()
    assert book.ledger.trials(1)[0].metrics == {"loss": 1.0}
    assert book.ledger.run().done == 1
    assert book.ledger.verify() == []


def test_a_result_is_accepted_once(kit, book, journal):
    """The same end twice, and the end of what never started, are refused by id."""
    attempt = kit.done(journal, kit.trial())
    assert kit.end(journal, attempt, {"loss": 9.0}) == (attempt,)
    unknown = journal.next_attempt()
    assert kit.end(journal, unknown) == (unknown,)
    assert book.ledger.trials(1)[0].metrics == {"loss": 0.5}
    assert book.ledger.run().done == 1


@pytest.mark.parametrize("role", [Role.WARMUP, Role.SENTINEL])
def test_other_roles_never_count(kit, book, journal, role):
    """Warm-up and sentinel attempts are kept and touch neither members nor settled trials."""
    trial = kit.trial()
    warm = kit.start(journal, trial, role=role)
    kit.end(journal, warm, {"loss": 77.0})
    assert (book.ledger.trials(1), book.ledger.settled(1), book.ledger.run().done) == ([], {}, 0)
    kit.done(journal, trial, {"loss": 1.0})
    again = kit.start(journal, trial, role=role)
    kit.end(journal, again, {"loss": 78.0})
    assert book.ledger.trials(1)[0].metrics == {"loss": 1.0}
    assert [(row.role, row.number) for row in book.ledger.attempts(trial.digest)] == [
        (role, 1),
        (Role.TRIAL, 2),
        (role, 3),
    ]
    assert book.ledger.run().done == 1


def test_a_late_zombie_is_refused(kit, book, journal):
    """Results of a driver that was taken over do not count, whichever journal brings them."""
    trial = kit.trial()
    late = kit.start(journal, trial)
    now = kit.begin(book)
    assert now.run == journal.run
    assert kit.end(journal, late, {"loss": 1.0}) == (late,)
    assert kit.end(now, late, {"loss": 2.0}) == (late,)
    fresh = journal.next_attempt()
    assert journal.append([AttemptStarted(fresh, 1, trial, Role.TRIAL, 1.0)]) == (fresh,)
    assert journal.retire([]) == journal.reuse([trial]) == journal.forgive([trial.digest]) == 0
    journal.close("finished", planned=1)
    assert book.ledger.run().state == "open"
    assert [row.status for row in book.ledger.attempts()] == [Status.LOST]
    kit.done(now, trial, {"loss": 3.0})
    assert book.ledger.trials(1)[0].metrics == {"loss": 3.0}


def test_a_zombie_still_says_what_it_did(kit, book, journal):
    """Actions are never refused."""
    kit.begin(book)
    assert journal.append([Acted("note", 5.0, why="late")]) == ()
    assert [action["verb"] for action in book.ledger.actions()] == ["note"]


def test_one_call_is_one_transaction(kit, book, journal):
    """Where one event of a call cannot be written, none is, and the same events without it can be."""
    trials = kit.trials(3)
    events = [AttemptStarted(journal.next_attempt(), 1, trial, Role.TRIAL, 1.0) for trial in trials]
    broken = AttemptStarted(journal.next_attempt(), 1, kit.trial(7.0), Role.TRIAL, "yesterday")
    with pytest.raises(Exception, match="cannot store TEXT"):
        journal.append([*events, broken])
    assert (book.ledger.trials(1), book.ledger.attempts()) == ([], [])
    journal.append(events)
    assert [row.number for row in book.ledger.trials(1)] == [1, 2, 3]
    assert book.ledger.verify() == []


def test_another_writer_in_the_way(kit, book, journal, monkeypatch):
    """Where the book stays locked, the append says so, changes nothing, and can be made again."""
    trial = kit.trial()
    journal._connection.rows("PRAGMA busy_timeout=20")
    other = sqlite3.connect(kit.folder / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    events = [AttemptStarted(journal.next_attempt(), 1, trial, Role.TRIAL, 1.0)]
    with pytest.raises(BookUnwritable, match="locked"):
        journal.append(events)
    other.execute("ROLLBACK")
    other.close()
    assert journal.append(events) == ()
    assert len(book.ledger.attempts()) == 1


def test_nothing_to_append(book, journal):
    """No events, no transaction."""
    assert journal.append([]) == ()


METRICS = st.dictionaries(st.text(max_size=8), st.none() | st.floats(allow_nan=False), max_size=6)


@given(st.lists(METRICS, min_size=1, max_size=6))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_metrics_of_any_names(kit, drawn):
    """Trials of one run may measure different things; each reads back exactly its own."""
    book = kit.book()
    journal = kit.begin(book, fresh=True)
    for trial, metrics in zip(kit.trials(len(drawn)), drawn, strict=True):
        kit.done(journal, trial, metrics)
    assert [row.metrics for row in book.ledger.trials(journal.run)] == drawn


def test_json_is_stored_once(kit, book):
    """A string that looks like JSON stays a string, and a mapping a mapping, in parameters, documents and actions."""
    tricky = {
        "text": '{"a": 1}',
        "quoted": '"x"',
        "map": {"a": "null"},
        "list": ["[1]"],
        "none": None,
        "é": "😀",
    }
    journal = kit.begin(book, document={"study": "digits", "base": tricky})
    kit.done(journal, kit.trial(**tricky))
    book.act("note", detail=tricky, run=1)
    assert book.ledger.run().document["base"] == tricky
    assert book.ledger.trials(1)[0].assignment == {"lr": 0.1, **tricky}
    assert book.ledger.actions()[0]["detail"] == tricky
    raw = sqlite3.connect(kit.folder / FILE)
    (stored,) = raw.execute("SELECT parameters FROM condition").fetchone()
    raw.close()
    assert json.loads(stored) == {"lr": 0.1, **tricky}


def test_types_of_levels_survive(kit, book, journal):
    """1, 1.0, True, "1", None and lists are different levels, in different conditions."""
    levels = [1, 1.0, True, "1", None, [1], {"a": 1}, 1e300, -0.5]
    for level in levels:
        kit.done(journal, kit.trial(0.1, level=level))
    back = [row.assignment["level"] for row in book.ledger.trials(1)]
    assert [(type(value), value) for value in back] == [(type(value), value) for value in levels]


def test_seeds_of_64_bits(kit, book, journal):
    """Every unsigned 64-bit seed comes back, in trials and in measurements."""
    from dataclasses import replace

    seeds = [0, 1, 2**63 - 1, 2**63, 2**64 - 1]
    for seed in seeds:
        kit.done(journal, replace(kit.trial(), seed=seed, digest=b""))
    assert [row.seed for row in book.ledger.trials(1)] == seeds
    assert book.ledger.measurements(1).seed == seeds


def test_series(kit, book, journal):
    """Steps are kept in order; a step that comes again replaces, one that comes late is dropped."""
    attempt = kit.start(journal, kit.trial())
    steps = [(2, {"loss": 0.5, "lr": None}), (1, {"loss": 1.0, "lr": 0.1}), (3, {"other": 5.0}), (2, {"loss": 0.25})]
    journal.append([StepLogged(attempt, step, metrics, 1.0) for step, metrics in steps])
    kit.end(journal, attempt)
    journal.append([StepLogged(attempt, 9, {"loss": 9.0}, 1.0), StepLogged(12345, 1, {"loss": 9.0}, 1.0)])
    assert list(book.ledger.series(attempt)) == [
        (1, {"loss": 1.0, "lr": 0.1}),
        (2, {"loss": 0.25}),
        (3, {"other": 5.0}),
    ]
    assert book.ledger.series(12345) == []


@pytest.mark.parametrize("size", [0, 5, 1024, 1025, 65536])
def test_output_is_kept(kit, book, journal, size):
    """Output comes back byte for byte, packed or not."""
    stdout, stderr = bytes(range(256)) * (size // 256) + b"x" * (size % 256), b"\xff\n" * (size // 2)
    attempt = kit.done(journal, kit.trial(), captured=Captured(stdout, stderr))
    assert book.ledger.captured(attempt) == Captured(stdout, stderr)


def test_output_that_does_not_shrink(kit, book, journal):
    """Bytes that do not compress are kept as they are."""
    noise = zlib.compress(bytes(i * i % 251 for i in range(60_000)), 9)[:4096]
    attempt = kit.done(journal, kit.trial(), captured=Captured(stdout=noise))
    assert book.ledger.captured(attempt).stdout == noise


def test_files_move_into_the_book(kit, book, journal):
    """Large output, tables and files are kept under their digest, the same bytes once, and leave the scratch folder."""
    made = {
        name: kit.scratch(journal, name, name[:5].encode() * 50_000) for name in ("out", "a.bin", "a.bin2", "t.parquet")
    }
    first = kit.start(journal, kit.trial(0.1))
    produced = (
        Produced("file", "a.bin", str(made["a.bin"])),
        Produced("file", "copy", str(made["a.bin2"])),
        Produced("table", "labels", str(made["t.parquet"])),
    )
    kit.end(journal, first, produced=produced, captured=Captured(b"head", b"", str(made["out"]), ""))
    assert [path.exists() for path in made.values()] == [False] * 4
    captured = book.ledger.captured(first)
    assert captured.stdout == b"head"
    with open(captured.stdout_path, "rb") as file:
        assert file.read() == b"out" * 50_000
    files = book.ledger.files(1)
    assert [(row.number, name) for row, name, _ in files] == [(1, "a.bin"), (1, "copy")]
    assert files[0][2] == files[1][2]
    assert files[0][2].read_bytes() == b"a.bin" * 50_000
    assert [(row.number, name) for row, name, _ in book.ledger.tables(1)] == [(1, "labels")]
    assert book.ledger.tables(1, "labels")[0][2].read_bytes() == b"t.par" * 50_000
    assert book.ledger.tables(1, "none") == []
    assert len(list((kit.folder / "artifacts").glob("??/*"))) == 3
    assert book.ledger.verify() == []


def test_files_outside_the_book_stay(kit, book, journal, tmp_path):
    """A file that is the user's own is copied, and so is what a link points at."""
    mine = tmp_path / "mine.bin"
    mine.write_bytes(b"mine")
    linked = kit.scratch(journal, "link", b"")
    linked.unlink()
    linked.symlink_to(mine)
    kit.done(journal, kit.trial(), produced=(Produced("file", "a", str(mine)), Produced("file", "b", str(linked))))
    assert mine.read_bytes() == b"mine"
    mine.write_bytes(b"changed")
    assert [path.read_bytes() for _, _, path in book.ledger.files(1)] == [b"mine", b"mine"]
    assert book.ledger.verify() == []


def test_a_file_that_is_gone_is_said(kit, book, journal):
    """A result whose file vanished is kept, with a caution."""
    attempt = kit.done(journal, kit.trial(), produced=(Produced("file", "a", str(kit.folder / "none")),))
    assert book.ledger.attempts()[0].cautions == ("file 'a' was gone before it could be kept",)
    assert book.ledger.files(1) == []
    assert book.ledger.trials(1)[0].attempt == attempt


def test_files_survive_a_failed_append(kit, book, journal):
    """Where the transaction fails, the file is still where it was, and the same append keeps it."""
    path = kit.scratch(journal, "a.bin", b"a" * 100)
    attempt = kit.start(journal, kit.trial())
    outcome = Outcome(attempt, Status.DONE, {"loss": 1.0}, produced=(Produced("file", "a", str(path)),))
    journal._connection.rows("PRAGMA busy_timeout=20")
    other = sqlite3.connect(kit.folder / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(BookUnwritable):
        journal.append([AttemptEnded(1, outcome, 2.0)])
    other.close()
    assert path.exists()
    assert journal.append([AttemptEnded(1, outcome, 2.0)]) == ()
    assert not path.exists()
    assert book.ledger.files(1)[0][2].read_bytes() == b"a" * 100


def test_a_refused_result_keeps_no_file(kit, book, journal):
    """The files of a late result are not in the book's lists."""
    path = kit.scratch(journal, "a.bin", b"a")
    attempt = kit.done(journal, kit.trial())
    assert kit.end(journal, attempt, produced=(Produced("file", "a", str(path)),)) == (attempt,)
    assert book.ledger.files(1) == []


def test_following_a_running_attempt(kit, book, journal):
    """While an attempt runs its slot files are named where they exist; afterwards what was kept of them."""
    slot = kit.scratch(journal, "slots/1.out", b"so far")
    attempt = kit.start(journal, kit.trial(), stdout_path=str(slot), stderr_path=str(slot.with_suffix(".err")))
    assert book.ledger.captured(attempt) == Captured(stdout_path=str(slot))
    kit.end(journal, attempt, captured=Captured(stdout=b"so far, so good"))
    assert book.ledger.captured(attempt) == Captured(stdout=b"so far, so good")
    silent = kit.start(journal, kit.trial(9.0), stdout_path=str(slot))
    kit.end(journal, silent)
    assert book.ledger.captured(silent) == Captured()


def test_full_durability(kit):
    """`durability: full` syncs every commit and every file before the book names it."""
    book = kit.book()
    journal = kit.begin(book, durability="full")
    assert journal._connection.rows("PRAGMA synchronous") == [(2,)]
    path = kit.scratch(journal, "a.bin", b"a")
    kit.done(journal, kit.trial(), produced=(Produced("file", "a", str(path)),))
    assert book.ledger.files(1)[0][2].read_bytes() == b"a"


def test_closing(kit, book, journal):
    """A closed run has its state and the size of its plan; what was still running is lost; twice is once."""
    attempt = kit.start(journal, kit.trial())
    journal.close("budget", planned=12)
    journal.close("finished", planned=99)
    run = book.ledger.run()
    assert (run.state, run.planned) == ("budget", 12)
    assert book.ledger.attempts()[0].status is Status.LOST
    assert kit.end(journal, attempt) == (attempt,)


ENDS = [
    {"status": Status.DONE, "metrics": {"loss": 0.5}, "captured": Captured(stdout=b"said")},
    {"status": Status.FAILED, "failure": Failure(FailureClass.OOM, "too much", "trace", limiter="cgroup2")},
    {"status": Status.CANCELLED},
    {"status": Status.PRUNED},
]
ROWS = {
    "attempt": "SELECT * FROM attempt ORDER BY id",
    "member": "SELECT * FROM member ORDER BY number",
    "failure": "SELECT * FROM failure ORDER BY attempt",
    "output": "SELECT * FROM output ORDER BY attempt",
    "run": "SELECT members, done, failed, reused, retired FROM run",
}


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),  # trial: the same ones again and again
            st.sampled_from(ENDS),
            st.booleans(),  # settles
            st.sampled_from([Role.TRIAL, Role.WARMUP]),
            st.sampled_from(["end", "step, end", "end, end", ""]),  # what follows the start
        ),
        max_size=6,
    )
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_events_together_leave_what_they_leave_one_by_one(kit, tmp_path_factory, drawn):
    """An attempt that starts and ends within one append has the rows, counts and refusals of one that did not."""
    left = []
    for together in (False, True):
        kit = type(kit)(tmp_path_factory.mktemp("book"))
        journal = kit.begin(kit.book())
        events = []
        for place, end, settles, role, after in drawn:
            attempt = journal.next_attempt()
            events.append(AttemptStarted(attempt, journal.run, kit.trial(place / 8), role, kit.clock(), 4321, 7.5))
            for what in filter(None, after.split(", ")):
                ended = AttemptEnded(journal.run, Outcome(attempt, **end), kit.clock(), settles=settles)
                events.append(StepLogged(attempt, 1, {"loss": 2.0}, kit.clock()) if what == "step" else ended)
        late = journal.append(events) if together else sum((journal.append([one]) for one in events), ())
        kit.opened[0].close()
        with sqlite3.connect(kit.folder / FILE) as db:
            left.append((late, {name: db.execute(sql).fetchall() for name, sql in ROWS.items()}))
        db.close()
    assert left[0] == left[1]
