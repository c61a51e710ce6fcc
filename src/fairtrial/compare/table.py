"""A comparison as rows of text: the columns of the terminal and of a pull request."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fairtrial.compare.words import amount
from fairtrial.model.comparison import Change, Gate
from fairtrial.model.finding import Estimate
from fairtrial.model.words import level, number

TITLES = {
    Gate.PASS: "✓ RESULT: NO REGRESSIONS (PASS)",
    Gate.FAIL: "⚠ RESULT: REGRESSIONS DETECTED (FAIL)",
    Gate.INCONCLUSIVE: "? RESULT: NOT SETTLED (INCONCLUSIVE)",
    Gate.INVALID: "⚠ RESULT: CANNOT BE JUDGED (INVALID)",
}
"""Verdict -> the line that closes a comparison."""


def heads(changes: Sequence[Change]) -> tuple[str, ...]:
    """Name the columns: the metric, what tells the conditions apart, then the numbers."""
    return ("Metric", *_paths(changes), *NUMBERS, "Status")


NUMBERS = ("Baseline", "Current", "Delta", "Change", "Worse by", "Margin")
"""The columns of numbers."""


def rows(changes: Sequence[Change]) -> list[tuple[str, ...]]:
    """Write a row for each change, below `heads`; a metric that does not gate stands in brackets."""
    paths = _paths(changes)
    return [_row(change, paths) for change in changes]


def _row(change: Change, paths: Sequence[str]) -> tuple[str, ...]:
    labels = {"variant": change.variant, **change.assignment}
    name = change.metric if change.gating else f"({change.metric})"
    return (
        name,
        *(level(labels[path]) if path in labels else "·" for path in paths),
        _estimate(change.baseline, change.unit),
        _estimate(change.current, change.unit),
        _signed(change.difference, change.unit),
        "–" if change.change is None else f"{100 * change.change:+.3g} %",
        _interval(change),
        amount(change, change.margin),
        str(change.status),
    )


def _paths(changes: Sequence[Change]) -> list[str]:
    arms = ["variant"] if any(change.variant for change in changes) else []
    return arms + list(dict.fromkeys(path for change in changes for path in change.assignment))


def _estimate(found: Estimate, unit: str) -> str:
    if found.mean is None:
        return "–"
    ends = found.interval
    within = "" if ends is None else f" [{number(ends.low)}, {number(ends.high)}]"
    return f"{number(found.mean)}{within} {unit}".rstrip()


def _signed(value: float | None, unit: str) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:+.3g} {unit}".rstrip()


def _interval(change: Change) -> str:
    if change.worse is None:
        return "–"
    return f"{amount(change, change.worse.low)} to {amount(change, change.worse.high)}"
