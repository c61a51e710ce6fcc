"""Numbers as a person reads them aloud."""

from __future__ import annotations

from collections.abc import Sequence

from fairtrial.model.finding import Interval
from fairtrial.model.study import Metric


def unit_of(metrics: Sequence[Metric], name: str) -> str:
    """Return a metric's unit; '' where it has none."""
    return next((metric.unit for metric in metrics if metric.name == name), "")


def quantity(value: float, unit: str = "") -> str:
    """Write a number with its unit, to three figures."""
    text = f"{value:.3g}"
    return f"{text} {unit}" if unit else text


def span(interval: Interval, unit: str = "") -> str:
    """Write an interval: `95 % interval 1.2 to 3.4 s`."""
    return f"{100 * interval.level:g} % interval {interval.low:.3g} to {quantity(interval.high, unit)}"


def probability(p: float) -> str:
    """Write a p value: `p = 0.03`, `p < 0.001`."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def count(number: int, noun: str) -> str:
    """Write a number of things: `1 replicate`, `5 replicates`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(names: Sequence[str]) -> str:
    """Write a list of names: `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
