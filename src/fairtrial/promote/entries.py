"""The experiment log: every action of the book as an entry, with what was noted about it since."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fairtrial.model.claim import Place
from fairtrial.model.programme import Entry, Programme
from fairtrial.model.run import Run
from fairtrial.promote.programme import place_of

Action = Mapping[str, Any]
NOTE, FAILED = "note", "failed"
"""Verbs of actions that say more about another one; a failure that has none is an entry of its own."""
_ENDED = {"interrupted": "interrupted", "cancelled": "cancelled", "failures": "given up: too many trials failed"}
"""State of a run -> why its session did not complete."""
_HIDDEN = frozenset({"hunks", "evidence", "of", "error", "exit_code", "session"})


def entries(
    actions: Sequence[Action], runs: Mapping[int, Run], drivers: Callable[[int], Sequence[Action]], programme: Programme
) -> list[Entry]:
    """Return the entries of a book, oldest first. `drivers` gives the sessions of a run, oldest first."""
    made: dict[int, Entry] = {}
    latest: dict[Any, int] = {}
    within: dict[Any, int] = {}
    for action in actions:
        detail, same = action["detail"], (action["verb"], action["run"], tuple(action["command"]))
        says_more = action["verb"] in (NOTE, FAILED)
        target = detail.get("of") if says_more else _session(made.get(latest.get(same, 0)), detail)
        target = within.get(target, target)
        if target in made:
            made[target] = _merged(made[target], action)
            within[action["id"]] = target
        elif action["verb"] != NOTE and "interleaved" not in detail:  # that two sessions are pairs, no deed of its own
            made[action["id"]] = _entry(action, runs, programme)
            latest[same] = action["id"]
    return _with_ends(list(made.values()), runs, drivers)


def _session(entry: Entry | None, detail: Mapping[str, Any]) -> int | None:
    """Return the session that a verdict belongs to: the last one of its command, where that has none yet."""
    fits = entry is not None and "verdict" in detail and "verdict" not in entry.detail and "session" in entry.detail
    return entry.number if entry and fits else None


def _merged(entry: Entry, action: Action) -> Entry:
    """Put what an action says about another one into its entry."""
    detail = action["detail"]
    if action["verb"] == NOTE:
        note = detail.get("note")
        return replace(
            entry,
            conclusion=detail.get("conclusion") or entry.conclusion,
            resolution=detail.get("resolution") or entry.resolution,
            notes=(*entry.notes, note) if note else entry.notes,
        )
    if action["verb"] == FAILED:
        return replace(entry, status="failed", error=detail["error"])
    shown = {**entry.detail, **_shown(detail)}
    return replace(entry, title=_title(action, None), result=_result(detail), detail=shown)


def _entry(action: Action, runs: Mapping[int, Run], programme: Programme) -> Entry:
    detail = action["detail"]
    number = _run_of(action, runs)
    run = None if number is None else runs[number]
    error = str(detail.get("error", ""))
    return Entry(
        number=action["id"],
        at=action["at"],
        title=_title(action, run),
        status="failed" if error else "completed",
        verb=_verb(action),
        place=place_of(programme, run) if run else Place(),
        command=tuple(action["command"]),
        config=str(detail.get("config") or ""),
        inputs=_inputs(action, run),
        outputs=_outputs(action),
        reason=action["why"],
        result=_result(detail),
        error=error,
        who=action["who"],
        run=number,
        detail=_shown(detail) | ({"session": detail["session"]} if "session" in detail else {}),
    )


def _verb(action: Action) -> str:
    return str(action["detail"].get("verb", "")) if action["verb"] == FAILED else str(action["verb"])


def _run_of(action: Action, runs: Mapping[int, Run]) -> int | None:
    """Return the run that an action is about; of one that only names a study, its newest run."""
    detail = action["detail"]
    for number in (action["run"], detail.get("current"), detail.get("run")):
        if isinstance(number, int) and number in runs:
            return number
    named = [run.number for run in runs.values() if run.study == detail.get("study")]
    before = [number for number in named if runs[number].created <= action["at"]]
    return max(before, default=None)


def _title(action: Action, run: Run | None) -> str:
    detail, verb = action["detail"], _verb(action)
    what = {
        "compare": "run {current} against run {baseline}",
        "gate": "run {current} against run {baseline}",
        "aa": "run {current} against run {baseline}",
        "baseline": "{name} is run {run}",
        "promote": "run {run} into {file}",
        "undo": "entry {of}, in {file}",
        "import": "{file} as run {run}",
        "confirm": "run {of}",
    }.get(verb, "")
    names = {"run": action["run"], **detail}
    if "file" in detail:
        names["file"] = Path(str(detail["file"])).name
    try:
        said = what.format_map(names)
    except KeyError:
        said = ""
    if not said and run is not None:
        said = f"{run.study} (run {run.number})"
    return f"{verb} {said}".strip()


def _inputs(action: Action, run: Run | None) -> tuple[str, ...]:
    detail = action["detail"]
    if "inputs" in detail:
        return tuple(map(str, detail["inputs"]))
    if isinstance(detail.get("baseline"), int):
        return (f"run {detail['baseline']}", f"run {detail.get('current')}")
    if "session" in detail and run is not None:
        return tuple(_input(name, said) for name, said in (run.document.get("inputs") or {}).items())
    if action["verb"] in ("promote", "export", "report", "analyse") and run is not None:
        return (f"run {run.number}",)
    return (str(detail["file"]),) if action["verb"] == "import" and "file" in detail else ()


def _input(name: str, said: Any) -> str:
    if isinstance(said, Mapping) and said.get("run") is not None:
        return f"{name}: run {said['run']}, table {said.get('table', name)}"
    return f"{name}: {said.get('file') if isinstance(said, Mapping) else said}"


def _outputs(action: Action) -> tuple[str, ...]:
    detail = action["detail"]
    if "outputs" in detail:
        return tuple(map(str, detail["outputs"]))
    if ("session" in detail or action["verb"] == "import") and action["run"] is not None:
        return (f"run {action['run']}",)
    kept = detail.get("folder") if action["verb"] in ("report", "export") else detail.get("file")
    return (str(kept),) if kept and action["verb"] in ("report", "export", "promote", "undo") else ()


def _result(detail: Mapping[str, Any]) -> str:
    verdict, answer = str(detail.get("verdict", "")), str(detail.get("answer", ""))
    answers = detail.get("answers")
    if isinstance(answers, Mapping):
        answer = " ".join(str(line) for lines in answers.values() for line in lines)
    return ": ".join(part for part in (verdict, answer) if part)


def _shown(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in detail.items() if key not in _HIDDEN}


def _with_ends(
    made: Iterable[Entry], runs: Mapping[int, Run], drivers: Callable[[int], Sequence[Action]]
) -> list[Entry]:
    """Say of every session how it ended: the newest of a run by the run's state, the others by what followed."""
    entries = list(made)
    later: dict[int, int] = {}
    for place in range(len(entries) - 1, -1, -1):
        entry = entries[place]
        if "session" not in entry.detail or entry.run is None:
            continue
        follows = later.get(entry.run)
        later[entry.run] = entry.number or 0
        entries[place] = (
            _settled(entry, runs[entry.run]) if follows is None else _continued(entry, follows, drivers(entry.run))
        )
    return entries


def _settled(entry: Entry, run: Run) -> Entry:
    if entry.error:
        return entry
    if run.state == "open":
        return replace(entry, status="running")
    if run.state in _ENDED:
        return replace(entry, status="failed", error=_ENDED[run.state])
    if run.failed and not run.done:
        return replace(entry, status="failed", error="nothing was measured: every trial failed")
    return entry


def _continued(entry: Entry, follows: int, drivers: Sequence[Action]) -> Entry:
    noted = replace(entry, notes=(*entry.notes, f"entry {follows} went on with it"))
    died = any(row["driver"] == entry.detail["session"] and row["state"] == "lost" for row in drivers)
    return replace(noted, status="failed", error="its driver died") if died and not entry.error else noted
