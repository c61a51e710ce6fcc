"""Scaling: by which law a metric improves with a size, where it levels off, and how far the law can be trusted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.analyse.curve.growth import (
    DRAWS,
    Growth,
    curve,
    described,
    formula,
    growth,
    named,
    parameter_intervals,
    slopes,
    still,
)
from fairtrial.analyse.curve.levels import doubts
from fairtrial.analyse.data import Data
from fairtrial.analyse.doubts import reached
from fairtrial.errors import UserError
from fairtrial.model.curve import Fit, HeldOut, ScalingFinding
from fairtrial.model.finding import Caution, CautionKind, Interval, Needed, Verdict
from fairtrial.model.study import Direction, Metric
from fairtrial.model.words import count, level, number, percent, probability, quantity, span
from fairtrial.stats.kendall import blocked_trend
from fairtrial.stats.multiplier import multipliers
from fairtrial.stats.power import replicates_for, smallest_effect
from fairtrial.stats.resample import generator
from fairtrial.stats.scaling import ALPHA, EXPONENTIAL, LOG, POWER, SHAPED, Fits, fits

MANY_SIZES = 6
"""Sizes from which two are held out unless it is said how many."""
ON_THE_BOUND = 1.05
"""An exponent within 5 % of its lower bound rests on it: within the range that power law is a logarithm."""
MISSED = 0.1
"""Relative error on held-out sizes from which a law is called unfit to be extended."""


def scaling(
    found: Data,
    metrics: Sequence[Metric],
    *,
    metric: str,
    factor: str,
    arm: str | None = None,
    alpha: float = 0.05,
    completeness: float = 1.0,
    held_out: int | None = None,
    seed: int = 0,
) -> ScalingFinding:
    """Fit laws of growth to a metric along a size; the other factors are averaged within replicates.

    Power law E + A N^-alpha (E - A N^-alpha for a metric to maximise), exponential, log-linear and flat are fitted to
    the means, weighted by their precision, and chosen by Bayes's information criterion. The verdict rests on no law: it
    is Kendall's trend within replicates. Intervals are percentiles of a bootstrap over replicates. `held_out` largest
    sizes (1, or 2 of 6 and more) are predicted from the smaller ones. Raises UnknownName, and UserError for a factor
    that is no size, for a metric without direction and for too many sizes held out.
    """
    told = named(metrics, metric)
    if told.direction is Direction.NONE:
        raise UserError(f"{metric} has no direction, so it cannot improve", hint=f"metrics: {{{metric}: minimize}}")
    grown = growth(found, told, factor, variant=arm, level=1 - alpha)
    rng = generator(seed, "scaling", metric, factor, arm or "")
    draws = grown.drawn(multipliers(grown.values.shape[1], DRAWS, rng))
    judged = _Judged(grown, draws, told, factor, alpha, complete=reached(grown.ladder.share, completeness))
    verdict = judged.verdict
    held = _held_out(grown, held_out)
    intervals, plateau = judged.intervals, judged.plateau(verdict)
    return ScalingFinding(
        metric=metric,
        factor=factor,
        variant=arm or "",
        points=grown.ladder.points,
        fits=judged.fits,
        chosen=judged.chosen,
        parameters=intervals,
        held_out=held,
        extrapolation_error=_error(held),
        plateau=plateau,
        plateau_interval=None if plateau is None else intervals["E"],
        curve=curve(grown, judged.draws, 1 - alpha),
        verdict=verdict,
        answer=_answer(judged, verdict, error=_error(held), plateau=plateau),
        cautions=(*doubts(grown.ladder, completeness), *still(grown, metric), *_beyond(grown, plateau, held, factor)),
        p=judged.p_better,
        needed=judged.needed(verdict),
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    grown: Growth
    draws: Fits | None
    metric: Metric
    factor: str
    alpha: float
    complete: bool

    @property
    def falling(self) -> bool:
        return self.metric.direction is Direction.MINIMIZE

    @property
    def p_better(self) -> float | None:
        return self._p(-1.0 if self.falling else 1.0)

    @property
    def p_worse(self) -> float | None:
        return self._p(1.0 if self.falling else -1.0)

    def _p(self, sign: float) -> float | None:
        """Return the one-sided p of a trend over all levels, those without any value included."""
        measured = self.grown.ladder
        if len(measured.points) < 2 or measured.values.shape[1] < 2:
            return None
        return blocked_trend(sign * np.array([point.values for point in measured.points], dtype=np.float64))

    @property
    def verdict(self) -> Verdict:
        better, worse = self.p_better, self.p_worse
        if better is None or worse is None or not self.complete:
            return Verdict.INCONCLUSIVE
        if better <= self.alpha:
            return Verdict.SUPPORTED
        return Verdict.NOT_SUPPORTED if worse <= self.alpha or self.constant else Verdict.INCONCLUSIVE

    @property
    def constant(self) -> bool:
        """Say whether no replicate changes with the size."""
        values = self.grown.ladder.values
        return not np.isnan(values).any() and bool((values == values[:1]).all())

    @property
    def chosen(self) -> str:
        return "" if self.grown.fits is None else self.grown.law.law

    @property
    def fits(self) -> tuple[Fit, ...]:
        fitted = self.grown.fits
        return () if fitted is None else described(fitted, self.grown.means, {self.chosen: self.intervals})

    @property
    def intervals(self) -> dict[str, Interval]:
        """Return the intervals of the chosen law's parameters; none below two replicates."""
        if self.draws is None or self.grown.fits is None:
            return {}
        return parameter_intervals(self.grown.law, self.draws, 1 - self.alpha, self.grown.fits.task)

    def plateau(self, verdict: Verdict) -> float | None:
        """Return E where the metric improves, a law with a plateau fits best, and growth without end does not fit.

        Growth without end is what more than alpha / 2 of the bootstrap draws say: they prefer a logarithm, or their
        power law rests on its least exponent or, for an error, has no floor above 0.
        """
        if verdict is not Verdict.SUPPORTED or self.chosen not in SHAPED or self.draws is None:
            return None
        (law,) = (law for law in self.draws.laws if law.law == POWER)
        endless = law.shape <= ALPHA[0] * ON_THE_BOUND
        if self.grown.fits and self.grown.fits.task.bounded:
            endless |= law.offset <= 0
        endless |= np.array([law.law == LOG for law in self.draws.laws])[self.draws.choice]
        return float(self.grown.law.offset[0]) if endless.mean() <= self.alpha / 2 else None

    def needed(self, verdict: Verdict) -> Needed:
        """Say which change over the range Student's test of the replicates' slopes would show.

        Replicates are named where they are what is missing: no trial and no size is.
        """
        change, there = slopes(self.grown), self.grown.ladder.values.shape[1]
        if len(change) < 2:
            single = there < 2 <= len(self.grown.ladder.points)
            return Needed(None, 2 if single and self.complete else None)
        sd, mean = float(change.std(ddof=1)), float(change.mean())
        smallest = smallest_effect(sd, len(change), alpha=self.alpha, paired=True, sides=1)
        if verdict is not Verdict.INCONCLUSIVE or not self.complete:
            return Needed(smallest)
        more = replicates_for(abs(mean), sd, alpha=self.alpha, paired=True, sides=1)
        return Needed(smallest, None if more is None else max(more, there + 1))


def _answer(judged: _Judged, verdict: Verdict, *, error: float | None, plateau: float | None) -> str:
    measured, name = judged.grown.ladder, judged.metric.name
    seen = f"{count(len(measured.points), 'size')} x {count(measured.values.shape[1], 'replicate')}"
    if judged.p_better is None or judged.p_worse is None:
        return f"Inconclusive: {seen} of {name} cannot show growth; two of each are the least."
    where = f"with {judged.factor} from {level(measured.points[0].x)} to {level(measured.points[-1].x)}"
    better, worse = ("falls", "rises") if judged.falling else ("rises", "falls")
    unit = judged.metric.unit
    if not judged.complete:
        gave = f"only {percent(measured.share)} of the trials gave a value"
        return f"Inconclusive: {gave}, so nothing is concluded of {name} {where} ({seen})."
    if verdict is Verdict.INCONCLUSIVE:
        smallest = judged.needed(verdict).smallest_effect
        least = f"; a change of {quantity(smallest, unit)} over the range would be seen" if smallest else ""
        return f"Inconclusive: {name} is not shown to improve {where} ({probability(judged.p_better)}; {seen}{least})."
    if judged.constant:
        return f"{name} does not change {where} ({seen})."
    if verdict is Verdict.NOT_SUPPORTED:
        return f"{name} {worse} {where}: it gets worse ({probability(judged.p_worse)}; {seen})."
    parts = [
        f"{name} {better} {where} ({probability(judged.p_better)}; {seen})",
        f"best described by {formula(judged.grown.law, judged.factor)} ({_spread(judged)})",
    ]
    if error is not None:
        parts.append(f"predicted from the smaller sizes, the largest are missed by {percent(error)}")
    if plateau is not None:
        parts.append(f"it levels off at {quantity(plateau, unit)} ({span(judged.intervals['E'])})")
    return f"{'; '.join(parts)}."


def _spread(judged: _Judged) -> str:
    """Write the interval of the parameter that says most."""
    name = {POWER: "alpha", LOG: "b", EXPONENTIAL: "tau"}.get(judged.chosen, "mean")
    interval = judged.intervals.get(name)
    return "no interval" if interval is None else f"{name}: {span(interval)}"


def _held_out(grown: Growth, count: int | None) -> tuple[HeldOut, ...]:
    """Predict the largest sizes by the law that fits the smaller ones best."""
    if grown.fits is None:
        return ()
    sizes = len(grown.x)
    last = (2 if sizes >= MANY_SIZES else 1) if count is None else count
    if count is not None and not 0 <= count <= sizes - 2:
        raise UserError(f"{count} of {sizes} sizes cannot be held out", hint=f"0 to {max(sizes - 2, 0)}")
    if not last or sizes - last < 2:
        return ()
    means = grown.means
    seen = fits(grown.fits.task.without(last), means[None, :-last])
    said_of = seen.at(grown.x[-last:])[0]
    rows = zip(grown.x[-last:].tolist(), said_of.tolist(), means[-last:].tolist(), strict=True)
    return tuple(HeldOut(*row) for row in rows)


def _error(held: Sequence[HeldOut]) -> float | None:
    """Return the root mean square relative error; None where there is nothing to be relative to."""
    if not held or not all(size.observed for size in held):
        return None
    return math.sqrt(math.fsum((size.predicted / size.observed - 1) ** 2 for size in held) / len(held))


def _beyond(grown: Growth, plateau: float | None, held: Sequence[HeldOut], factor: str) -> Iterator[Caution]:
    largest = level(float(grown.x[-1])) if len(grown.x) else ""
    error = _error(held)
    if plateau is not None:
        left = abs(float(grown.at(grown.x[-1:])[0]) - plateau)
        yield Caution(
            CautionKind.EXTRAPOLATION,
            f"The plateau is said of sizes beyond {largest}: there the law is still {number(left)} away from it.",
            f"Measure larger {factor} before you rely on it.",
        )
    if error is not None and error > MISSED:
        yield Caution(
            CautionKind.EXTRAPOLATION,
            f"Predicted from the smaller sizes, the largest are missed by {percent(error)}.",
            f"Say nothing of {factor} beyond {largest} from this law.",
        )
