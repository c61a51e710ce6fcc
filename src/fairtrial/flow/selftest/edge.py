"""Self-test of the search for an edge: levels beyond it that are called safe, and edges that are found."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from fairtrial.flow.selftest.cell import Cell
from fairtrial.stats.edge import Climb, Listed, Rail, Ranged, kept, share

ALPHA, LIMIT, EDGE = 0.05, 0.02, 9.3
LOG, WHOLE = Ranged(1.0, 64.0, log=True), Ranged(1, 64, integer=True)
LEVELS = Listed([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0])
Curve = Callable[[float], float]


def steep(level: float) -> float:
    """Return a latency that grows with the square of the load, and reaches its limit at the edge."""
    return LIMIT * (level / EDGE) ** 2


def knee(level: float) -> float:
    """Return the latency of a queue: it doubles where the load is half of what can be served."""
    room = 1 - level / (2 * EDGE)
    return LIMIT / 2 / room if room > 0 else 100 * LIMIT


def shelf(level: float) -> float:
    """Return a latency that is exactly at its limit from the edge on: no load could be harder to tell."""
    return LIMIT * (0.5 if level <= EDGE else 1.0)


def searched(rng: Any, *, rail: Rail, curve: Curve, replicates: int, noise: float) -> Climb:
    """Search the edge of one curve."""
    climb, level = Climb(rail), share(ALPHA, rail)
    while (load := climb.level()) is not None:
        values = curve(load) * (1 + noise * rng.standard_normal(replicates))
        climb.tell(load, safe=kept(values.tolist(), LIMIT, most=True, alpha=level))
    return climb


def beyond(rng: Any, **how: Any) -> bool:
    """Say whether a level beyond the edge is called safe."""
    safe = searched(rng, **how).safe
    return safe is not None and safe > EDGE


def near(rng: Any, *, within: float, **how: Any) -> bool:
    """Say whether the largest safe level lies below the edge, and at most a share of it."""
    safe = searched(rng, **how).safe
    return safe is not None and EDGE * (1 - within) <= safe <= EDGE


def _cell(world: str, rail: Rail, curve: Curve, *, power: float | None = None, replicates: int = 5, **how: Any) -> Cell:
    names = {id(LOG): "1 to 64, log", id(WHOLE): "1 to 64, whole", id(LEVELS): "7 levels"}
    within = how.pop("within", 0.0)
    slow = how.pop("slow", False)
    asked = partial(beyond) if power is None else partial(near, within=within)
    said = f"{world}, noise {how['noise']:.0%}"
    return Cell(
        "edge",
        said if power is None else f"{said}: found to within {within:.0%}",
        f"{names[id(rail)]} x {replicates} replicates",
        planted=power is not None,
        rate=ALPHA if power is None else power,
        fires=partial(asked, rail=rail, curve=curve, replicates=replicates, **how),
        slow=slow,
    )


CELLS: tuple[Cell, ...] = (
    _cell("latency at its limit everywhere beyond the edge", LOG, shelf, noise=0.05),
    _cell("latency at its limit everywhere beyond the edge", WHOLE, shelf, noise=0.05, replicates=3, slow=True),
    _cell("latency at its limit everywhere beyond the edge", LEVELS, shelf, noise=0.2),
    _cell("latency grows with the square of the load", LOG, steep, noise=0.1, slow=True),
    _cell("latency of a queue", LOG, knee, noise=0.1, replicates=3, slow=True),
    _cell("latency grows with the square of the load", LOG, steep, power=0.9, within=0.1, noise=0.05),
    _cell("latency of a queue", LOG, knee, power=0.95, within=0.2, noise=0.05, slow=True),
    _cell("latency of a queue", WHOLE, knee, power=0.7, within=0.3, noise=0.05, replicates=3, slow=True),
    _cell("latency grows with the square of the load", LEVELS, steep, power=0.9, within=0.2, noise=0.1),
)
