"""Self-test of thresholds: changes where there are none, steps where there is a line, places that miss the step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from fairtrial.analyse.curve.threshold import threshold
from fairtrial.analyse.data import Data, data
from fairtrial.flow.selftest.cell import Cell
from fairtrial.flow.selftest.noise import Noise, heavy, normal, shared
from fairtrial.model.curve import ThresholdFinding
from fairtrial.model.finding import Verdict
from fairtrial.model.run import Measurements

FACTOR, METRIC = "load", "value"
STEP = 0.45
"""Where the planted step lies, on levels from 0 to 1."""


def measured(x: Any, tables: Mapping[str, Any]) -> Data:
    """Make data of one factor: tables of levels x replicates; a trial failed where its value is NaN."""
    levels, replicates = next(iter(tables.values())).shape
    trials = levels * replicates
    repeated = np.tile(np.arange(replicates), levels).tolist()
    done = np.logical_and.reduce([np.isfinite(table) for table in tables.values()]).ravel().tolist()
    return data(
        Measurements(
            run=1,
            number=range(1, trials + 1),
            variant=[""] * trials,
            replicate=repeated,
            seed=repeated,
            status=["done" if one else "failed" for one in done],
            failure=["" if one else "crash" for one in done],
            factors={FACTOR: np.repeat(np.asarray(x, dtype=np.float64), replicates).tolist()},
            metrics={name: table.ravel().tolist() for name, table in tables.items()},
        )
    )


def uneven(rng: Any, shape: tuple[int, int]) -> Any:
    """Draw noise of sd 1, and of sd 10 at the last level."""
    return rng.standard_normal(shape) * np.where(np.arange(shape[0]) == shape[0] - 1, 10.0, 1.0)[:, None]


def growing(rng: Any, shape: tuple[int, int]) -> Any:
    """Draw noise that grows from level to level, from sd 1 to sd 3."""
    return rng.standard_normal(shape) * np.geomspace(1.0, 3.0, shape[0])[:, None]


def gaps(rng: Any, shape: tuple[int, int]) -> Any:
    """Draw noise of sd 1, a tenth of it missing."""
    return np.where(rng.random(shape) < 0.1, np.nan, rng.standard_normal(shape))


def flat(x: Any) -> Any:
    """Return no effect."""
    return np.zeros(len(x))


def step(x: Any, height: float) -> Any:
    """Return a step between the levels around STEP."""
    return height * (x > STEP)


def line(x: Any, rise: float) -> Any:
    """Return a straight line that rises by so much over the range."""
    return rise * (x - x[0]) / (x[-1] - x[0])


def logarithm(x: Any, rise: float) -> Any:
    """Return a line in the order of geometric levels."""
    return line(np.log(x), rise)


def drawn(
    rng: Any, law: Callable[[Any], Any], *, replicates: int = 5, x: Any = None, noise: Noise = normal
) -> ThresholdFinding:
    """Draw one study and look for its threshold."""
    levels = np.linspace(0.0, 1.0, 8) if x is None else x
    table = law(levels)[:, None] + noise(rng, (len(levels), replicates))
    return threshold(measured(levels, {METRIC: table}), metric=METRIC, factor=FACTOR, completeness=0.5)


def changes(rng: Any, law: Callable[[Any], Any], **how: Any) -> bool:
    """Say whether a change is found."""
    return drawn(rng, law, **how).place is not None


def steps(rng: Any, law: Callable[[Any], Any], **how: Any) -> bool:
    """Say whether a step is found, told from a trend."""
    return drawn(rng, law, **how).verdict is Verdict.SUPPORTED


def denies(rng: Any, law: Callable[[Any], Any], **how: Any) -> bool:
    """Say whether a step is shown not to hold."""
    return drawn(rng, law, **how).verdict is Verdict.NOT_SUPPORTED


def covers(rng: Any, law: Callable[[Any], Any], **how: Any) -> bool:
    """Draw studies until a change is found, and say whether the interval of its place holds the step."""
    while True:
        interval = drawn(rng, law, **how).place_interval
        if interval is not None:
            return interval.low <= STEP <= interval.high


def _change(world: str, size: str, rate: float, fires: Callable[[Any], bool], *, slow: bool = False) -> Cell:
    return Cell("threshold", world, size, planted=rate > 0.05, rate=rate, fires=fires, slow=slow)


def _step(world: str, size: str, rate: float, fires: Callable[[Any], bool], *, slow: bool = False) -> Cell:
    return Cell("step, not trend", world, size, planted=rate > 0.05, rate=rate, fires=fires, slow=slow)


def _denied(world: str, size: str, rate: float, fires: Callable[[Any], bool], *, slow: bool = False) -> Cell:
    return Cell("step denied", world, size, planted=rate > 0.05, rate=rate, fires=fires, slow=slow)


GEOMETRIC = 2.0 ** np.arange(8)
SMALL, USUAL, LARGE = "8 levels x 3 replicates", "8 levels x 5 replicates", "8 levels x 10 replicates"
CELLS: tuple[Cell, ...] = (
    _change("flat", USUAL, 0.05, partial(changes, law=flat)),
    _change("flat", SMALL, 0.05, partial(changes, law=flat, replicates=3), slow=True),
    _change("flat", LARGE, 0.05, partial(changes, law=flat, replicates=10), slow=True),
    _change("flat, heavy tails", USUAL, 0.05, partial(changes, law=flat, noise=heavy), slow=True),
    _change("flat, replicates differ", USUAL, 0.05, partial(changes, law=flat, noise=shared), slow=True),
    _change("flat, the last level 10 times as noisy", USUAL, 0.05, partial(changes, law=flat, noise=uneven), slow=True),
    _change("flat, noise grows by a factor of 3", USUAL, 0.05, partial(changes, law=flat, noise=growing), slow=True),
    _change("flat, a tenth missing", USUAL, 0.05, partial(changes, law=flat, noise=gaps), slow=True),
    _change("step of 1 sd", USUAL, 0.65, partial(changes, law=partial(step, height=1.0))),
    _change("step of 2 sd", USUAL, 0.95, partial(changes, law=partial(step, height=2.0))),
    _change("step of -2 sd", SMALL, 0.9, partial(changes, law=partial(step, height=-2.0), replicates=3), slow=True),
    _change(
        "step of 1 sd, replicates differ", USUAL, 0.65, partial(changes, law=partial(step, height=1.0), noise=shared)
    ),
    _step("flat", USUAL, 0.05, partial(steps, law=flat), slow=True),
    _step("line that rises by 1 sd", USUAL, 0.05, partial(steps, law=partial(line, rise=1.0)), slow=True),
    _step("line that rises by 2 sd", USUAL, 0.05, partial(steps, law=partial(line, rise=2.0))),
    _step("line that rises by 4 sd", USUAL, 0.05, partial(steps, law=partial(line, rise=4.0)), slow=True),
    _step(
        "line that rises by 2 sd", LARGE, 0.05, partial(steps, law=partial(line, rise=2.0), replicates=10), slow=True
    ),
    _step(
        "line that rises by 3 sd over 1, 2, 4 … 128",
        USUAL,
        0.05,
        partial(steps, law=partial(line, rise=3.0), x=GEOMETRIC),
        slow=True,
    ),
    _step(
        "logarithm that rises by 3 sd over 1, 2, 4 … 128",
        USUAL,
        0.05,
        partial(steps, law=partial(logarithm, rise=3.0), x=GEOMETRIC),
        slow=True,
    ),
    _step("step of 2 sd", USUAL, 0.65, partial(steps, law=partial(step, height=2.0))),
    _step("step of 3 sd", USUAL, 0.95, partial(steps, law=partial(step, height=3.0)), slow=True),
    _denied("flat", USUAL, 0.05, partial(denies, law=flat), slow=True),
    _denied("step of 1 sd", USUAL, 0.05, partial(denies, law=partial(step, height=1.0)), slow=True),
    _denied("step of 2 sd", USUAL, 0.05, partial(denies, law=partial(step, height=2.0))),
    _denied("step of 2 sd", SMALL, 0.05, partial(denies, law=partial(step, height=2.0), replicates=3), slow=True),
    _denied("line that rises by 4 sd", USUAL, 0.9, partial(denies, law=partial(line, rise=4.0))),
    Cell(
        "place of a threshold",
        "step of 2 sd: its 95 % interval holds it",
        USUAL,
        planted=True,
        rate=0.95,
        fires=partial(covers, law=partial(step, height=2.0)),
    ),
    Cell(
        "place of a threshold",
        "step of 1 sd: its 95 % interval, where found, holds it",
        USUAL,
        planted=True,
        rate=0.95,
        fires=partial(covers, law=partial(step, height=1.0)),
        slow=True,
    ),
)
