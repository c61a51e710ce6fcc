"""Saturation: where a metric stops growing along a load-like factor (or, of a metric to minimise, starts to)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fairtrial.analyse.curve.levels import Ladder, design, doubts, ladder
from fairtrial.analyse.data import Data
from fairtrial.analyse.doubts import reached
from fairtrial.errors import UserError
from fairtrial.model.curve import Curve, Fit, SaturationFinding
from fairtrial.model.finding import Caution, CautionKind, Interval, Verdict
from fairtrial.model.study import Direction
from fairtrial.model.words import level, number, percent, probability, span
from fairtrial.stats.bend import bend_p
from fairtrial.stats.curve import GROWING, WORSENING, Fitted, Sample, fit, sample, weights
from fairtrial.stats.knee import Draws, Marks, bootstrap, draw, marks, resampled
from fairtrial.stats.resample import generator, percentile
from fairtrial.stats.summary import Floats
from fairtrial.stats.usl import usl

LEAST_LEVELS = 4
"""Levels below which a curve that bends cannot be told from one that does not."""
REACHED = 0.95
"""Share of the capacity from which a level counts as saturated."""
MENTION = 2.0
"""Difference in BIC below which the evidence is not worth more than a mention (Raftery 1995)."""
STRAIGHT = ("flat", "line")
"""Curves without a knee."""
DRAWN = 60
"""Points of the curve that is drawn."""
METHOD = "bootstrap over replicates"


def saturation(
    data: Data,
    *,
    metric: str,
    factor: str,
    arm: str | None = None,
    response: str | None = None,
    think_s: float = 0.0,
    direction: Direction = Direction.MAXIMIZE,
    alpha: float = 0.05,
    completeness: float = 1.0,
    seed: int = 0,
    below: float = math.inf,
) -> SaturationFinding:
    """Choose among curves by BIC and say where the metric stops growing; "no knee in range" is an answer.

    The verdict is supported when a curve with a knee is chosen, a straight line is rejected at `alpha` (permutation),
    and the knee's interval lies inside the tested range. `response`, a response time in seconds, gives the asymptotic
    knee N* = X_max (R_min + Z) of a closed loop with think time `think_s`. With Direction.MINIMIZE (a latency) the knee
    is where the metric starts to grow. Only levels of the factor under `below` are looked at. Raises UnknownName, and
    UserError for a factor without order.
    """
    if think_s < 0:
        raise UserError(f"a think time is not negative: {think_s} s", hint="0 for clients that do not wait")
    along: Any = {"variant": arm, "level": 1 - alpha, "below": below}
    measured = ladder(data, metric, factor, **along)
    times = None if response is None else ladder(data, response, factor, **along)
    grows = direction is not Direction.MINIMIZE
    asked = _Asked(metric, factor, alpha, grows, reached(measured.share, completeness), think_s)
    rng = generator(seed, "saturation", metric, factor)
    if measured.replicates < 2 or len(measured.x) < LEAST_LEVELS or measured.x[0] < 0:
        return _unknown(asked, measured, tuple(doubts(measured, completeness)))
    judged = _judged(asked, measured, times, rng)
    return _finding(judged, (*doubts(measured, completeness), *_cautions(judged)))


@dataclass(frozen=True, slots=True)
class _Asked:
    metric: str
    factor: str
    alpha: float
    grows: bool
    complete: bool
    think_s: float


@dataclass(frozen=True, slots=True)
class _Judged:
    asked: _Asked
    measured: Ladder
    sample: Sample
    fits: tuple[Fitted, ...]
    """Best first."""
    p: float
    """Of a straight line."""
    draws: Draws | None
    """None where the best curve has no knee."""
    marks: Marks
    """Of the best curve: one entry each."""
    asymptotic: tuple[float, Interval] | None

    @property
    def best(self) -> Fitted:
        return self.fits[0]

    @property
    def knee_interval(self) -> Interval | None:
        """Return the interval of the knee; a break at the last place that was searched may lie beyond it."""
        if self.draws is None:
            return None
        ends = _interval(self.draws.marks.knee, self.asked.alpha)
        if ends is None or self.best.family.log:
            return ends
        x = self.measured.x
        low = float(x[0]) if ends.low <= x[1] else ends.low
        return Interval(low, float(x[-1]) if ends.high >= x[-2] else ends.high, ends.level, ends.method)

    @property
    def edge(self) -> bool:
        """Say whether the curve breaks between the last two levels, so that no plateau was seen."""
        ends = self.knee_interval
        return ends is not None and not self.best.family.log and ends.high >= self.measured.x[-1]

    @property
    def inside(self) -> bool:
        ends, x = self.knee_interval, self.measured.x
        within = bool(x[0] <= self.marks.knee[0] < x[-1])
        return ends is not None and within and (not self.best.family.log or ends.high < x[-1])

    @property
    def found(self) -> bool:
        return self.inside and self.p <= self.asked.alpha

    @property
    def verdict(self) -> Verdict:
        if not self.asked.complete:
            return Verdict.INCONCLUSIVE
        if self.found:
            return Verdict.SUPPORTED
        return Verdict.NOT_SUPPORTED if self.denied else Verdict.INCONCLUSIVE

    @property
    def denied(self) -> bool:
        """Say whether there is positive evidence for a curve without a knee against every curve with one."""
        others = [_rank(found) for found in self.fits if found.family.name not in STRAIGHT]
        return self.best.family.name in STRAIGHT and all(rank - _rank(self.best) >= MENTION for rank in others)


def _judged(asked: _Asked, measured: Ladder, times: Ladder | None, rng: np.random.Generator) -> _Judged:
    weighed = sample(measured.x, measured.values)
    tried = (fit(family, weighed) for family in (GROWING if asked.grows else WORSENING))
    fits = sorted((found for found in tried if found is not None), key=_rank)
    best = fits[0]
    place = marks(best.family, np.array([best.shape]), np.array([best.coefficients]), float(measured.x.max()))
    bends = best.family.name not in STRAIGHT
    p = bend_p(weighed, measured.values, convex=not asked.grows, rng=rng)
    draws = bootstrap(weighed, measured.values, best, rng) if bends else None
    return _Judged(asked, measured, weighed, tuple(fits), p, draws, place, _asymptotic(asked, measured, times, rng=rng))


def _rank(found: Fitted) -> float:
    """Return the criterion; a slope behind the break, which the hinge does without, must be worth more than a mention.

    Source: Raftery (1995), Bayesian model selection in social research, Sociological Methodology 25: a BIC less than 2
    apart is not.
    """
    return found.bic + (MENTION if found.family.name == "bend" else 0.0)


def _finding(judged: _Judged, cautions: tuple[Caution, ...]) -> SaturationFinding:
    asked, found, place = judged.asked, judged.found, judged.marks
    height = _interval(judged.draws.marks.capacity, asked.alpha) if judged.draws and found and not judged.edge else None
    capacity = float(place.capacity[0]) if asked.grows and height and place.gain[0] < 1 - REACHED else None
    peak = _peak(judged)
    asymptotic, asymptotic_interval = judged.asymptotic or (None, None)
    return SaturationFinding(
        metric=asked.metric,
        factor=asked.factor,
        points=judged.measured.points,
        fits=_fits(judged),
        chosen=judged.best.family.name,
        criterion="BIC",
        knee=float(place.knee[0]) if found else None,
        knee_interval=judged.knee_interval if found else None,
        capacity=capacity,
        capacity_interval=None if capacity is None else height,
        saturation_level=_saturated(judged, capacity),
        asymptotic_knee=asymptotic,
        asymptotic_interval=asymptotic_interval,
        peak=None if peak is None else float(place.peak[0]),
        peak_interval=peak,
        curve=_curve(judged),
        verdict=judged.verdict,
        answer=_answer(judged, capacity),
        cautions=cautions,
    )


def _interval(draws: Floats, alpha: float) -> Interval | None:
    """Return the percentile interval; None where a draw in twenty has no such mark."""
    there = draws[np.isfinite(draws)]
    if len(there) < REACHED * len(draws):
        return None
    return Interval(*percentile(there, 1 - alpha), 1 - alpha, METHOD)


def _peak(judged: _Judged) -> Interval | None:
    """Return the interval of N_max where retrograde throughput is seen.

    N_max lies below the highest level, for the curve and for all but `alpha` of its draws (so kappa is above 0), and so
    do all but `alpha` of the draws of the highest level's mean lie below those of the highest mean.
    """
    if judged.best.family.name != "usl" or judged.draws is None or not judged.found:
        return None
    drawn, highest = judged.draws.marks, judged.measured.x[-1]
    means = judged.draws.means
    falls = means[:, -1] < means[:, int(np.argmax(judged.sample.mean))]
    surely = min((drawn.peak < highest).mean(), falls.mean()) >= 1 - judged.asked.alpha
    if judged.marks.peak[0] >= highest or not surely:
        return None
    return _interval(drawn.peak, judged.asked.alpha)


def _asymptotic(
    asked: _Asked, measured: Ladder, times: Ladder | None, *, rng: np.random.Generator
) -> tuple[float, Interval] | None:
    """Return N* = X_max (R_min + Z), both extremes over the level means, with an interval over replicates.

    Source: Lazowska, Zahorjan, Graham and Sevcik (1984), Quantitative System Performance, chapter 5.
    """
    if times is None or not asked.grows or times.replicates < 2 or times.values.shape != measured.values.shape:
        return None
    counts = draw(measured.values.shape[1], rng)
    most, least = resampled(measured.values, counts), resampled(times.values, counts)
    top, quick = np.nanmean(measured.values, axis=1), np.nanmean(times.values, axis=1)
    where, when = int(np.argmax(top)), int(np.argmin(quick))
    draws = most[:, where] * (least[:, when] + asked.think_s)
    ends = percentile(draws, 1 - asked.alpha)
    return float(top[where] * (quick[when] + asked.think_s)), Interval(*ends, 1 - asked.alpha, METHOD)


def _saturated(judged: _Judged, capacity: float | None) -> float | None:
    """Return the smallest level that surely reaches 95 % of the capacity and gains less than 5 % on any higher one.

    The one-sided bound takes the variance that all levels share.
    """
    from scipy.special import stdtrit

    weighed = judged.sample
    freedom = weighed.n - len(weighed.x)
    if capacity is None or freedom < 1:
        return None
    error = np.sqrt(weighed.pure / freedom / weighed.weight)
    bound = weighed.mean - float(stdtrit(freedom, 1 - judged.asked.alpha)) * error
    for place in range(len(weighed.x) - 1):
        gains = weighed.mean[place + 1 :].max() < weighed.mean[place] / REACHED
        if bound[place] >= REACHED * capacity and gains:
            return float(weighed.x[place])
    return None


def _fits(judged: _Judged) -> tuple[Fit, ...]:
    share = weights({found.family.name: found.bic for found in judged.fits})
    weighed = judged.sample
    centre = float(weighed.weight @ weighed.mean / weighed.weight.sum())
    total = float(weighed.weight @ (weighed.mean - centre) ** 2) + weighed.pure
    return tuple(
        Fit(
            model=found.family.name,
            parameters=_parameters(found, weighed),
            criterion=found.bic,
            weight=share[found.family.name],
            residual_sd=float(np.sqrt(found.sse / max(weighed.n - len(found.coefficients) - len(found.shape), 1))),
            r_squared=1 - found.sse / total if total else None,
        )
        for found in judged.fits
    )


def _parameters(found: Fitted, weighed: Sample) -> Mapping[str, float]:
    """Return a curve's parameters in the units of the metric and of the load."""
    shape, coefficients, span = found.shape, found.coefficients, float(weighed.x.max())
    match found.family.name:
        case "flat":
            return {"level": coefficients[0]}
        case "line":
            return {"intercept": coefficients[0], "slope": coefficients[1] / span}
        case "saturating":
            return {"capacity": coefficients[0], "half_load": shape[0] * span}
        case "exponential":
            return {"capacity": coefficients[0], "scale": shape[0] * span}
        case "usl":
            start = (coefficients[0] / float(weighed.mean.max()), *shape)
            law = usl(weighed.x, weighed.mean, weighed.weight, starts=((start[0], start[1], start[2]),))
            return {"lambda": law.throughput, "sigma": law.contention, "kappa": law.coherency}
        case _:
            slopes = {"slope": coefficients[1] / span}
            if len(coefficients) == 3:
                slopes["slope_after"] = coefficients[2] / span
            return {"intercept": coefficients[0], **slopes, "break": shape[0] * span}


def _curve(judged: _Judged) -> Curve:
    x, span = judged.measured.x, float(judged.measured.x.max())
    spaced = np.geomspace(x[0], x[-1], DRAWN) if x[0] > 0 else np.linspace(x[0], x[-1], DRAWN)
    places = np.unique(np.concatenate([spaced[1:-1], x]))
    middle = judged.best.at(places, span)
    if judged.draws is None:
        return Curve(tuple(places.tolist()), tuple(middle.tolist()))
    basis = judged.best.family.basis(places / span, judged.draws.shapes)
    drawn: Any = np.einsum("dlk,dk->dl", basis, judged.draws.coefficients)
    low, high = np.quantile(drawn, [judged.asked.alpha / 2, 1 - judged.asked.alpha / 2], axis=0)
    return Curve(tuple(places.tolist()), tuple(middle.tolist()), tuple(low.tolist()), tuple(high.tolist()))


def _cautions(judged: _Judged) -> tuple[Caution, ...]:
    x, place = judged.measured.x, judged.marks
    cautions = []
    if judged.found and judged.edge:
        cautions.append(
            Caution(
                CautionKind.EDGE,
                f"The curve breaks at one of the last two levels, {level(float(x[-2]))} and {level(float(x[-1]))}.",
                f"Test levels of {judged.asked.factor} above {level(float(x[-1]))}.",
            )
        )
    top = float(place.capacity[0])
    if judged.found and judged.asked.grows and float(judged.best.at(x, float(x.max())).max()) < REACHED * top:
        cautions.append(
            Caution(
                CautionKind.EXTRAPOLATION,
                f"The capacity of {number(top)} is extrapolated: no level reaches {percent(REACHED)} of it.",
                f"Test levels of {judged.asked.factor} above {level(float(x[-1]))}.",
            )
        )
    return tuple(cautions)


def _unknown(asked: _Asked, measured: Ladder, cautions: tuple[Caution, ...]) -> SaturationFinding:
    why = f"{design(measured)} cannot show a knee: {LEAST_LEVELS} levels of 0 or more and 2 replicates are the least"
    none: dict[str, Any] = dict.fromkeys(
        ("knee", "knee_interval", "capacity", "capacity_interval", "saturation_level", "asymptotic_knee")
    )
    return SaturationFinding(
        **none,
        metric=asked.metric,
        factor=asked.factor,
        points=measured.points,
        fits=(),
        chosen="",
        criterion="BIC",
        asymptotic_interval=None,
        peak=None,
        peak_interval=None,
        curve=None,
        verdict=Verdict.INCONCLUSIVE,
        answer=f"Inconclusive: {asked.metric} along {asked.factor}, {why}.",
        cautions=cautions,
    )


def _answer(judged: _Judged, capacity: float | None) -> str:
    asked = judged.asked
    late = "" if asked.complete else "; inconclusive, since the declared completeness was not reached"
    against = f"{probability(judged.p)} against a straight line"
    evidence = f"{judged.best.family.name} by BIC, {against}; {design(judged.measured)}{late}"
    return f"{_said(judged, capacity)} ({evidence})."


def _said(judged: _Judged, capacity: float | None) -> str:
    asked, within, top = judged.asked, judged.knee_interval, level(float(judged.measured.x[-1]))
    if judged.found and within is not None:
        way = "stops growing as before" if asked.grows else "starts to grow"
        text = f"{asked.metric} {way} at {asked.factor} = {number(float(judged.marks.knee[0]))} ({span(within)})"
        return text if capacity is None else f"{text}, its capacity is {number(capacity)}"
    if judged.draws is None and judged.best.family.name == "flat":
        return f"No knee in range: {asked.metric} is flat along {asked.factor} up to {top}"
    if judged.p <= asked.alpha and judged.draws is not None and asked.complete:
        return f"Inconclusive: {asked.metric} bends along {asked.factor}, but no knee is shown below {top}"
    return f"No knee in range: {asked.metric} is not shown to leave a straight line along {asked.factor} up to {top}"
