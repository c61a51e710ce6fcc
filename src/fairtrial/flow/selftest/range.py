"""Self-test of the operating range: unsafe levels that are called safe, safe ones that are not found."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from fairtrial.analyse.curve.range import operating_range
from fairtrial.flow.selftest.cell import Cell
from fairtrial.flow.selftest.threshold import FACTOR, measured
from fairtrial.model.claim import Clause

LOADS = 2.0 ** np.arange(5)
LATENCY, SUCCESS = Clause("latency", "max", 0.02), Clause("success", "min", 0.99)
MARGINAL = np.array([0.01, 0.012, 0.015, 0.02, 0.05])
"""Latency reaches its limit at the fourth level: the first that is not safe."""
DIPPING = np.array([0.01, 0.02, 0.01, 0.01, 0.05])
"""The second level is not safe, the third and fourth look so."""
CLEAR = np.array([0.01, 0.011, 0.012, 0.04, 0.08])
"""Safe up to the third level, and clearly not from the fourth on."""
FALLING = np.array([0.999, 0.998, 0.997, 0.99, 0.9])
"""Success falls to its limit at the fourth level too."""


def edge(rng: Any, latency: Any, success: Any = None, *, replicates: int = 5, noise: float = 0.1) -> float | None:
    """Draw one sweep and return the edge of its range."""
    shape = (len(LOADS), replicates)
    tables = {"latency": latency[:, None] * (1 + noise * rng.standard_normal(shape))}
    if success is not None:
        tables["success"] = success[:, None] + 0.002 * rng.standard_normal(shape)
    clauses = (LATENCY,) if success is None else (LATENCY, SUCCESS)
    return operating_range(measured(LOADS, tables), factor=FACTOR, clauses=clauses).edge


def beyond(rng: Any, latency: Any, success: Any = None, *, unsafe: int, **how: Any) -> bool:
    """Say whether a level from the first unsafe one on is called safe."""
    found = edge(rng, latency, success, **how)
    return found is not None and found >= LOADS[unsafe]


def exactly(rng: Any, latency: Any, *, last: int, **how: Any) -> bool:
    """Say whether the range ends where it truly does."""
    found = edge(rng, latency, **how)
    return found is not None and found == float(LOADS[last])


def _null(world: str, size: str, fires: Callable[[Any], bool], *, slow: bool = False) -> Cell:
    return Cell("operating range", world, size, planted=False, rate=0.05, fires=fires, slow=slow)


USUAL, SMALL = "5 levels x 5 replicates", "5 levels x 3 replicates"
CELLS: tuple[Cell, ...] = (
    _null("the 4th level reaches the limit, noise 10 %", USUAL, partial(beyond, latency=MARGINAL, unsafe=3)),
    _null(
        "the 4th reaches it, noise 5 %", SMALL, partial(beyond, latency=MARGINAL, unsafe=3, replicates=3, noise=0.05)
    ),
    _null("the 2nd level reaches the limit, later ones do not", USUAL, partial(beyond, latency=DIPPING, unsafe=1)),
    _null(
        "two service levels reach their limits",
        USUAL,
        partial(beyond, latency=MARGINAL, success=FALLING, unsafe=3),
        slow=True,
    ),
    Cell(
        "operating range",
        "ends clearly at the 3rd level, noise 10 %",
        USUAL,
        planted=True,
        rate=0.95,
        fires=partial(exactly, latency=CLEAR, last=2),
    ),
    Cell(
        "operating range",
        "ends clearly at the 3rd level, noise 10 %",
        SMALL,
        planted=True,
        rate=0.85,
        fires=partial(exactly, latency=CLEAR, last=2, replicates=3),
    ),
)
