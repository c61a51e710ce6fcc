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
        world, planted = f"none, noise {noise:g}", f"{effect:g} sd, noise {noise:g}, paired"
        yield _cell(f"{world}, paired", n, _paired(n, 0.0, noise))
        yield _cell(f"{world}, unpaired", n, _welch(n, 0.0, noise))
        yield _cell(planted, n, _paired(n, effect, noise), power_of(effect, 1.0, n, alpha=ALPHA, paired=True))
    for n in (5, 10):
        yield _cell("none, one 5 times as noisy, unpaired", n, _welch(n, 0.0, 1.0, ratio=5.0))


def _cell(world: str, n: int, fires: Callable[[Any], bool], power: float | None = None) -> Cell:
    size, rate = f"2 conditions x {n} replicates", ALPHA if power is None else power
    return Cell("difference", world, size, planted=power is not None, rate=rate, fires=fires)


CELLS: tuple[Cell, ...] = tuple(_cells())
