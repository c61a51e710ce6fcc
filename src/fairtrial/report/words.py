"""The words of findings: conditions, levels, intervals, names with units, what would settle a question."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from fairtrial.model import words
from fairtrial.model.figure import Cell, shown
from fairtrial.model.finding import Interval, Needed, Verdict
from fairtrial.model.identity import is_number

Units = Mapping[str, str]
"""Metric -> unit."""
CUT = ", cut "
"""Stands in the method of an interval before the place where it was cut at what is possible."""


class Asked(Protocol):
    """A finding that answers a question."""

    @property
    def verdict(self) -> Verdict:
        """Return the answer."""

    @property
    def needed(self) -> Needed:
        """Return what would settle it."""


CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Characters that neither XML nor a terminal can hold."""


def clean(text: str) -> str:
    """Replace characters that no page can hold by blanks."""
    return CONTROL.sub(" ", text)


def sentence(text: str) -> str:
    """End a sentence with a full stop, where it has no end yet."""
    text = text.strip()
    return text if not text or text[-1] in ".!?:…" else f"{text}."


def of_arm(variant: str) -> str:
    """Name the arm that a title is about, where it is about one."""
    return f" ({variant})" if variant else ""


def named(metric: str, units: Units) -> str:
    """Write a metric with its unit, unless its name ends with the unit already."""
    unit = units.get(metric, "")
    return f"{metric} ({unit})" if unit and not metric.endswith(f"_{unit}") else metric


def number(value: float | None) -> str:
    """Write a number of a sentence; a dash for a missing one."""
    return shown(None) if value is None or not math.isfinite(value) else words.number(value)


def quantity(value: float | None, metric: str, units: Units) -> str:
    """Write a number with the metric's unit."""
    return f"{number(value)} {units.get(metric, '')}".rstrip()


def level(value: Any) -> Cell:
    """Return a factor's level as a cell: numbers stay numbers, texts texts; anything else is JSON."""
    if is_number(value) or isinstance(value, str):
        return clean(value) if isinstance(value, str) else value
    return json.dumps(value, ensure_ascii=False, default=str)


def condition(variant: str, assignment: Mapping[str, Any]) -> str:
    """Write a condition: `tuned, lr = 0.1, depth = 3`."""
    return clean(words.condition(assignment, variant)) or "the only condition"


def between(interval: Interval | None) -> str:
    """Write an interval: `95 % interval 1.2 to 3.4, Student's t`; empty without one."""
    return "" if interval is None else f"{words.span(interval)}, {interval.method}"


def percent(share: float | None) -> str:
    """Write a share in per cent; a dash for a missing one."""
    return shown(None) if share is None or not math.isfinite(share) else words.percent(share)


def settles(found: Asked, metric: str, units: Units) -> tuple[str, ...]:
    """Say what the design can detect, and how many replicates would settle a question that is open."""
    needed = found.needed
    said = []
    if needed.smallest_effect:  # not of what never varies
        effect = quantity(needed.smallest_effect, metric, units)
        said.append(f"The smallest effect that this design detects with power 0.8 is {effect}.")
    if needed.replicates is not None and found.verdict is Verdict.INCONCLUSIVE:
        least = needed.smallest_effect is None  # nothing is known of the noise yet
        replicates = f"{needed.replicates:,} replicates a condition"
        said.append(f"{replicates} are the least that can tell." if least else f"{replicates} would settle it.")
    return tuple(said)


def ends(interval: Interval | None) -> tuple[float | None, float | None]:
    """Return the two ends as cells."""
    return (None, None) if interval is None else (interval.low, interval.high)


def method(*intervals: Interval | None) -> str:
    """Say what the intervals are: `95 % intervals, Student's t, some cut at 0`; empty where there are none."""
    kinds: dict[tuple[float, str], list[str]] = {}
    for found in intervals:
        if found is not None:
            name, _, place = found.method.partition(CUT)
            kinds.setdefault((found.level, name), []).append(place)
    return "; ".join(f"{percent(share)} intervals, {name}{_cut(at)}" for (share, name), at in kinds.items())


def _cut(places: Sequence[str]) -> str:
    """Say where intervals of one kind were cut, and whether it was all of them."""
    where = sorted(filter(None, dict.fromkeys(places)))
    if not where:
        return ""
    return f", {'' if all(places) else 'some '}cut {' or '.join(where)}"
