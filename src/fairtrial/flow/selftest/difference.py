"""Self-test of the difference of two conditions: the power of the t test, exactly, and its false-alarm rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fairtrial.flow.selftest.cell import Cell
from fairtrial.stats.difference import paired, welch
from fairtrial.stats.power import power_of

ALPHA = 0.05
WORLDS = ((3, 3.0, 1.0), (5, 2.0, 0.01), (10, 1.0, 1.0), (30, 0.6, 100.0))
"""(replicates, difference in sd, noise)"""


def _paired(n: int, effect: float, noise: float) -> Callable[[Any], bool]:
    def fires(rng: Any) -> bool:
        seeds = 5 * noise * rng.normal(size=n)
        first, second = (seeds + noise * rng.normal(size=n) / np.sqrt(2) for _ in range(2))
        return paired(first + effect * noise - second, 1 - ALPHA).p_two_sided <= ALPHA

    return fires


def _welch(n: int, effect: float, noise: float, *, ratio: float = 1.0) -> Callable[[Any], bool]:
    def fires(rng: Any) -> bool:
        first, second = effect * noise + noise * rng.normal(size=n), ratio * noise * rng.normal(size=n)
        return welch(first, second, 1 - ALPHA).p_two_sided <= ALPHA

    return fires


def _cells() -> Iterator[Cell]:
    for n, effect, noise in WORLDS:
        size, world = f"2 conditions x {n} replicates", f"noise {noise:g}"
        power = power_of(effect, 1.0, n, alpha=ALPHA, paired=True)
        yield _null("difference, paired", f"none, {world}", size, _paired(n, 0.0, noise))
        yield _null("difference, unpaired", f"none, {world}", size, _welch(n, 0.0, noise))
        planted, fires = f"{effect:g} sd, {world}", _paired(n, effect, noise)
        yield Cell("difference, paired", planted, size, planted=True, rate=power, fires=fires)
    for n in (5, 10):
        world = "none, one 5 times as noisy"
        yield _null("difference, unpaired", world, f"2 conditions x {n} replicates", _welch(n, 0.0, 1.0, ratio=5.0))


def _null(detector: str, world: str, size: str, fires: Callable[[Any], bool]) -> Cell:
    return Cell(detector, world, size, planted=False, rate=ALPHA, fires=fires)


CELLS: tuple[Cell, ...] = tuple(_cells())
