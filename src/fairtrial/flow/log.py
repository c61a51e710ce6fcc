"""`log`, `note`, `baseline list` and the index of a data set: views of the action log and the programme."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from fairtrial.errors import FairtrialError, NothingMeasured, UserError
from fairtrial.flow.book import glancing, locate, reading, writing
from fairtrial.model.finding import Estimate
from fairtrial.model.outcome import Status
from fairtrial.model.programme import Baseline, Entry, Index, IndexRow, Log, Programme
from fairtrial.model.run import Run
from fairtrial.model.trial import Role
from fairtrial.model.words import condition, number

if TYPE_CHECKING:
    from fairtrial.store.ledger import Ledger

SAID = ("conclusion", "resolution", "note")
SETTLED = (Status.DONE, Status.PRUNED, Status.FAILED)
ONE_BY_ONE = frozenset({"grid", "listed", "race", "edge"})
"""Designs that look at every condition; any other one is a search, and told as one."""


def programme(home: Path | None = None) -> Programme:
    """Read the programme found upwards from here, or from beside the book; an empty one where there is none."""
    from fairtrial.spec import programme as files

    path = files.find(home) or files.find(locate(home).parent)
    return files.read(path) if path is not None else Programme()


def entries(
    home: Path | None, *, run: int | None = None, limit: int | None = None, told: bool = True
) -> tuple[list[Entry], int]:
    """Return the newest entries, oldest of them first, and how many there are; planned ones come last.

    `told`: with what each run came to, which is computed from its trials; else only how many there are.

    Raises NothingMeasured where there is neither a book nor a programme.
    """
    plan = programme(home)
    with glancing(home) as book:
        if book is None and not plan.phases:
            raise NothingMeasured("there is no book and no programme", hint="fairtrial run study.yaml")
        made = [] if book is None else _done(book.ledger, plan)
        if run is not None and book is not None:
            book.ledger.run(run)
        made += _planned(() if book is None else book.ledger.runs(), plan)
        chosen = [entry for entry in made if run is None or entry.run == run]
        shown = chosen if limit is None else chosen[-limit:]
        return (shown if book is None else _told(book.ledger, shown, outcome if told else counts)), len(chosen)


def log(home: Path | None, *, run: int | None = None) -> Log:
    """Return the whole log as a document."""
    from fairtrial.promote.programme import items

    made, _ = entries(home, run=run)
    with glancing(home) as book:
        runs = () if book is None else book.ledger.runs()
    plan = programme(home)
    return Log(programme=plan, items=items(plan, runs), entries=tuple(made))


def markdown(log: Log) -> str:
    """Write the log as a document."""
    from fairtrial.report.log import log_markdown

    return log_markdown(log)


def _done(ledger: Ledger, plan: Programme) -> list[Entry]:
    from fairtrial.promote.entries import entries as made_of

    runs = {run.number: run for run in ledger.runs()}
    return made_of(ledger.actions(), runs, cache(ledger.provenance), plan)


def _planned(runs: Sequence[Run], plan: Programme) -> list[Entry]:
    from fairtrial.promote.programme import items, planned

    return planned(items(plan, runs), runs)


def _told(ledger: Ledger, made: Sequence[Entry], say: Callable[[Ledger, int], str]) -> list[Entry]:
    """Give every session its result: the newest of a run what the run came to, and its first failure.

    Earlier ones had measured what had ended by then, which a later one cannot change.
    """
    newest = {entry.run: entry.number for entry in made if "session" in entry.detail}

    def told(entry: Entry) -> Entry:
        if entry.run is None or "session" not in entry.detail:
            return entry
        if newest[entry.run] == entry.number:
            error = _raised(ledger, entry.run, entry.error)
            return replace(entry, result=entry.result or say(ledger, entry.run), error=error)
        return replace(entry, result=entry.result or earlier(ledger, entry.run, int(entry.detail["session"])))

    return [told(entry) for entry in made]


def earlier(ledger: Ledger, number: int, session: int) -> str:
    """Say how many trials of a run had been measured when one of its sessions ended."""
    closed = next((row["closed"] for row in ledger.provenance(number) if row["driver"] == session), None)
    if closed is None:
        return ""
    attempts = (one for one in ledger.attempts(run=number) if one.role is Role.TRIAL and one.ended is not None)
    last = {one.trial: one.status for one in attempts if one.ended <= closed and one.status in SETTLED}
    return _counted(*(sum(status is kind for status in last.values()) for kind in SETTLED)) if last else ""


def _raised(ledger: Ledger, number: int, error: str) -> str:
    """Return why an entry failed, with the line that the first failed trial of its run ended in."""
    row = next(iter(ledger.trials(number, status="failed", limit=1)), None)
    if row is None or row.failure is None:
        return error
    said = f"{row.run}.{row.number}: {row.failure.kind.value}: {row.failure.message}"
    return f"{error}; {said}" if error else said


def outcome(ledger: Ledger, number: int) -> str:
    """Say in a line what a run came to: its best condition or the summary of its search, and how many trials."""
    run = ledger.run(number)
    if not run.done:
        return counts(ledger, number)
    design = run.document.get("design") or "grid"
    kind = design if isinstance(design, str) else design.get("kind", "grid")
    try:
        said = _best(ledger, run) if kind in ONE_BY_ONE else _search(ledger, number)
    except FairtrialError:  # such as a run without a metric that has a direction: nothing is best
        said = ""
    return "; ".join(part for part in (said, counts(ledger, number)) if part)


def counts(ledger: Ledger, number: int) -> str:
    """Say how many trials of a run are done, and how many were pruned or failed."""
    run = ledger.run(number)
    return _counted(run.done, run.pruned, run.failed)


def _counted(done: int, pruned: int, failed: int) -> str:
    parts = {"done": done, "pruned": pruned, "failed": failed}
    return ", ".join(f"{count} {name}" for name, count in parts.items() if count or name == "done")


def _best(ledger: Ledger, run: Run) -> str:
    from fairtrial.analyse.conditions import directed, ranking
    from fairtrial.flow.level import interval_level
    from fairtrial.flow.read import metrics_of

    rows = ledger.results(run.number)
    metrics = metrics_of(run, rows)
    metric = directed(metrics)
    findings, conditions = ranking(rows, metrics, level=interval_level(run.document), top=1)
    if metric is None or not findings:
        return f"{conditions} conditions"
    best = findings[0]
    where = condition(best.assignment, best.variant)
    return f"best {metric.name} {_number(best.estimates[metric.name])}" + (f" at {where}" if where else "")


def _number(found: Estimate) -> str:
    if found.mean is None:
        return "undefined"
    between = f" [{number(found.interval.low)}, {number(found.interval.high)}]" if found.interval else ""
    return f"{number(found.mean)}{between} (n = {found.n})"


def _search(ledger: Ledger, number: int) -> str:
    from fairtrial.flow.analyse import ask
    from fairtrial.flow.evidence import gather

    (found,) = ask(gather(ledger, number), "search")
    parts = {f"top-{found.top} sd": found.top_sd, "all-trial sd": found.all_sd, "peak gap": found.peak_gap}
    best = found.best.estimate.mean if found.best else None
    head = f"best {found.metric} {'undefined' if best is None else f'{best:.6g}'}"
    return ", ".join([head, *(f"{name} {value:.6g}" for name, value in parts.items() if value is not None)])


def note(
    home: Path | None, entry: int, said: Mapping[str, str], *, why: str = "", command: Sequence[str] = ()
) -> Entry:
    """Append what a person thinks of an entry (`conclusion`, `resolution`, `note`); return the entry as it is now.

    Raises UserError for an entry that does not exist, and where nothing is said.
    """
    words = {key: said[key].strip() for key in SAID if said.get(key, "").strip()}
    if not words:
        raise UserError("nothing to note", hint="--conclusion TEXT, --resolution TEXT or --note TEXT")
    _entry(home, entry)
    with writing(home) as book:
        book.act("note", why=why, command=command, detail={"of": entry, **words})
    return _entry(home, entry)


def _entry(home: Path | None, number: int) -> Entry:
    with reading(home) as book:
        made = {entry.number: entry for entry in _done(book.ledger, programme(home))}
        if number in made:
            return made[number]
        actions = book.ledger.actions()
    chosen = next((action for action in actions if action["id"] == number), None)
    if chosen is None:
        raise UserError(f"there is no entry {number}", hint=f"the last one is {len(actions)}: fairtrial log")
    of = chosen["detail"].get("of") if chosen["verb"] in ("note", "failed") else None
    said = f"entry {of}" if of else "another one"
    raise UserError(
        f"entry {number} only says more about {said}", hint=f"fairtrial note {of}" if of else "fairtrial log"
    )


def baselines(home: Path | None = None) -> tuple[Baseline, ...]:
    """Return the named baselines of the programme and of the book."""
    from fairtrial.promote.programme import baselines as named

    plan = programme(home)
    with glancing(home) as book:
        if book is None:
            return named(plan, (), {})
        return named(plan, book.ledger.actions(), {run.number: run for run in book.ledger.runs()})


def index(home: Path | None = None, *, tag: str | None = None) -> Index:
    """Return the index of the data set that the book is: runs, baselines, pending work, criteria."""
    from fairtrial.promote.programme import Facts, items, judged, pending

    plan, named = programme(home), baselines(home)
    with glancing(home) as book:
        runs = () if book is None else book.ledger.runs()
        actions = () if book is None else book.ledger.actions()
        facts = Facts(runs, actions, named, _counter(None if book is None else book.ledger), plan)
        return Index(
            rows=tuple(_row(run, named) for run in runs if tag is None or tag in run.tags),
            baselines=named,
            pending=pending(items(plan, runs)),
            criteria=judged(plan.criteria, facts),
        )


def index_markdown(index: Index) -> str:
    """Write the index as a document."""
    from fairtrial.report.index import index_markdown as write

    return write(index)


def _counter(ledger: Ledger | None) -> Callable[[int], int]:
    """Count the conditions of which a run has a result."""

    @cache
    def count(run: int) -> int:
        if ledger is None:
            return 0
        rows = ledger.results(run)
        lost = {one.place for one in rows.lost}
        return len({number for place, number in enumerate(rows.condition) if place not in lost})

    return count


def _row(run: Run, named: Sequence[Baseline]) -> IndexRow:
    from fairtrial.report.index import configuration

    notes = [
        f"baseline {item.name}" + (f": {item.note}" if item.note else "") for item in named if item.run == run.number
    ]
    return IndexRow(
        run=run.number,
        study=run.study,
        system=run.system,
        configuration=configuration(run.document),
        purpose=str(run.document.get("question") or ""),
        status=_status(run),
        created=run.created,
        note="; ".join([*notes, *([f"{run.failed} failed"] if run.failed else [])]),
    )


def _status(run: Run) -> str:
    return {"open": "running", "finished": "complete"}.get(run.state, run.state)
