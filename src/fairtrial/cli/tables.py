"""Tables for a terminal: conditions, runs, trials, plans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fairtrial.cli.console import number, say, size, span, when, width
from fairtrial.cli.grid import Grid, one_line
from fairtrial.model.figure import Grid as Rows
from fairtrial.model.figure import Section
from fairtrial.model.finding import ConditionFinding, Estimate
from fairtrial.model.run import Run, TrialRow
from fairtrial.model.words import level

SHOWN = 20
"""Rows of a table before it is cut, with what was cut said below it."""
SECTION_ROWS = 30
"""Rows of a section's table; the report has more, its data all."""


def table(*columns: str, right: Sequence[str] = (), lift: Sequence[str] = ()) -> Grid:
    """Make an empty table; `lift` names what is said once above it where it is constant and room is short."""
    return Grid(list(map(one_line, columns)), frozenset(map(one_line, right)), frozenset(map(one_line, lift)))


def show(made: Grid) -> None:
    """Print a table."""
    for line in made.lines(width()):
        say(line)


def conditions(findings: Sequence[ConditionFinding], metrics: Sequence[str]) -> None:
    """Print conditions, best first, each metric as mean and interval."""
    paths = factor_paths(findings)
    arms = any(finding.variant for finding in findings)
    n = "count" if "n" in paths else "n"
    heads = [*(["variant"] if arms else []), *paths, n, *metrics, *(["missing"] if _missing(findings) else [])]
    made = table(*heads, right=[n, *metrics, "missing"], lift=paths)
    for finding in findings:
        cells = [finding.variant] if arms else []
        cells += [level(finding.assignment[path]) if path in finding.assignment else "·" for path in paths]
        cells += [_counted(finding, metrics), *(_estimate(finding.estimates.get(name)) for name in metrics)]
        if "missing" in heads:
            cells.append(_lacks(finding))
        made.add_row(*cells)
    show(made)


def legend(findings: Sequence[ConditionFinding], cut: int, command: str) -> str:
    """Say what the numbers of a table of conditions are, how many more there are, and how to see them."""
    estimates = (item for finding in findings for item in finding.estimates.values())
    intervals = [item.interval for item in estimates if item.interval is not None]
    if not intervals:
        said = "single values: an interval needs two replicates"
    else:
        beyond = ", cut at what is possible" if any(" cut " in each.method for each in intervals) else ""
        said = f"mean [{100 * intervals[0].level:.4g} % t interval over replicates{beyond}]"
    return said + (f"; {cut} more conditions: {command}" if cut > 0 else "")


def factor_paths(findings: Sequence[ConditionFinding]) -> list[str]:
    """List the factors of conditions, in the order in which they first stand."""
    return list(dict.fromkeys(path for finding in findings for path in finding.assignment))


def _missing(findings: Sequence[ConditionFinding]) -> bool:
    return any(item.missing for finding in findings for item in finding.estimates.values())


def _counted(finding: ConditionFinding, metrics: Sequence[str]) -> str:
    first = finding.estimates.get(metrics[0]) if metrics else None
    return str(first.n if first else finding.trials)


def _estimate(found: Estimate | None) -> str:
    if found is None or found.mean is None:
        return "–"
    if found.interval is None:
        return number(found.mean)
    return f"{number(found.mean)} [{number(found.interval.low)}, {number(found.interval.high)}]"


def _lacks(finding: ConditionFinding) -> str:
    if finding.failures:
        return ", ".join(f"{count} {kind}" for kind, count in sorted(finding.failures.items()))
    missing = max((item.missing for item in finding.estimates.values()), default=0)
    return f"{missing} undefined" if missing else ""


def runs(rows: Sequence[Run]) -> None:
    """Print runs, newest first."""
    pruning = ["pruned"] if any(row.pruned for row in rows) else []
    heads = ("run", "study", "state", "done", *pruning, "failed", "reused", "planned", "updated")
    made = table(*heads, right=_COUNTS)
    for row in rows:
        planned = "–" if row.planned is None else str(row.planned)
        counts = (row.done, *[row.pruned for _ in pruning], row.failed, row.reused, planned)
        made.add_row(*map(str, (row.number, row.study, state(row), *counts, when(row.updated))))
    show(made)


def state(run: Run) -> str:
    """Write a run's state: one that is open has a driver at work."""
    return "running" if run.state == "open" else run.state


_COUNTS = ("run", "done", "pruned", "failed", "reused", "planned")


def trials(rows: Sequence[TrialRow], metrics: Sequence[str]) -> None:
    """Print trials of a run with their metrics."""
    paths = list(dict.fromkeys(path for row in rows for path in row.assignment))
    arms = any(row.variant for row in rows)
    heads = ["trial", *(["variant"] if arms else []), *paths, "rep", "status", *metrics]
    made = table(*heads, right=["rep", *metrics], lift=paths)
    for row in rows:
        cells = [f"{row.run}.{row.number}", *([row.variant] if arms else [])]
        cells += [level(row.assignment[path]) if path in row.assignment else "·" for path in paths]
        cells += [str(row.replicate), _trial_status(row), *(number(row.metrics.get(name)) for name in metrics)]
        made.add_row(*cells)
    show(made)


def failed(rows: Sequence[TrialRow]) -> None:
    """Print trials that failed, each with the class and the message of its failure."""
    paths = list(dict.fromkeys(path for row in rows for path in row.assignment))
    arms = any(row.variant for row in rows)
    made = table("trial", *(["variant"] if arms else []), *paths, "rep", "failure", right=["rep"], lift=paths)
    for row in rows:
        cells = [f"{row.run}.{row.number}", *([row.variant] if arms else [])]
        cells += [level(row.assignment[path]) if path in row.assignment else "·" for path in paths]
        said = f"{row.failure.kind.value}: {row.failure.message}" if row.failure else _trial_status(row)
        made.add_row(*cells, str(row.replicate), said)
    show(made)


def _trial_status(row: TrialRow) -> str:
    said = "open" if row.status is None else row.status.value
    if row.failure is not None:
        said = f"{said} ({row.failure.kind.value})"
    if row.reused_from is not None:
        said += f", from run {row.reused_from}"
    return said + (", retired" if row.retired else "")


def planned(page: Sequence[tuple[Any, str]]) -> None:
    """Print a page of a plan: its trials in order, each with its status."""
    paths = list(dict.fromkeys(path for trial, _ in page for path in trial.condition.assignment))
    arms = any(trial.condition.variant for trial, _ in page)
    heads = ["#", *(["variant"] if arms else []), *paths, "rep", "seed", "status"]
    made = table(*heads, right=["#", "rep", "seed"], lift=paths)
    for trial, status in page:
        values = trial.condition.assignment
        cells = [str(trial.position + 1), *([trial.condition.variant] if arms else [])]
        cells += [level(values[path]) if path in values else "·" for path in paths]
        made.add_row(*cells, str(trial.replicate), str(trial.seed), status)
    show(made)


def estimate(found: Any, jobs: int) -> str:
    """Write a time and memory estimate in one line; empty where nothing is known or left."""
    if found is None or not found.wall_s:
        return f"a cost of about {found.cost:.4g}" if found is not None and found.cost else ""
    known = found.low_s is not None and found.high_s is not None
    between = f" ({span(found.low_s)} to {span(found.high_s)})" if known else ""
    lanes = f" with {jobs} jobs" if jobs > 1 else ""
    memory = f", {size(found.peak_bytes)} a trial" if found.peak_bytes else ""
    cost = f", a cost of about {found.cost:.4g}" if found.cost is not None else ""
    return f"about {span(found.wall_s)}{between}{lanes}{memory}{cost}: {found.basis}"


def section(made: Section) -> None:
    """Print a section: its sentences, then its tables."""
    say(made.title)
    for sentence in made.sentences:
        say(f"  {sentence}")
    for rows in made.tables:
        say()
        _section_rows(rows)
    say()


def _section_rows(rows: Rows) -> None:
    if rows.title:
        say(rows.title)
    made = table(*rows.columns, right=sorted(rows.numeric()))
    for row in rows.shown()[:SECTION_ROWS]:
        made.add_row(*row)
    show(made)
    if len(rows.rows) > SECTION_ROWS:
        say(f"… {len(rows.rows) - SECTION_ROWS} more rows: fairtrial report -o writes all of them")
