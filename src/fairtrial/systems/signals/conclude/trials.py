"""The trials of a run that are done, in order of what they gained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.model.run import Measurements
from fairtrial.model.study import ABSENT
from fairtrial.model.words import level
from fairtrial.systems.signals.record import Floats

PLAIN = {
    "data.dataset": "", "signal.name": "", "evaluation.tp_ticks": "tp ", "evaluation.sl_ticks": "sl ",
    "evaluation.cooldown_bins": "cooldown ", "evaluation.max_hold_bins": "hold ", "data.synthetic.edge": "edge ",
    "evaluation.costs.entry_delay_bins": "delay ", "evaluation.costs.half_spread": "half spread ",
    "evaluation.costs.fee_ticks": "fee ",
}  # fmt: skip
"""Factor -> what stands before its level in a label; any other is named by its last word."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial: its place among the measurements, its number, and what its condition is called."""

    place: int
    number: int
    label: str


def done(measured: Measurements) -> list[Trial]:
    """List the trials that have a result, in trial order."""
    places = [place for place, status in enumerate(measured.status) if status == "done"]
    several = len(set(measured.replicate)) > 1
    return [Trial(place, measured.number[place], _label(measured, place, several=several)) for place in places]


def leaders(measured: Measurements, metric: str, count: int) -> list[Trial]:
    """Return the best trials by a metric, of each condition its first only; fewer where fewer have one."""
    values = column(measured, metric)
    found: dict[tuple[object, ...], Trial] = {}
    for trial in done(measured):
        key = (measured.variant[trial.place], *(values[trial.place] for values in measured.factors.values()))
        if np.isfinite(values[trial.place]):
            found.setdefault(tuple(map(str, key)), trial)
    return sorted(found.values(), key=lambda trial: -values[trial.place])[:count]


def column(measured: Measurements, metric: str) -> Floats:
    """Return a metric of all settled trials, NaN throughout where the run has none of that name."""
    found = measured.metrics.get(metric)
    return np.full(len(measured), np.nan) if found is None else np.asarray(found, dtype=np.float64)


def _label(measured: Measurements, place: int, *, several: bool) -> str:
    words = [measured.variant[place]] if measured.variant[place] else []
    for path, levels in measured.factors.items():
        value = levels[place]
        if value is not ABSENT:
            words.append(f"{PLAIN.get(path, path.rpartition('.')[2] + '=')}{level(value)}")
    if several:
        words.append(f"replicate {measured.replicate[place]}")
    return " ".join(words) or "the only condition"


def shortened(words: Sequence[str], most: int = 48) -> list[str]:
    """Cut labels that are too long for a legend."""
    return [word if len(word) <= most else f"{word[: most - 1]}…" for word in words]
