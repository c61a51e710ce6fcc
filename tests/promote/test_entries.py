"""Actions as entries: statuses, errors, notes, and what one action says about another."""

from __future__ import annotations

from typing import Any

import pytest

from fairtrial.model.programme import Entry, Programme
from fairtrial.model.run import Run
from fairtrial.promote.entries import entries

NOBODY = Programme()


class Book:
    """Actions and runs, made one by one."""

    def __init__(self) -> None:
        self.actions: list[dict[str, Any]] = []
        self.runs: dict[int, Run] = {}
        self.lost: set[int] = set()

    def act(self, verb: str, run: int | None = None, /, *, command: str = "", **detail: Any) -> int:
        """Append an action; return its number."""
        number = len(self.actions) + 1
        said = {"id": number, "at": float(number), "who": "me", "verb": verb, "why": "because", "run": run}
        self.actions.append({**said, "command": ["fairtrial", *(command or verb).split()], "detail": detail})
        return number

    def run(self, number: int, state: str = "finished", *, done: int = 4, failed: int = 0, **document: Any) -> None:
        """Keep a run."""
        self.runs[number] = Run(number, f"s{number}", state, 0.5, 9.0, document, "pg", done=done, failed=failed)

    def entries(self) -> dict[int | None, Entry]:
        """Return the log by number."""

        def drivers(run: int) -> list[dict[str, Any]]:
            return [{"driver": n, "state": "lost" if n in self.lost else "closed"} for n in range(1, 9)]

        return {entry.number: entry for entry in entries(self.actions, self.runs, drivers, NOBODY)}


def session(book: Book, state: str, **counts: int) -> Entry:
    """Return the entry of a run in a state."""
    book.run(1, state, **counts)
    book.act("run", 1, study="s1", config="s.yaml", session=1)
    return book.entries()[1]


def test_the_status_of_a_run_is_the_runs_state() -> None:
    """Open is running; interrupted, cancelled and given up are failed, with the reason as the error."""
    said = {
        state: session(Book(), state)
        for state in ("open", "finished", "budget", "partial", "interrupted", "cancelled", "failures")
    }
    assert [said[state].status for state in ("open", "finished", "budget", "partial")] == [
        "running",
        *["completed"] * 3,
    ]
    assert {said[state].status for state in ("interrupted", "cancelled", "failures")} == {"failed"}
    assert said["interrupted"].error == "interrupted"
    nothing = session(Book(), "finished", done=0, failed=3)
    assert (nothing.status, nothing.error) == ("failed", "nothing was measured: every trial failed")


def test_an_entry_says_what_was_typed_and_why() -> None:
    """Command, configuration, inputs, outputs, reason, who."""
    book = Book()
    book.run(3, inputs={"labels": {"run": 12, "table": "votes"}, "cuts": {"file": "cuts.csv"}})
    book.act("run", 3, command="run s.yaml", study="s3", config="s.yaml", session=1)
    entry = book.entries()[1]
    assert (entry.title, entry.config, entry.reason, entry.who) == ("run s3 (run 3)", "s.yaml", "because", "me")
    assert entry.command == ("fairtrial", "run", "s.yaml")
    assert entry.inputs == ("labels: run 12, table votes", "cuts: cuts.csv")
    assert entry.outputs == ("run 3",)


def test_earlier_sessions_of_a_run_name_the_one_that_went_on() -> None:
    """A session whose driver was killed is failed, also when the run was finished later."""
    book = Book()
    book.run(1)
    for driver in (1, 2, 3):
        book.act("run", 1, study="s1", session=driver)
    book.lost = {2}
    found = book.entries()
    assert [found[n].status for n in (1, 2, 3)] == ["completed", "failed", "completed"]
    assert (found[1].notes, found[2].notes, found[3].notes) == (
        ("entry 2 went on with it",),
        ("entry 3 went on with it",),
        (),
    )
    assert found[2].error == "its driver died"


def test_failures_belong_to_the_entry_that_they_are_of_or_are_their_own() -> None:
    """An error after the start, and one before it, of any verb."""
    book = Book()
    book.run(1, "interrupted")
    book.act("run", 1, study="s1", session=1)
    book.act("failed", 1, verb="run", of=1, error="no space left", exit_code=8)
    book.act("failed", None, command="gate 9", verb="gate", error="unknown run '9'", exit_code=2)
    found = book.entries()
    assert list(found) == [1, 3]
    assert (found[1].status, found[1].error) == ("failed", "no space left")
    assert (found[3].verb, found[3].title, found[3].status, found[3].error) == (
        "gate",
        "gate",
        "failed",
        "unknown run '9'",
    )


def test_notes_add_up_and_the_newest_conclusion_counts() -> None:
    """A note is no entry; nothing that was said before is lost from the notes."""
    book = Book()
    book.run(1)
    book.act("run", 1, session=1)
    book.act("note", None, of=1, conclusion="flat", note="one")
    book.act("note", None, of=1, conclusion="rises", resolution="retried", note="two")
    book.act("note", None, of=1, note="three")
    found = book.entries()
    assert list(found) == [1]
    assert (found[1].conclusion, found[1].resolution, found[1].notes) == ("rises", "retried", ("one", "two", "three"))


def test_a_verdict_joins_the_session_of_its_command() -> None:
    """`confirm` measures, then judges: one entry each time, also when the same command is typed twice."""
    book = Book()
    book.run(1)
    book.run(2)
    for driver in (1, 2):
        book.act("confirm", 2, command="confirm 1", study="s2", session=driver)
        book.act("confirm", 2, command="confirm 1", of=1, run=2, verdict="supported", answer=f"Best {driver}.")
    book.act("failed", 2, command="confirm 1", verb="confirm", of=4, error="no paper", exit_code=8)
    book.act("confirm", 2, command="confirm 1", of=1, run=2, verdict="inconclusive", answer="Late.")
    found = book.entries()
    assert [(number, entry.result) for number, entry in found.items()] == [
        (1, "supported: Best 1."),
        (3, "supported: Best 2."),
        (6, "inconclusive: Late."),
    ]
    assert {entry.title for entry in found.values()} == {"confirm run 1"}
    assert [entry.error for entry in found.values()] == ["", "no paper", ""]


@pytest.mark.parametrize("verb", ["compare", "gate", "aa"])
def test_a_paired_comparison_is_two_sessions_the_second_with_the_verdict(verb: str) -> None:
    """That two runs were interleaved is kept for later looks; it is no entry, and the verdict joins the session."""
    book = Book()
    book.run(1)
    book.run(2)
    book.act(verb, 1, study="s1", session=1)
    book.act(verb, 2, study="s2", session=2)
    book.act(verb, 2, interleaved=[1, 2], looks=1)
    book.act(verb, 2, baseline=1, current=2, verdict="PASS", answer="No worse.")
    found = book.entries()
    assert [(number, entry.title) for number, entry in found.items()] == [
        (1, f"{verb} s1 (run 1)"),
        (2, f"{verb} run 2 against run 1"),
    ]
    assert found[2].result == "PASS: No worse."


def test_other_verbs_say_what_they_were_about() -> None:
    """Titles, inputs and outputs of comparisons, promotions, imports; hunks and evidence stay in the book."""
    book = Book()
    book.run(1)
    book.run(2)
    book.act("gate", 2, current=2, baseline=1, verdict="FAIL", answer="p99 is worse.")
    book.act("promote", 2, file="/etc/runtime.yaml", hunks=[[1, "a", "b"]], evidence={}, permit="PASS", answer="In.")
    book.act("undo", 2, of=2, file="/etc/runtime.yaml")
    book.act("import", 1, file="old.csv", rows=3)
    book.act("pause", None, study="s1")
    book.act("analyse", 1, answers={"optimum": ["x = 1 is best."], "effects": ["y does nothing."]})
    found = book.entries()
    assert [entry.title for entry in found.values()] == [
        "gate run 2 against run 1",
        "promote run 2 into runtime.yaml",
        "undo entry 2, in runtime.yaml",
        "import old.csv as run 1",
        "pause s1 (run 1)",
        "analyse s1 (run 1)",
    ]
    assert found[1].inputs == ("run 1", "run 2")
    assert found[1].status == "completed"
    assert found[1].result == "FAIL: p99 is worse."
    assert found[2].outputs == ("/etc/runtime.yaml",)
    assert not {"hunks", "evidence"} & set(found[2].detail)
    assert found[6].result == "x = 1 is best. y does nothing."
