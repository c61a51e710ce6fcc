"""Numbers, intervals, levels and conditions in words: written the same in every sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairtrial.model.finding import Interval


def number(value: float, figures: int = 4) -> str:
    """Write a number to so many significant digits; large ones are whole, not powers of ten: `12345`."""
    text = f"{value:.{figures}g}"
    return f"{value:.0f}" if "e+" in text and abs(value) < 1e9 else text


def quantity(value: float, unit: str = "") -> str:
    """Write a number with its unit: `1.234 s`."""
    return f"{number(value)} {unit}" if unit else number(value)


def percent(share: float) -> str:
    """Write a share: `12.5 %`; what lacks a little is not rounded to the whole: `99.98 %`."""
    figures = 3 if share == 1 or number(100 * share, 3) != "100" else 8
    return f"{number(100 * share, figures)} %"


def ends(interval: Interval, unit: str = "") -> str:
    """Write the ends of an interval: `1.2 to 3.4 s`."""
    return f"{number(interval.low)} to {quantity(interval.high, unit)}"


def span(interval: Interval, unit: str = "") -> str:
    """Write an interval: `95 % interval 1.2 to 3.4 s`."""
    return f"{percent(interval.level)} interval {ends(interval, unit)}"


def probability(p: float) -> str:
    """Write a p value: `p = 0.03`, `p < 0.001`."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def count(number: int, noun: str) -> str:
    """Write a number of things: `1 replicate`, `5 replicates`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def tally(done: int, pruned: int, failed: int, reused: int = 0) -> str:
    """Write how trials ended: `2 done (1 reused), 28 pruned, 0 failed`."""
    taken = f" ({reused} reused)" if reused else ""
    return f"{done} done{taken}, " + (f"{pruned} pruned, " if pruned else "") + f"{failed} failed"


def listed(names: Sequence[str], most: int = 6) -> str:
    """Write a list: `a, b and c`, and how many more there are: `a, b and 7 more`."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most:,} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def level(value: Any) -> str:
    """Write a factor's level: a number to six significant digits, a text as it is, anything else as JSON."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def condition(assignment: Mapping[str, Any], variant: str = "") -> str:
    """Write a condition: `tuned, lr = 0.1, depth = 3`; empty where it has neither variant nor factor."""
    return ", ".join([*filter(None, [variant]), *(f"{path} = {level(value)}" for path, value in assignment.items())])
