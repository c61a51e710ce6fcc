"""Self-test of scaling: growth where there is none, a plateau where growth goes on, intervals that miss the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from fairtrial.analyse.curve.scaling import scaling
from fairtrial.analyse.data import Data, data
from fairtrial.flow.selftest.cell import Cell, sized
from fairtrial.model.curve import ScalingFinding
from fairtrial.model.finding import Verdict
from fairtrial.model.run import Measurements
from fairtrial.model.study import Direction, Metric
from fairtrial.stats.scaling import POWER

LOSS = (Metric("loss", Direction.MINIMIZE),)
LEAST, MOST = 10.0, 20_000.0
"""The sizes run from one to the other in equal steps of their logarithm."""

Law = Callable[[Any], Any]


def sizes(count: int) -> Any:
    """Return that many sizes."""
    return np.geomspace(LEAST, MOST, count)


def grown(x: Any, arms: Mapping[str, Any], *, shift: int = 0) -> Measurements:
    """Make measurements of a loss: an arm is a table of sizes x replicates.

    Replicate j has the seed j in the first arm, j + shift in the second, and so on.
    """
    shapes = [(place, name, *table.shape) for place, (name, table) in enumerate(arms.items())]
    values = [value for table in arms.values() for value in table.ravel().tolist()]
    replicate = [number for _, _, levels, width in shapes for _ in range(levels) for number in range(width)]
    arm = [(place, name) for place, name, levels, width in shapes for _ in range(levels * width)]
    return Measurements(
        run=1,
        number=range(1, len(values) + 1),
        variant=[name for _, name in arm],
        replicate=replicate,
        seed=[number + place * shift for number, (place, _) in zip(replicate, arm, strict=True)],
        status=["done"] * len(values),
        failure=[""] * len(values),
        factors={"n": [size for _, _, _, width in shapes for size in x.tolist() for _ in range(width)]},
        metrics={"loss": values},
    )


def noisy(law: Law, x: Any, replicates: int, noise: float, rng: Any) -> Any:
    """Return sizes x replicates around a law, with a relative noise, and half as much that a replicate shares."""
    own = rng.standard_normal((len(x), replicates))
    shared = rng.standard_normal(replicates)
    return law(x)[:, None] * (1 + noise * own + noise / 2 * shared)


def flat(x: Any) -> Any:
    """Return an error that does not fall."""
    return np.full(len(x), 0.5)


def power(x: Any) -> Any:
    """Return an error that falls by a power law to 0.3."""
    return 0.3 + 2.0 * x**-0.4


def endless(x: Any) -> Any:
    """Return an error that falls by a power law to 0."""
    return 1.5 * x**-0.2


def logarithm(x: Any) -> Any:
    """Return an error that falls with the logarithm."""
    return 1.0 - 0.07 * np.log(x)


def weak(x: Any) -> Any:
    """Return an error that falls by 10 % over the range."""
    return 0.5 * (1 - 0.1 * np.log(x / LEAST) / np.log(MOST / LEAST))


def _found(law: Law, count: int, replicates: int, noise: float, rng: Any) -> ScalingFinding:
    x = sizes(count)
    found: Data = data(grown(x, {"": noisy(law, x, replicates, noise, rng)}))
    return scaling(found, LOSS, metric="loss", factor="n")


def _improves(rng: Any, *, law: Law, count: int, replicates: int, noise: float) -> bool:
    return _found(law, count, replicates, noise, rng).verdict is Verdict.SUPPORTED


def _levels_off(rng: Any, *, law: Law, count: int, replicates: int, noise: float) -> bool:
    return _found(law, count, replicates, noise, rng).plateau is not None


def _covers(rng: Any, *, name: str, truth: float, count: int, replicates: int, noise: float) -> bool:
    found = _found(power, count, replicates, noise, rng)
    interval = found.parameters.get(name) if found.chosen == POWER else None
    return interval is not None and interval.low <= truth <= interval.high


_cell = partial(sized, "scaling")
CELLS: tuple[Cell, ...] = (
    _cell("flat", 0.05, _improves, design=(5, 3, 0.05), planted=False, law=flat),
    _cell("flat", 0.05, _improves, design=(8, 5, 0.2), planted=False, slow=True, law=flat),
    _cell("no plateau (logarithm)", 0.05, _levels_off, design=(8, 5, 0.02), planted=False, slow=True, law=logarithm),
    _cell("no plateau (power law)", 0.05, _levels_off, design=(8, 3, 0.05), planted=False, slow=True, law=endless),
    _cell("falls by 10 %", 0.9, _improves, design=(8, 5, 0.05), planted=True, law=weak),
    _cell("plateau", 0.95, _levels_off, design=(8, 5, 0.02), planted=True, law=power),
    _cell("interval of alpha holds it", 0.9, _covers, design=(8, 5, 0.05), planted=True, name="alpha", truth=0.4),
    _cell("interval of E holds it", 0.9, _covers, design=(8, 3, 0.02), planted=True, slow=True, name="E", truth=0.3),
    _cell("interval of A holds it", 0.9, _covers, design=(6, 10, 0.02), planted=True, slow=True, name="A", truth=2.0),
)
