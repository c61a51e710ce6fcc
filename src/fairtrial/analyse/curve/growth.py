"""A metric along a size, with the laws fitted to it and to bootstrap draws of it: what scaling and crossover share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.analyse.curve.levels import Ladder, ladder
from fairtrial.analyse.data import Data, arm
from fairtrial.errors import UnknownName, UserError
from fairtrial.model.curve import Curve, Fit
from fairtrial.model.finding import Caution, CautionKind, Interval
from fairtrial.model.study import Direction, Metric
from fairtrial.model.words import number
from fairtrial.stats.multiplier import METHOD, drawn, moderated
from fairtrial.stats.resample import percentile
from fairtrial.stats.scaling import COUNT, FLAT, LOG, POWER, Fits, Fitted, Task, fits
from fairtrial.stats.summary import Floats, Integers

DRAWS = 599
"""With 599 draws the ends of a 95 % interval are draws: (599 + 1) x 0.025 = 15."""
STEPS = 65
"""Places at which a curve is drawn and looked at."""


@dataclass(frozen=True, slots=True)
class Growth:
    """A metric along a size in one arm, and what is fitted to it."""

    ladder: Ladder
    replicates: Integers
    """The replicates in the order of the ladder's values."""
    seeds: Mapping[int, int]
    """Replicate -> its seed."""
    x: Floats
    """The sizes that are fitted: with two values at least, where any size has two."""
    values: Floats
    """Sizes x replicates, NaN where missing."""
    fits: Fits | None
    """The laws fitted to the means; None below two sizes."""

    @property
    def law(self) -> Fitted:
        """Return the law that fits best."""
        assert self.fits is not None
        return self.fits.laws[int(self.fits.choice[0])]

    @property
    def means(self) -> Floats:
        """Return the mean at each size."""
        return np.asarray(np.nanmean(self.values, axis=1), dtype=np.float64)

    def at(self, x: Floats) -> Floats:
        """Return what the chosen law says at the sizes x."""
        return np.asarray(self.law.at(x)[0], dtype=np.float64)

    def drawn(self, multipliers: Floats) -> Fits | None:
        """Fit the laws to bootstrap draws; None below two replicates.

        The floor of E is not imposed on them: a bound cuts an interval, it does not shift it.
        """
        if self.fits is None or self.values.shape[1] < 2 or np.isnan(multipliers).any():
            return None
        task = self.fits.task
        free = Task(task.x, task.variance, task.df, falling=task.falling, bounded=False)
        return fits(free, drawn(self.values, multipliers))


def growth(found: Data, metric: Metric, factor: str, *, variant: str | None = None, level: float = 0.95) -> Growth:
    """Arrange a metric along a size in one arm and fit the laws. Raises UnknownName, UserError.

    A metric without direction is taken to fall or rise as its means do.
    """
    measured = ladder(found, metric.name, factor, variant=variant, level=level)
    keep = np.ones(len(found), dtype=np.bool_) if variant is None else arm(found, variant)
    rows = np.flatnonzero((found.factor(factor).codes >= 0) & keep)
    below = [point.level for point in measured.points if point.x <= 0]
    if below:
        raise UserError(f"{factor} is no size: its level {below[0]} is not above 0", hint="laws of growth need sizes")
    n = np.isfinite(measured.values).sum(axis=1)
    kept = n >= min(2, int(n.max(initial=1)))
    x, values = measured.x[kept], measured.values[kept]
    return Growth(
        ladder=measured,
        replicates=np.unique(found.replicate[rows]),
        seeds={int(found.replicate[row]): int(found.measured.seed[row]) for row in rows.tolist()},
        x=x,
        values=values,
        fits=None if len(x) < 2 else fits(_task(x, values, metric.direction), np.nanmean(values, axis=1)[None]),
    )


def named(metrics: Sequence[Metric], name: str) -> Metric:
    """Return a metric by name. Raises UnknownName."""
    for metric in metrics:
        if metric.name == name:
            return metric
    raise UnknownName("metric", name, [metric.name for metric in metrics])


def described(found: Fits, means: Floats, intervals: Mapping[str, Mapping[str, Interval]]) -> tuple[Fit, ...]:
    """List the laws as records, best first; `intervals` are by law and parameter."""
    task = found.task
    criterion = found.criterion[:, 0]
    weight = np.exp(-(criterion - criterion.min()) / 2)
    made = []
    for place in np.argsort(criterion, kind="stable").tolist():
        law = found.laws[place]
        rest = means - law.at(task.x)[0]
        away = means - means.mean()
        total = float(away @ away)
        made.append(
            Fit(
                model=law.law,
                parameters={name: float(value[0]) for name, value in law.parameters.items()},
                criterion=float(criterion[place]),
                weight=float(weight[place] / weight.sum()),
                residual_sd=float(np.sqrt(rest @ rest / max(len(task.x) - COUNT[law.law], 1))),
                r_squared=None if not total else float(1 - rest @ rest / total),
                intervals=intervals.get(law.law, {}),
            )
        )
    return tuple(made)


def parameter_intervals(law: Fitted, draws: Fits, level: float, task: Task) -> dict[str, Interval]:
    """Return the interval of each parameter of a law; E is cut off where the task bounds it."""
    (same,) = (other for other in draws.laws if other.law == law.law)
    found = {}
    for name, values in same.parameters.items():
        cut = np.maximum(values, 0.0) if task.bounded and name == "E" else values
        found[name] = Interval(*percentile(cut, level), level, METHOD)
    return found


def still(found: Growth, metric: str) -> Iterator[Caution]:
    """Say where the replicates of a metric do not differ, so that no interval speaks of noise."""
    if found.fits is not None and found.values.shape[1] > 1 and not found.fits.task.df:
        yield Caution(
            CautionKind.DEGENERATE,
            f"The replicates of {metric} do not differ, so its intervals have no width.",
            "Check that the seed reaches the system, or read the metric as exact.",
        )


def slopes(found: Growth) -> Floats:
    """Return the change over the range that the logarithm of the size explains in each complete replicate."""
    whole = found.values[:, ~np.isnan(found.values).any(axis=0)]
    if len(found.x) < 2:
        return np.empty(0)
    log = np.log(found.x)
    away = log - log.mean()
    change: Floats = (away @ whole) / (away @ away) * (log[-1] - log[0])
    return change


def bands(draws: Floats, level: float) -> tuple[Floats, Floats]:
    """Return the percentile interval of each column of draws."""
    low, high = percentile(np.arange(len(draws)), level)
    ordered = np.sort(draws, axis=0)
    return ordered[int(low)], ordered[int(high)]


def curve(found: Growth, draws: Fits | None, level: float) -> Curve | None:
    """Return the chosen law over the sizes measured; its band also counts that another law may be the right one."""
    if found.fits is None:
        return None
    x = np.geomspace(found.x[0], found.x[-1], STEPS)
    x[0], x[-1] = found.x[0], found.x[-1]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    if draws is not None:
        low, high = (tuple(end.tolist()) for end in bands(draws.at(x), level))
    return Curve(tuple(x.tolist()), tuple(found.at(x).tolist()), low, high)


def formula(law: Fitted, factor: str) -> str:
    """Write a fitted law, `0.31 + 2.1 N^-0.42`."""
    value = {name: float(values[0]) for name, values in law.parameters.items()}
    if law.law == FLAT:
        return number(value["mean"])
    if law.law == LOG:
        return f"{number(value['a'])} {_signed(value['b'])} ln({factor})"
    size = _signed(value["A"] if law.slope[0] >= 0 else -value["A"])
    if law.law == POWER:
        return f"{number(value['E'])} {size} {factor}^-{number(value['alpha'])}"
    return f"{number(value['E'])} {size} exp(-{factor} / {number(value['tau'])})"


def _signed(value: float) -> str:
    return f"{'-' if value < 0 else '+'} {number(abs(value))}"


def _task(x: Floats, values: Floats, direction: Direction) -> Task:
    variance, df = moderated(values)
    mean = np.nanmean(values, axis=1)
    falling = direction is Direction.MINIMIZE or (direction is Direction.NONE and bool(mean[-1] <= mean[0]))
    return Task(x, variance, df, falling=falling, bounded=falling and bool(np.nanmin(values) >= 0))
