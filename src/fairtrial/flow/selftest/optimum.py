"""Self-test of the optimum: the best is rarely told from the best, and no single one is found where several are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fairtrial.analyse.choice.optimum import optimum
from fairtrial.flow.selftest.cell import Cell
from fairtrial.flow.selftest.worlds import SCORE, conditions
from fairtrial.model.choice import OptimumFinding
from fairtrial.model.finding import Verdict

ALPHA = 0.05
MANY = 20
SIZES = ((2, 5), (3, 3), (8, 5), (MANY, 3), (MANY, 10))
"""(conditions, replicates)"""
PLANTED = ((2, 10, 2.0, 0.95), (3, 5, 3.0, 0.75), (8, 5, 3.0, 0.5), (8, 10, 2.0, 0.65), (MANY, 10, 3.0, 0.9))
"""(conditions, replicates, gap in sd between replicates, power)"""
WORLDS: dict[str, Callable[[Any, int, int], Any]] = {
    "all equal": lambda rng, count, replicates: rng.normal(size=(count, replicates)),
    "all equal, noise of the first 3 times the others'": lambda rng, count, replicates: (
        rng.normal(size=(count, replicates)) * np.where(np.arange(count) == 0, 3.0, 1.0)[:, None]
    ),
    "all equal, noise differs by a factor of 30": lambda rng, count, replicates: (
        rng.normal(size=(count, replicates)) * np.logspace(-0.75, 0.75, count)[:, None]
    ),
    "all equal, heavy tails (t, 3 df)": lambda rng, count, replicates: rng.standard_t(3, size=(count, replicates)),
}


def _found(values: Any, rng: Any) -> OptimumFinding:
    """Judge conditions; what a seed adds to all of them alike is three times the noise."""
    seeds = 3 * rng.normal(size=np.shape(values)[1])
    return optimum(conditions(100 + values + seeds), [SCORE], alpha=ALPHA)


def _excluded(world: str, count: int, replicates: int) -> Callable[[Any], bool]:
    """Say whether the first condition, which is a best one, was told from the best."""

    def fires(rng: Any) -> bool:
        finding = _found(WORLDS[world](rng, count, replicates), rng)
        return not next(one.best for one in finding.candidates if one.assignment["x"] == 0)

    return fires


def _single(world: str, count: int, replicates: int) -> Callable[[Any], bool]:
    """Say whether a single best was found."""

    def fires(rng: Any) -> bool:
        return _found(WORLDS[world](rng, count, replicates), rng).verdict is Verdict.SUPPORTED

    return fires


def _missed(count: int, replicates: int, gap: float) -> Callable[[Any], bool]:
    """Say whether some gap from the planted best lies outside its interval."""

    def fires(rng: Any) -> bool:
        values = rng.normal(size=(count, replicates))
        values[0] += gap
        listed = _found(values, rng).candidates
        return any(one.gap is not None and one.gap.high < gap * (one.assignment["x"] != 0) for one in listed)

    return fires


def _picked(count: int, replicates: int, gap: float) -> Callable[[Any], bool]:
    """Say whether the planted best, and it alone, was found to be the best."""

    def fires(rng: Any) -> bool:
        values = rng.normal(size=(count, replicates))
        values[0] += gap
        finding = _found(values, rng)
        return finding.verdict is Verdict.SUPPORTED and finding.candidates[0].assignment["x"] == 0

    return fires


def _cells() -> Iterator[Cell]:
    for count, replicates in SIZES:
        for world in WORLDS:
            said = f"{world}: one is told from the best"
            yield _cell(said, count, replicates, _excluded(world, count, replicates))
        yield _cell("all equal: a single best", count, replicates, _single("all equal", count, replicates))
    for count, replicates, gap, power in PLANTED:
        world = f"one is better by {gap:g} sd"
        yield _cell(f"{world}: a gap is beyond its bound", count, replicates, _missed(count, replicates, gap))
        yield _cell(f"{world}: it is found", count, replicates, _picked(count, replicates, gap), power)


def _cell(world: str, count: int, replicates: int, fires: Callable[[Any], bool], power: float | None = None) -> Cell:
    size, rate = f"{count} conditions x {replicates} replicates", ALPHA if power is None else power
    return Cell("optimum", world, size, planted=power is not None, rate=rate, fires=fires, slow=count == MANY)


CELLS: tuple[Cell, ...] = tuple(_cells())
