"""Crossover: where the curves of two arms cross along a size, what one is worth in the other, what a budget buys."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fairtrial.analyse.arms import by_level
from fairtrial.analyse.curve.exchange import exchange, purchases
from fairtrial.analyse.curve.growth import DRAWS, STEPS, Growth, curve, growth, named, still
from fairtrial.analyse.curve.levels import doubts
from fairtrial.analyse.data import ARMS, Data
from fairtrial.analyse.doubts import reached
from fairtrial.errors import UserError
from fairtrial.model.curve import CrossoverFinding, Curve
from fairtrial.model.finding import Caution, CautionKind, Interval, Needed, Verdict
from fairtrial.model.study import Direction, Metric
from fairtrial.model.words import count, level, number, percent, span
from fairtrial.stats.crossing import changes_sign, crossing
from fairtrial.stats.multiplier import METHOD, multipliers
from fairtrial.stats.power import replicates_for, smallest_effect
from fairtrial.stats.resample import generator, percentile
from fairtrial.stats.scaling import Fits
from fairtrial.stats.student import quantile
from fairtrial.stats.summary import Floats

BEYOND = 10.0
"""How far beyond the range, as a factor, a crossing of the fitted laws is worth a caution."""


def crossover(
    found: Data,
    metrics: Sequence[Metric],
    *,
    metric: str,
    factor: str,
    arms: tuple[str, str] | None = None,
    prices: Mapping[str, float] = {},
    budgets: Sequence[float] | None = None,
    alpha: float = 0.05,
    completeness: float = 1.0,
    seed: int = 0,
) -> CrossoverFinding:
    """Look for the size at which two arms change places; the other factors are averaged within replicates.

    Laws of growth are fitted to each arm; where both were measured, their difference is followed. A crossing is
    supported when the difference has opposite signs at the two ends of that range, each shown at level `alpha`, and
    the means themselves cross; it is not supported when one arm is ahead all along in 1 - alpha of the bootstrap
    repeats. Replicates with common seeds are resampled in pairs. `prices` are per unit of the size in each arm (other
    keys are ignored); `budgets` are the costs of the sizes measured unless given. Raises UnknownName, and UserError
    for a factor that is no size, arms that are not two and a price below 0.
    """
    first, second = _two(found, arms)
    told = named(metrics, metric)
    grown = (
        growth(found, told, factor, variant=first, level=1 - alpha),
        growth(found, told, factor, variant=second, level=1 - alpha),
    )
    pair = _pair(grown, told, factor, (first, second), generator(seed, "crossover", metric, factor))
    judged = _Judged(pair, alpha, all(reached(one.ladder.share, completeness) for one in grown))
    priced = _prices(prices, (first, second))
    return CrossoverFinding(
        metric=metric,
        factor=factor,
        arms=(first, second),
        points=(grown[0].ladder.points, grown[1].ladder.points),
        curves=(_curve(pair, 0, alpha), _curve(pair, 1, alpha)),
        place=judged.place,
        place_interval=judged.place_interval,
        interpolated=pair.interpolated,
        p_none=judged.p_none,
        exchange=() if pair.draws is None else exchange(grown, pair.draws, falling=pair.falling, level=1 - alpha),
        purchases=()
        if pair.draws is None or priced is None
        else purchases(grown, pair.draws, (first, second), priced, falling=pair.falling, budgets=budgets),
        verdict=judged.verdict,
        answer=judged.answer(),
        cautions=tuple(_cautions(pair, judged, completeness)),
        needed=judged.needed,
        contrasts=by_level(found, metric=metric, factor=factor, arms=(first, second), alpha=alpha, seed=seed),
    )


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two arms, their fits and the draws of both."""

    grown: tuple[Growth, Growth]
    draws: tuple[Fits, Fits] | None
    metric: Metric
    factor: str
    arms: tuple[str, str]
    grid: Floats
    """Places over the range in which both were measured; empty where there is none."""
    difference: Floats
    """First law less the second on the grid."""
    drawn: Floats | None
    """The same of the draws, draws x grid; None where nothing can be drawn."""

    @property
    def replicates(self) -> int:
        """Return how many replicates there are, those with missing values included."""
        return max(len(one.replicates) for one in self.grown)

    @property
    def falling(self) -> bool:
        """Say whether less is better; without a direction, what the first arm tends to is."""
        if self.metric.direction is not Direction.NONE or self.grown[0].fits is None:
            return self.metric.direction is Direction.MINIMIZE
        return self.grown[0].fits.task.falling

    @property
    def interpolated(self) -> float | None:
        """Return where the means of the two arms, joined by straight lines over the logarithm of the size, cross."""
        if not len(self.grid):
            return None
        first, second = self.grown
        sizes = np.union1d(first.x, second.x)
        sizes = sizes[(sizes >= self.grid[0]) & (sizes <= self.grid[-1])]
        lines = [np.interp(np.log(sizes), np.log(one.x), one.means) for one in (first, second)]
        return _place(sizes, lines[0] - lines[1])


@dataclass(frozen=True, slots=True)
class _Judged:
    pair: _Pair
    alpha: float
    complete: bool

    @property
    def place(self) -> float | None:
        return _place(self.pair.grid, self.pair.difference)

    @property
    def p_none(self) -> float | None:
        return None if self.pair.drawn is None else float(1 - changes_sign(self.pair.drawn).mean())

    @property
    def place_interval(self) -> Interval | None:
        """Return the percentiles of the place; a draw without a crossing lies beyond the end that it points to."""
        pair = self.pair
        if self.place is None or pair.drawn is None:
            return None
        sign = math.copysign(1.0, pair.difference[np.flatnonzero(pair.difference)[0]])
        ends = np.clip(percentile(crossing(pair.grid, sign * pair.drawn), 1 - self.alpha), pair.grid[0], pair.grid[-1])
        return Interval(float(ends[0]), float(ends[1]), 1 - self.alpha, METHOD)

    def end(self, place: int) -> tuple[float, float, float]:
        """Return the difference at an end of the range (0 or -1) with the ends of its two one-sided intervals."""
        assert self.pair.drawn is not None
        low, high = percentile(self.pair.drawn[:, place], 1 - 2 * self.alpha)
        return float(self.pair.difference[place]), low, high

    @property
    def verdict(self) -> Verdict:
        drawn = self.pair.drawn
        if not self.complete or drawn is None:
            return Verdict.INCONCLUSIVE
        (_, start_low, start_high), (_, stop_low, stop_high) = self.end(0), self.end(-1)
        turned = (start_low > 0 and stop_high < 0) or (start_high < 0 and stop_low > 0)
        if turned and self.place is not None and self.pair.interpolated is not None:
            return Verdict.SUPPORTED
        ahead = max(float((drawn > 0).all(axis=1).mean()), float((drawn < 0).all(axis=1).mean()))
        return Verdict.NOT_SUPPORTED if ahead >= 1 - self.alpha or not drawn.any() else Verdict.INCONCLUSIVE

    @property
    def needed(self) -> Needed:
        """Say which difference at the less certain end would be shown, and with how many replicates this one would."""
        n = min((one.values.shape[1] for one in self.pair.grown), default=0)
        if self.pair.drawn is None or n < 2:
            return Needed(None)
        ends = [self.end(place) for place in (0, -1)]
        half = max((high - low) / 2 for _, low, high in ends)
        sd = half / quantile(n - 1, 1 - self.alpha) * math.sqrt(n)
        smallest = smallest_effect(sd, n, alpha=self.alpha, paired=True, sides=1)
        if self.verdict is not Verdict.INCONCLUSIVE or not self.complete:
            return Needed(smallest)
        least, there = min(abs(difference) for difference, _, _ in ends), self.pair.replicates
        more = replicates_for(least, sd, alpha=self.alpha, paired=True, sides=1)
        return Needed(smallest, None if more is None else max(more, there + 1))

    def answer(self) -> str:
        pair = self.pair
        first, second = pair.arms
        n = min(one.ladder.values.shape[1] for one in pair.grown)
        if not len(pair.grid):
            return f"Inconclusive: {first} and {second} have no range of {pair.factor} in common."
        where = f"in {pair.factor} from {level(float(pair.grid[0]))} to {level(float(pair.grid[-1]))}"
        seen = count(n, "replicate")
        if not self.complete:
            return (
                f"Inconclusive: fewer trials gave a value than the study asks for, so whether {first} and {second} "
                f"cross {where} is open ({seen})."
            )
        if pair.drawn is None:
            return f"Inconclusive: {seen} cannot show whether {first} and {second} cross {where}."
        interval = self.place_interval
        if self.verdict is Verdict.SUPPORTED and interval is not None and self.place is not None:
            ways = f"{self._leads(0)} below, {self._leads(-1)} above"
            at = f"{pair.factor} = {number(self.place)} ({span(interval)})"
            return f"{first} and {second} cross at {at}: {ways} ({seen})."
        none = f"{percent(self.p_none or 0.0)} of the bootstrap repeats have no crossing there, {seen}"
        if self.verdict is Verdict.NOT_SUPPORTED:
            ahead = f"{self._leads(0)} all along" if pair.drawn.any() else "they do not differ"
            return f"{first} and {second} do not cross {where}: {ahead} ({none})."
        return f"Inconclusive: whether {first} and {second} cross {where} is not shown ({self._open()}; {none})."

    def _leads(self, place: int) -> str:
        """Say which arm is ahead at an end."""
        difference = self.end(place)[0]
        first = (difference < 0) == self.pair.falling
        if self.pair.metric.direction is Direction.NONE:
            return f"{self.pair.arms[0 if difference > 0 else 1]} has more {self.pair.metric.name}"
        return f"{self.pair.arms[0 if first else 1]} is better"

    def _open(self) -> str:
        ends = [
            f"{number(difference)} ({number(low)} to {number(high)}) at {level(size)}"
            for (difference, low, high), size in zip(
                (self.end(0), self.end(-1)), self.pair.grid[[0, -1]].tolist(), strict=True
            )
        ]
        return f"{self.pair.arms[0]} less {self.pair.arms[1]} is {' and '.join(ends)}"


def _place(x: Floats, difference: Floats) -> float | None:
    """Return where a difference first changes sign, None where it does not."""
    if not len(x) or not changes_sign(difference[None, :])[0]:
        return None
    sign = math.copysign(1.0, difference[np.flatnonzero(difference)[0]])
    return float(crossing(x, sign * difference[None, :])[0])


def _pair(
    grown: tuple[Growth, Growth], metric: Metric, factor: str, arms: tuple[str, str], rng: np.random.Generator
) -> _Pair:
    """Compare two arms over the range in which both were measured."""
    draws = _draws(grown, rng)
    one, other = grown
    grid = np.empty(0)
    if one.fits is not None and other.fits is not None:
        low, high = max(float(one.x[0]), float(other.x[0])), min(float(one.x[-1]), float(other.x[-1]))
        grid = _grid(low, high) if low < high else grid
    difference = one.at(grid) - other.at(grid) if len(grid) else grid
    drawn = draws[0].at(grid) - draws[1].at(grid) if draws is not None and len(grid) else None
    return _Pair(grown, draws, metric, factor, arms, grid, difference, drawn)


def _grid(low: float, high: float) -> Floats:
    grid = np.geomspace(low, high, STEPS)
    grid[[0, -1]] = low, high
    return np.asarray(grid, dtype=np.float64)


def _two(found: Data, arms: tuple[str, str] | None) -> tuple[str, str]:
    if arms is not None:
        return arms
    known = found.factors[ARMS].levels if ARMS in found.factors else ()
    if len(known) != 2:
        raise UserError(f"a crossover is of two arms, the run has {len(known) or 1}", hint="say which two")
    return known[0], known[1]


def _draws(grown: tuple[Growth, Growth], rng: np.random.Generator) -> tuple[Fits, Fits] | None:
    """Fit the laws to bootstrap draws of both arms, in pairs where their replicates have common seeds."""
    first, second = grown
    one = multipliers(len(first.replicates), DRAWS, rng)
    other = one if first.seeds == second.seeds else multipliers(len(second.replicates), DRAWS, rng)
    made = first.drawn(one), second.drawn(other)
    return None if made[0] is None or made[1] is None else (made[0], made[1])


def _prices(prices: Mapping[str, float], arms: tuple[str, str]) -> tuple[float, float] | None:
    """Pick the prices of the two arms; None where neither has one."""
    given = [name for name in arms if name in prices]
    if not given:
        return None
    if len(given) == 1 or min(prices[name] for name in arms) < 0:
        missing = next((name for name in arms if name not in prices), None)
        what = f"{missing} has no price" if missing else "a price is below 0"
        raise UserError(f"prices: {what}", hint=f"prices: {{{arms[0]}: 1.0, {arms[1]}: 0.1}}, per unit of the size")
    return prices[arms[0]], prices[arms[1]]


def _curve(pair: _Pair, place: int, alpha: float) -> Curve | None:
    return curve(pair.grown[place], None if pair.draws is None else pair.draws[place], 1 - alpha)


def _cautions(pair: _Pair, judged: _Judged, completeness: float) -> Iterator[Caution]:
    seen: set[tuple[CautionKind, str]] = set()
    for one, name in zip(pair.grown, pair.arms, strict=True):
        for caution in (*doubts(one.ladder, completeness), *still(one, pair.metric.name)):
            if (caution.kind, caution.text) not in seen:
                seen.add((caution.kind, caution.text))
                yield replace(caution, text=f"{name}: {caution.text}")
    if not len(pair.grid) or judged.place is not None:
        return
    wide = _grid(float(pair.grid[0]) / BEYOND, float(pair.grid[-1]) * BEYOND)
    outside = _place(wide, pair.grown[0].at(wide) - pair.grown[1].at(wide))
    if outside is not None:
        yield Caution(
            CautionKind.EXTRAPOLATION,
            f"The fitted laws would cross at {pair.factor} = {number(outside)}, where nothing was measured by both.",
            "Measure both arms there before you speak of a crossing.",
        )
