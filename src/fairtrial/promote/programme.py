"""A programme against the book: what is done, what is pending, which criteria are met. Computed, never typed."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fairtrial.model.claim import Place
from fairtrial.model.programme import Baseline, Criterion, Entry, Item, ItemStatus, Phase, Programme
from fairtrial.model.run import Run

RELATIONS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
PRIORITIES = ("high", "medium", "low", "")


@dataclass(frozen=True, slots=True)
class Facts:
    """What criteria are asked of."""

    runs: Sequence[Run]
    """Newest first."""
    actions: Sequence[Mapping[str, Any]]
    baselines: Sequence[Baseline]
    conditions: Callable[[int], int]
    """Run -> how many conditions it measured."""
    programme: Programme


def phase_of(programme: Programme, name: str) -> Phase | None:
    """Return the phase that a study's short name means: `Phase 2` is `Phase 2 — Scaling law study`."""
    said = name.casefold().strip()
    for phase in programme.phases if said else ():
        whole = phase.name.casefold()
        if whole == said or (whole.startswith(said) and not whole[len(said)].isalnum()):
            return phase
    return None


def place_of(programme: Programme, run: Run) -> Place:
    """Return a run's place: as its study says it, and what that leaves open as the programme says it."""
    words = run.document.get("plan") or {}
    said = Place(**{key: words[key] for key in ("phase", "item", "stage", "source") if words.get(key) is not None})
    phase = phase_of(programme, said.phase)
    said = replace(said, phase=phase.name if phase else said.phase)
    found = _item_of(programme, said, run.study)
    if found is None:
        return said
    phase, item = found
    return Place(
        said.phase or phase.name, said.item or item.number, said.stage or item.stage, said.source or item.source
    )


def _item_of(programme: Programme, place: Place, study: str) -> tuple[Phase, Item] | None:
    every = [(phase, item) for phase in programme.phases for item in phase.items]
    for phase, item in every:
        if (phase.name, item.number) == (place.phase, place.item):
            return phase, item
    return None if place.phase else next((pair for pair in every if study in pair[1].studies), None)


def items(programme: Programme, runs: Sequence[Run]) -> tuple[ItemStatus, ...]:
    """Return how far every item is; `runs` are newest first."""
    newest: dict[str, Run] = {}
    finished = {run.study for run in runs if run.state == "finished" and run.done}
    for run in runs:
        newest.setdefault(run.study, run)
    places = {study: place_of(programme, run) for study, run in newest.items()}
    return tuple(
        _status(phase.name, item, newest, finished, _studies(phase, item, places))
        for phase in programme.phases
        for item in phase.items
    )


def _studies(phase: Phase, item: Item, places: Mapping[str, Place]) -> list[str]:
    """List the studies of an item: those it names, and those that name it."""
    own = [study for study, place in places.items() if (place.phase, place.item) == (phase.name, item.number)]
    return list(dict.fromkeys([*item.studies, *own]))


def _status(
    phase: str, item: Item, newest: Mapping[str, Run], finished: set[str], studies: Sequence[str]
) -> ItemStatus:
    done = tuple(study for study in studies if study in finished)
    begun = [newest[study] for study in studies if study in newest]
    if studies and len(done) == len(studies):
        status = "completed"
    elif any(run.state == "open" for run in begun):
        status = "running"
    else:
        status = "in progress" if begun else "not started"
    left = tuple(study for study in studies if study not in finished)
    return ItemStatus(phase, item, status, done, left, tuple(sorted(run.number for run in begun)))


def pending(statuses: Iterable[ItemStatus]) -> tuple[ItemStatus, ...]:
    """Return what is not completed, by priority, then in the programme's order."""
    open_ones = [status for status in statuses if status.status != "completed"]
    return tuple(sorted(open_ones, key=lambda status: PRIORITIES.index(status.item.priority)))


def planned(statuses: Iterable[ItemStatus], runs: Sequence[Run]) -> list[Entry]:
    """Return an entry for every study of the programme that has no run yet, and for every item that names none."""
    begun = {run.study for run in runs}
    return [
        _planned(status, study)
        for status in statuses
        if status.status != "completed"
        for study in ([*status.left] if status.left or status.done else [""])
        if study not in begun
    ]


def _planned(status: ItemStatus, study: str) -> Entry:
    item = status.item
    place = Place(status.phase, item.number, item.stage, item.source)
    detail = {"study": study, "priority": item.priority}
    title = f"{item.text}: {study}" if study else item.text
    return Entry(number=None, at=None, title=title, status="planned", place=place, detail=detail)


def baselines(
    programme: Programme, actions: Iterable[Mapping[str, Any]], runs: Mapping[int, Run]
) -> tuple[Baseline, ...]:
    """Return the named baselines: those of the programme, and over them what `baseline set` said last."""
    found = {item.name: item for item in programme.baselines}
    for action in actions:
        detail = action["detail"]
        if action["verb"] != "baseline" or not isinstance(detail.get("run"), int) or "error" in detail:
            continue
        before = found.get(str(detail.get("name")), Baseline("", None))
        name = str(detail.get("name") or runs[detail["run"]].study)
        category = str(detail.get("category") or before.category)
        note = str(detail.get("note") or before.note)
        found[name] = Baseline(name, detail["run"], category, note, before.study, before.system, action["at"])
    return tuple(_known(item, runs) for item in found.values())


def _known(item: Baseline, runs: Mapping[int, Run]) -> Baseline:
    run = None if item.run is None else runs.get(item.run)
    if run is None:
        return replace(item, missing=item.run is not None)
    return replace(item, study=run.study, system=run.system)


def judged(criteria: Iterable[Criterion], facts: Facts) -> tuple[Criterion, ...]:
    """Return the criteria with what was counted and whether that is enough."""
    made = []
    for criterion in criteria:
        value = _COUNTS[criterion.count](facts, criterion.filters)
        made.append(replace(criterion, value=value, met=RELATIONS[criterion.relation](value, criterion.goal)))
    return tuple(made)


def _runs(facts: Facts, filters: Mapping[str, str]) -> list[Run]:
    return [run for run in facts.runs if all(_fits(facts, run, key, word) for key, word in filters.items())]


def _fits(facts: Facts, run: Run, key: str, word: str) -> bool:
    if key == "tag":
        return word in run.tags
    if key in ("phase", "item"):
        place = place_of(facts.programme, run)
        phase = phase_of(facts.programme, word)
        return str(place.item) == word if key == "item" else place.phase == (phase.name if phase else word)
    return bool(getattr(run, key) == word)


def _studies_of(facts: Facts, filters: Mapping[str, str]) -> int:
    return len({run.study for run in _runs(facts, filters)})


def _conditions(facts: Facts, filters: Mapping[str, str]) -> int:
    return max((facts.conditions(run.number) for run in _runs(facts, filters)), default=0)


def _baselines(facts: Facts, filters: Mapping[str, str]) -> int:
    measured = (item for item in facts.baselines if item.run is not None and not item.missing)
    return sum(all(getattr(item, key) == word for key, word in filters.items()) for item in measured)


def _verdicts(facts: Facts, filters: Mapping[str, str]) -> int:
    studies = {run.number: run.study for run in facts.runs}

    def said(action: Mapping[str, Any]) -> dict[str, str]:
        detail = action["detail"]
        about = detail.get("current", detail.get("of", action["run"]))
        verdict = str(detail["verdict"]).casefold()
        return {"verb": action["verb"], "verdict": verdict, "study": studies.get(about, "")}

    wanted = {key: word.casefold() if key == "verdict" else word for key, word in filters.items()}
    found = (said(action) for action in facts.actions if "verdict" in action["detail"])
    return sum(all(one[key] == word for key, word in wanted.items()) for one in found)


_COUNTS: Mapping[str, Callable[[Facts, Mapping[str, str]], float]] = {
    "runs": lambda facts, filters: len(_runs(facts, filters)),
    "studies": _studies_of,
    "conditions": _conditions,
    "baselines": _baselines,
    "verdicts": _verdicts,
}
