"""Self-test of saturation: knees on lines and flats, capacities and places of true knees, peaks on plateaus."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from fairtrial.analyse.curve.saturation import saturation
from fairtrial.flow.selftest.cell import Cell
from fairtrial.flow.selftest.threshold import FACTOR, METRIC, measured
from fairtrial.model.curve import SaturationFinding
from fairtrial.model.study import Direction

DOUBLED = 2.0 ** np.arange(6)
COUNTED = np.arange(1.0, 11.0) * 2
FEW = np.array([1.0, 4.0, 8.0, 16.0, 32.0])

Law = Callable[[Any], Any]


def flat(x: Any) -> Any:
    """Return a throughput that does not depend on the load."""
    return np.full(len(x), 100.0)


def line(x: Any) -> Any:
    """Return an ideal system that never saturates."""
    return 100.0 * x


def affine(x: Any) -> Any:
    """Return a straight line that does not start at 0."""
    return 200.0 + 30.0 * x


def hinge(x: Any) -> Any:
    """Return an ideal system that saturates at 8 and at 800."""
    return 100.0 * np.minimum(x, 8.0)


def hyperbola(x: Any) -> Any:
    """Return a system with contention: its asymptotes cross at 6, its capacity is 1000."""
    return 1000.0 * x / (6.0 + x)


def exponential(x: Any) -> Any:
    """Return a system that approaches 800, with a scale of 8."""
    return -800.0 * np.expm1(-x / 8.0)


def retrograde(x: Any) -> Any:
    """Return the Universal Scalability Law with its peak at 15.4."""
    return 100.0 * x / (1 + 0.05 * (x - 1) + 0.004 * x * (x - 1))


def waiting(x: Any) -> Any:
    """Return a response time that is flat up to 8 and grows from there."""
    return 0.01 * np.maximum(1.0, x / 8.0)


def drawn(
    rng: Any,
    law: Law,
    *,
    x: Any = DOUBLED,
    replicates: int = 3,
    noise: float = 0.05,
    direction: Direction = Direction.MAXIMIZE,
) -> SaturationFinding:
    """Draw one sweep with noise in proportion to the value, and look for its knee."""
    table = law(x)[:, None] * (1 + noise * rng.standard_normal((len(x), replicates)))
    return saturation(measured(x, {METRIC: table}), metric=METRIC, factor=FACTOR, direction=direction)


def knee(rng: Any, law: Law, **how: Any) -> bool:
    """Say whether a knee is found."""
    return drawn(rng, law, **how).knee is not None


def held(rng: Any, law: Law, place: float, **how: Any) -> bool:
    """Say whether a knee is found whose interval holds the true place."""
    interval = drawn(rng, law, **how).knee_interval
    return interval is not None and interval.low <= place <= interval.high


def near(rng: Any, law: Law, capacity: float, **how: Any) -> bool:
    """Say whether the capacity is found within 15 %."""
    found = drawn(rng, law, **how).capacity
    return found is not None and abs(found / capacity - 1) < 0.15


def peak(rng: Any, law: Law, **how: Any) -> bool:
    """Say whether retrograde throughput is seen."""
    return drawn(rng, law, **how).peak is not None


def _null(detector: str, world: str, size: str, fires: Callable[[Any], bool], *, slow: bool = False) -> Cell:
    return Cell(detector, world, size, planted=False, rate=0.05, fires=fires, slow=slow)


def _planted(
    detector: str, world: str, size: str, rate: float, fires: Callable[[Any], bool], *, slow: bool = False
) -> Cell:
    return Cell(detector, world, size, planted=True, rate=rate, fires=fires, slow=slow)


USUAL, LONG, SHORT, MANY = "1 … 32 x 3 replicates", "2 … 20 x 3 replicates", "5 levels x 3 replicates", "1 … 32 x 5"
LATENCY = {"direction": Direction.MINIMIZE}
CELLS: tuple[Cell, ...] = (
    _null("knee", "flat, noise 5 %", USUAL, partial(knee, law=flat), slow=True),
    _null("knee", "flat, noise 20 %", LONG, partial(knee, law=flat, x=COUNTED, noise=0.2), slow=True),
    _null("knee", "line, noise 5 %", USUAL, partial(knee, law=line), slow=True),
    _null("knee", "line, noise 20 %", USUAL, partial(knee, law=line, noise=0.2), slow=True),
    _null("knee", "line with offset, noise 5 %", USUAL, partial(knee, law=affine)),
    _null("knee", "line with offset, noise 5 %", LONG, partial(knee, law=affine, x=COUNTED), slow=True),
    _null("knee", "line, noise 10 %", SHORT, partial(knee, law=line, x=FEW, noise=0.1), slow=True),
    _null("knee", "line, noise 5 %", MANY, partial(knee, law=line, replicates=5), slow=True),
    _planted("knee", "ideal up to 8, noise 5 %", USUAL, 0.95, partial(knee, law=hinge)),
    _planted("knee", "ideal up to 8, noise 5 %", LONG, 0.95, partial(knee, law=hinge, x=COUNTED), slow=True),
    _planted("knee", "ideal up to 8, noise 5 %", SHORT, 0.95, partial(knee, law=hinge, x=FEW), slow=True),
    _planted("knee", "contention, noise 5 %", USUAL, 0.95, partial(knee, law=hyperbola), slow=True),
    _planted("knee", "exponential approach, noise 5 %", USUAL, 0.95, partial(knee, law=exponential), slow=True),
    _planted("knee", "ideal up to 8, noise 20 %", USUAL, 0.95, partial(knee, law=hinge, noise=0.2), slow=True),
    _planted("place of a knee", "ideal up to 8, noise 5 %", USUAL, 0.9, partial(held, law=hinge, place=8.0)),
    _planted(
        "place of a knee", "contention, noise 5 %", USUAL, 0.85, partial(held, law=hyperbola, place=6.0), slow=True
    ),
    _planted("capacity within 15 %", "ideal up to 8, noise 5 %", USUAL, 0.95, partial(near, law=hinge, capacity=800.0)),
    _planted(
        "capacity within 15 %",
        "contention, noise 5 %",
        USUAL,
        0.9,
        partial(near, law=hyperbola, capacity=1000.0),
        slow=True,
    ),
    _planted(
        "capacity within 15 %",
        "exponential approach, noise 5 %",
        USUAL,
        0.9,
        partial(near, law=exponential, capacity=800.0),
        slow=True,
    ),
    _null("retrograde", "ideal up to 8, noise 5 %", USUAL, partial(peak, law=hinge), slow=True),
    _null(
        "retrograde", "exponential approach, noise 10 %", USUAL, partial(peak, law=exponential, noise=0.1), slow=True
    ),
    _planted("retrograde", "peak at 15.4, noise 5 %", USUAL, 0.95, partial(peak, law=retrograde), slow=True),
    _null("knee of a latency", "flat, noise 10 %", USUAL, partial(knee, law=flat, noise=0.1, **LATENCY), slow=True),
    _null("knee of a latency", "line, noise 10 %", USUAL, partial(knee, law=affine, noise=0.1, **LATENCY), slow=True),
    _planted(
        "knee of a latency", "grows from 8, noise 10 %", USUAL, 0.95, partial(knee, law=waiting, noise=0.1, **LATENCY)
    ),
)
