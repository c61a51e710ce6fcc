"""Self-test of the crossover: arms that do not cross, arms that do, and intervals that miss the place."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from fairtrial.analyse.curve.crossover import crossover
from fairtrial.analyse.data import data
from fairtrial.flow.selftest.cell import Cell, sized
from fairtrial.flow.selftest.scaling import LOSS, MOST, Law, grown, noisy, sizes
from fairtrial.model.curve import CrossoverFinding
from fairtrial.model.finding import Verdict

PLACE = 100.0
"""Where the arms cross that do."""


def steep(x: Any) -> Any:
    """Return an error that falls far: 0.6 at PLACE."""
    return 0.3 + 0.3 * (x / PLACE) ** -0.5


def shallow(x: Any) -> Any:
    """Return an error that starts low and falls little: 0.6 at PLACE."""
    return 0.45 + 0.15 * (x / PLACE) ** -0.45


def nearby(x: Any) -> Any:
    """Return an error that comes ever closer to `steep` from below and never meets it."""
    return 0.3 + 0.2 * (x / PLACE) ** -0.5


def meeting(x: Any) -> Any:
    """Return an error above `steep` that meets it at the largest size."""
    return steep(x) + 0.04 * np.log(MOST / x)


def falling(x: Any) -> Any:
    """Return an error that falls with the logarithm: 0.6 at PLACE."""
    return 0.6 - 0.05 * np.log(x / PLACE)


def slower(x: Any) -> Any:
    """Return an error that falls more slowly with the logarithm: 0.6 at PLACE."""
    return 0.6 - 0.02 * np.log(x / PLACE)


def _found(laws: tuple[Law, Law], rng: Any, *, paired: bool, **design: Any) -> CrossoverFinding:
    x, replicates = sizes(design["count"]), design["replicates"]
    one, other = (noisy(law, x, replicates, design["noise"], rng) for law in laws)
    measured = grown(x, {"one": one, "other": other}, shift=0 if paired else replicates)
    return crossover(data(measured), LOSS, metric="loss", factor="n", arms=("one", "other"))


def _crosses(rng: Any, *, laws: tuple[Law, Law], paired: bool = True, **design: Any) -> bool:
    return _found(laws, rng, paired=paired, **design).verdict is Verdict.SUPPORTED


def _covers(rng: Any, *, laws: tuple[Law, Law], paired: bool = True, **design: Any) -> bool:
    interval = _found(laws, rng, paired=paired, **design).place_interval
    return interval is not None and interval.low <= PLACE <= interval.high


_cell = partial(sized, "crossover", slow=True)
SAME, CROSSING, LOGARITHMS = (steep, steep), (steep, shallow), (falling, slower)
CELLS: tuple[Cell, ...] = (
    _cell("identical arms", 0.05, _crosses, design=(5, 3, 0.05), planted=False, laws=SAME),
    _cell("identical arms", 0.05, _crosses, design=(8, 2, 0.02), planted=False, laws=SAME),
    _cell("identical arms, other seeds", 0.05, _crosses, design=(8, 5, 0.1), planted=False, laws=SAME, paired=False),
    _cell("arms that converge", 0.05, _crosses, design=(8, 5, 0.05), planted=False, laws=(steep, nearby)),
    _cell("arms that meet at the end", 0.05, _crosses, design=(8, 5, 0.02), planted=False, laws=(steep, meeting)),
    _cell("a crossing", 0.9, _crosses, design=(8, 5, 0.05), planted=True, slow=False, laws=CROSSING),
    _cell("a crossing, other seeds", 0.9, _crosses, design=(8, 5, 0.05), planted=True, laws=CROSSING, paired=False),
    _cell("interval holds the place", 0.9, _covers, design=(8, 5, 0.02), planted=True, slow=False, laws=CROSSING),
    _cell("interval holds the place", 0.9, _covers, design=(8, 3, 0.05), planted=True, laws=CROSSING),
    _cell("interval holds the place", 0.9, _covers, design=(6, 10, 0.05), planted=True, laws=CROSSING, paired=False),
    _cell("interval holds the place of logarithms", 0.9, _covers, design=(6, 5, 0.02), planted=True, laws=LOGARITHMS),
)
