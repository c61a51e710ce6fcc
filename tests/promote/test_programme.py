"""A programme against runs and actions: statuses, pending work, baselines, criteria."""

from __future__ import annotations

from typing import Any

import pytest

from fairtrial.model.claim import Place
from fairtrial.model.programme import Baseline, Criterion, Item, Phase, Programme
from fairtrial.model.run import Run
from fairtrial.promote.programme import Facts, baselines, items, judged, pending, phase_of, place_of, planned

PROGRAMME = Programme(
    phases=(
        Phase("Phase 1 — Checks", items=(Item(1, "Thresholds", ("cuts",), priority="low"),)),
        Phase(
            "Phase 10 — Scaling",
            items=(
                Item(1, "Ladder", ("small", "large"), stage="training", source="labels", priority="high"),
                Item(2, "Fits", stage="analysis", priority="high"),
                Item(3, "Robustness"),
            ),
        ),
    ),
    baselines=(Baseline("storage", None, "Storage", "pending", system="pg"), Baseline("old", 1, "Storage")),
)


def run(number: int, study: str, state: str = "finished", *, done: int = 4, plan: Any = None, **words: Any) -> Run:
    """A run with four trials done."""
    document = {"plan": plan} if plan else {}
    return Run(number, study, state, 1.0, 2.0, document, words.pop("system", "pg"), done=done, **words)


def test_statuses_follow_from_runs() -> None:
    """Completed only when every study has a finished run; an open run is running; a part of it is in progress."""
    runs = [
        run(4, "extra", plan={"phase": "Phase 10", "item": 2}),
        run(3, "small", "open"),
        run(2, "cuts", "interrupted"),
        run(1, "cuts"),
    ]
    assert [status.status for status in items(PROGRAMME, runs)] == ["completed", "running", "completed", "not started"]
    assert [status.status for status in items(PROGRAMME, [run(1, "small")])][1] == "in progress"
    assert items(PROGRAMME, [run(1, "small"), run(2, "large")])[1].status == "completed"
    assert items(PROGRAMME, [run(1, "cuts", done=0)])[0].status == "in progress"


def test_pending_is_by_priority_and_planned_names_what_has_no_run() -> None:
    """High before low before none; an item without studies is one entry."""
    runs = [run(1, "small")]
    statuses = items(PROGRAMME, runs)
    assert [status.item.text for status in pending(statuses)] == ["Ladder", "Fits", "Thresholds", "Robustness"]
    entries = planned(statuses, runs)
    assert [entry.title for entry in entries] == ["Thresholds: cuts", "Ladder: large", "Fits", "Robustness"]
    assert {entry.status for entry in entries} == {"planned"}
    assert entries[1].place == Place("Phase 10 — Scaling", 1, "training", "labels")


def test_short_names_of_phases_end_at_a_word() -> None:
    """`Phase 1` is not `Phase 10`."""
    found = [phase_of(PROGRAMME, name) for name in ("Phase 1", "phase 10", "Phase", "Phase 2", "")]
    assert [phase and phase.name[:8] for phase in found] == ["Phase 1 ", "Phase 10", "Phase 1 ", None, None]


@pytest.mark.parametrize(
    ("study", "plan", "place"),
    [
        ("small", None, Place("Phase 10 — Scaling", 1, "training", "labels")),
        ("x", {"phase": "Phase 10", "item": 1, "stage": "own"}, Place("Phase 10 — Scaling", 1, "own", "labels")),
        ("small", {"phase": "Elsewhere", "item": 5}, Place("Elsewhere", 5)),
        ("x", None, Place()),
    ],
)
def test_places(study: str, plan: Any, place: Place) -> None:
    """The study's own words first, then the programme's."""
    assert place_of(PROGRAMME, run(1, study, plan=plan)) == place


def action(verb: str, run: int | None = None, /, **detail: Any) -> dict[str, Any]:
    """An action at 5."""
    return {"id": 1, "verb": verb, "at": 5.0, "run": run, "detail": detail}


def test_baselines_of_the_book_replace_those_of_the_programme() -> None:
    """The newest of a name counts; what it leaves open stays as the programme says."""
    runs = {1: run(1, "a"), 2: run(2, "b", system="ch")}
    said = [action("baseline", 1, name="storage", run=1), action("baseline", 2, name="storage", run=2, note="new")]
    found = {item.name: item for item in baselines(PROGRAMME, said, runs)}
    assert found["storage"] == Baseline("storage", 2, "Storage", "new", "b", "ch", 5.0)
    assert found["old"] == Baseline("old", 1, "Storage", "", "a", "pg")


RUNS = [
    run(3, "b", "interrupted", tags=("nightly",), plan={"phase": "Phase 10", "item": 2}),
    run(2, "a", tags=("nightly",)),
    run(1, "a", system="ch"),
]
ACTIONS = [
    action("gate", 3, current=3, baseline=2, verdict="PASS"),
    action("gate", 2, current=2, baseline=1, verdict="FAIL"),
    action("confirm", 9, of=2, run=9, verdict="not supported"),
    action("promote", 3, permit="PASS"),
    action("failed", 3, verb="gate"),
]


@pytest.mark.parametrize(
    ("count", "filters", "value"),
    [
        ("runs", {}, 3),
        ("runs", {"state": "finished"}, 2),
        ("runs", {"tag": "nightly", "state": "finished"}, 1),
        ("runs", {"phase": "Phase 10", "item": "2"}, 1),
        ("studies", {"system": "pg"}, 2),
        ("conditions", {"study": "a"}, 20),
        ("conditions", {"study": "none"}, 0),
        ("baselines", {"category": "Storage"}, 1),
        ("verdicts", {"verb": "gate"}, 2),
        ("verdicts", {"verdict": "pass"}, 1),
        ("verdicts", {"study": "a"}, 2),
    ],
)
def test_criteria_count_what_the_book_holds(count: str, filters: dict[str, str], value: int) -> None:
    """A pending baseline is none, a promotion or a failed gate is no verdict."""
    facts = Facts(RUNS, ACTIONS, PROGRAMME.baselines, lambda number: 10 * number, PROGRAMME)
    (found,) = judged([Criterion("", count=count, filters=filters, goal=value)], facts)
    assert (found.value, found.met) == (value, True)
    for relation, met in ((">", False), ("<", False), ("<=", True), ("==", True)):
        (found,) = judged([Criterion("", count=count, filters=filters, relation=relation, goal=value)], facts)
        assert found.met is met


def test_a_baseline_whose_run_is_not_there_is_missing() -> None:
    """It is shown as such, and counts for no criterion."""
    plan = Programme(baselines=(Baseline("storage", 77), Baseline("later", None)))
    (storage, later) = baselines(plan, (), {})
    assert (storage.place, later.place) == ("77 (no such run)", "pending")
    (judged_,) = judged(
        (Criterion("baselines() >= 1", count="baselines"),),
        Facts((), (), (storage, later), lambda run: 0, plan),
    )
    assert not judged_.met
