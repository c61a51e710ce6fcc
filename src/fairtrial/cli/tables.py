"""Tables for a terminal: conditions, runs, trials, plans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fairtrial.cli.console import level, number, out, span, when
from fairtrial.model.finding import ConditionFinding, Estimate
from fairtrial.model.run import Run, TrialRow

if TYPE_CHECKING:
    from rich.table import Table

SHOWN = 20
"""Rows of a table before it is cut, with what was cut said below it."""


def table(*columns: str, right: Sequence[str] = ()) -> Table:
    """Make an empty table in the one style."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return made


def show(made: Table) -> None:
    """Print a table."""
    out().print(made)


def conditions(findings: Sequence[ConditionFinding], metrics: Sequence[str], *, limit: int = SHOWN) -> int:
    """Print conditions, best first, each metric as mean and 95 % interval; return how many were cut."""
    paths = factor_paths(findings)
    arms = any(finding.variant for finding in findings)
    heads = [*(["variant"] if arms else []), *paths, "n", *metrics, *(["missing"] if _missing(findings) else [])]
    made = table(*heads, right=["n", *metrics, "missing"])
    for finding in findings[:limit]:
        cells = [finding.variant] if arms else []
        cells += [level(finding.assignment[path]) if path in finding.assignment else "·" for path in paths]
        cells += [_counted(finding, metrics), *(_estimate(finding.estimates.get(name)) for name in metrics)]
        if "missing" in heads:
            cells.append(_lacks(finding))
        made.add_row(*cells)
    show(made)
    return max(0, len(findings) - limit)


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
    made = table("run", "study", "state", "done", "failed", "reused", "planned", "updated", right=_COUNTS)
    for row in rows:
        planned = "–" if row.planned is None else str(row.planned)
        cells = (row.number, row.study, row.state, row.done, row.failed, row.reused, planned, when(row.updated))
        made.add_row(*map(str, cells))
    show(made)


_COUNTS = ("run", "done", "failed", "reused", "planned")


def trials(rows: Sequence[TrialRow], metrics: Sequence[str]) -> None:
    """Print trials of a run with their metrics."""
    paths = list(dict.fromkeys(path for row in rows for path in row.assignment))
    arms = any(row.variant for row in rows)
    made = table("trial", *(["variant"] if arms else []), *paths, "rep", "status", *metrics, right=["rep", *metrics])
    for row in rows:
        cells = [f"{row.run}.{row.number}", *([row.variant] if arms else [])]
        cells += [level(row.assignment[path]) if path in row.assignment else "·" for path in paths]
        cells += [str(row.replicate), _trial_status(row), *(number(row.metrics.get(name)) for name in metrics)]
        made.add_row(*cells)
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
    made = table("#", *(["variant"] if arms else []), *paths, "rep", "seed", "status", right=["#", "rep", "seed"])
    for trial, status in page:
        values = trial.condition.assignment
        cells = [str(trial.position + 1), *([trial.condition.variant] if arms else [])]
        cells += [level(values[path]) if path in values else "·" for path in paths]
        made.add_row(*cells, str(trial.replicate), str(trial.seed), status)
    show(made)


def estimate(found: Any) -> str:
    """Write a time and memory estimate in one line; empty where the book knows nothing."""
    if found is None or found.wall_s is None:
        return ""
    from fairtrial.cli.console import size

    memory = f", {size(found.peak_bytes)} a trial" if found.peak_bytes else ""
    return f"about {span(found.wall_s)} ({span(found.low_s)} to {span(found.high_s)}){memory}; {found.basis}"
