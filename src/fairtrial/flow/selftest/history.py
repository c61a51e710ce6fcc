"""Worlds of a history: series of runs without a change, and with one."""

from __future__ import annotations

from functools import partial
from typing import Any

from fairtrial.flow.selftest.cell import Cell

ALPHA, REPEATS = 0.001, 999


def fires(rng: Any, *, runs: int, step: float) -> bool:
    """Say whether a change is found in a series of noise 1 whose second half lies `step` higher."""
    from fairtrial.stats.history import splits

    values = rng.normal(0.0, 1.0, runs)
    values[runs // 2 :] += step
    return bool(splits(values.tolist(), alpha=ALPHA, repeats=REPEATS, rng=rng))


def _cell(world: str, runs: int, rate: float, *, step: float = 0.0, slow: bool = False) -> Cell:
    return Cell("history", world, f"{runs} runs", step > 0, rate, partial(fires, runs=runs, step=step), slow)


CELLS: tuple[Cell, ...] = (
    _cell("no change", 20, ALPHA),
    _cell("no change", 40, ALPHA, slow=True),
    _cell("step of 3 sd", 20, 0.7, step=3.0),
    _cell("step of 4 sd", 20, 0.95, step=4.0),
    _cell("step of 2 sd", 40, 0.85, step=2.0, slow=True),
)
