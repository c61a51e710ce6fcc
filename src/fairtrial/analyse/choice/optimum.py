"""The optimum: the conditions that cannot be told from the best, how much too good the best looks, what settles it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fairtrial.analyse.choice.answer import Spoken, doubts
from fairtrial.analyse.choice.field import Field, beside, chosen, field, front
from fairtrial.analyse.choice.judged import Judged, judge
from fairtrial.analyse.data import Data
from fairtrial.model.choice import Again, Candidate, OptimumFinding
from fairtrial.model.claim import Clause
from fairtrial.model.finding import Interval, Needed, Verdict
from fairtrial.model.identity import canonical_json
from fairtrial.model.study import Metric
from fairtrial.stats.difference import Moments, between
from fairtrial.stats.power import noncentrality, replicates_for
from fairtrial.stats.summary import Mask

GAP = "Hsu's constrained bounds, paired, simultaneous over conditions"


def optimum(
    found: Data,
    metrics: Sequence[Metric],
    *,
    metric: str | None = None,
    slo: Sequence[Clause] = (),
    alpha: float = 0.05,
    completeness: float = 1.0,
    margin: float | None = None,
    again: Sequence[Again] = (),
) -> OptimumFinding:
    """Say which condition is the best, or which ones cannot be told from it.

    The true best is in the set (`best`) with probability 1 - alpha or more, and where several conditions are equally
    good a single one is called the best with probability alpha or less (`stats.best.contest`: differences within
    replicates, which share their seeds). Supported: one condition is left. Not supported: two or more are within
    `margin` (the metric's unit; without it, exactly equal) of the best. What lost more of its trials than
    `completeness` allows is no candidate, and while there is such a condition nothing is concluded; a condition that
    lost any trial neither leads nor is called the best. `metric` is the first with a direction unless named. Raises
    UserError where it has none, UnknownName where nobody measured it.
    """
    seen = field(found, chosen(metrics, metric), slo=slo, alpha=alpha, completeness=completeness)
    judged = judge(seen, alpha)
    inside = front(seen, metrics)
    order = seen.order()
    verdict = verdict_of(seen, judged, margin, bound=bool(slo))
    needed = needed_of(seen, judged, alpha, margin, settled=verdict is not Verdict.INCONCLUSIVE)
    candidates = candidates_of(seen, judged, inside, alpha, bound=bool(slo))
    means = beside(seen, metrics)
    listed = [
        replace(one, others={name: float(mean[place]) for name, mean in means.items()}) if one.pareto else one
        for one, place in zip(candidates, order.tolist(), strict=True)
    ]
    return OptimumFinding(
        metric=seen.metric.name,
        direction=str(seen.metric.direction),
        candidates=tuple(listed),
        told=int(judged.told.sum()),
        curse=judged.curse,
        pareto=tuple(np.flatnonzero(inside[order]).tolist()),
        infeasible=int((seen.feasible < 0).sum()),
        again=tuple(again),
        needed=needed,
        verdict=verdict,
        answer=Spoken(seen, judged, needed, bound=bool(slo), margin=margin).answer(candidates, verdict),
        cautions=tuple(doubts(seen, judged, verdict, completeness)),
    )


def compare_again(
    first: Data, again: Data, metrics: Sequence[Metric], *, metric: str | None = None, run: int, alpha: float = 0.05
) -> tuple[Again, ...]:
    """Return the conditions that were measured again on fresh seeds, best first mean first.

    `regression` is by how much the first mean was too good, with Welch's interval: the seeds differ, so nothing is
    paired. Raises UserError for a metric without a direction.
    """
    best = chosen(metrics, metric)
    before, after = field(first, best, alpha=alpha), field(again, best, alpha=alpha)
    places = {_key(after.label(place)): place for place in range(len(after))}
    matched = [(place, places.get(_key(before.label(place)))) for place in before.order().tolist()]
    return tuple(_again(before, one, after, other, run=run, alpha=alpha) for one, other in matched if other is not None)


def verdict_of(seen: Field, judged: Judged, margin: float | None, *, bound: bool) -> Verdict:
    """Say whether one condition is the best."""
    left = np.flatnonzero(seen.eligible & ~judged.told)
    if judged.leader is None or judged.replicates < 2 or not seen.complete.all() or seen.eligible.sum() < 2:
        return Verdict.INCONCLUSIVE
    if len(left) == 1 and left[0] == judged.leader and (not bound or seen.feasible[judged.leader] > 0):
        return Verdict.SUPPORTED
    if judged.gap is not None and (judged.gap[left] <= (margin or 0.0)).sum() > 1 and not seen.lost[left].any():
        return Verdict.NOT_SUPPORTED
    return Verdict.INCONCLUSIVE


def needed_of(seen: Field, judged: Judged, alpha: float, margin: float | None, *, settled: bool) -> Needed:
    """Say which gap from the leader is told, and how many replicates tell the leader from the next (or the margin).

    More replicates are named where they are what is missing: no condition lacks values, and several are left.
    """
    second = judged.second
    if second is None or not second.df:
        return Needed(None)
    level = alpha / int(seen.eligible.sum())
    smallest = noncentrality(second.df, level, sides=1) * second.se
    if settled or not seen.complete.all() or (seen.eligible & ~judged.told).sum() < 2:
        return Needed(smallest)
    sd = second.se * math.sqrt(judged.replicates)
    more = replicates_for(margin or second.gap, sd, alpha=level, paired=True, sides=1)
    return Needed(smallest, None if more is None else max(more, seen.values.shape[1] + 1))


def candidates_of(seen: Field, judged: Judged, inside: Mask, alpha: float, *, bound: bool) -> tuple[Candidate, ...]:
    """Write out the candidates, best first."""
    order = seen.order().tolist()
    best, kept = seen.eligible & ~judged.told, {1: True, 0: None, -1: False}
    listed = []
    for place, estimate in zip(order, seen.seen.of(order), strict=True):
        variant, assignment = seen.label(place)
        gap = math.nan if judged.gap is None else float(judged.gap[place])
        drawn = float(judged.shrunken[place])
        listed.append(
            Candidate(
                variant=variant,
                assignment=assignment,
                estimate=estimate,
                shrunken=drawn if math.isfinite(drawn) else None,
                gap=Interval(0.0, gap, 1 - alpha, GAP) if math.isfinite(gap) else None,
                best=bool(best[place]),
                feasible=kept[int(seen.feasible[place])] if bound else None,
                pareto=bool(inside[place]),
            )
        )
    return tuple(listed)


def _again(before: Field, one: int, after: Field, other: int, *, run: int, alpha: float) -> Again:
    variant, assignment = before.label(one)
    first, second = _moments(before, one), _moments(after, other)
    sign = before.sign
    apart = between(first, second, 1 - alpha) if sign > 0 else between(second, first, 1 - alpha)
    known = math.isfinite(apart.low)
    return Again(
        variant=variant,
        assignment=assignment,
        first=before.seen.of([one])[0],
        again=after.seen.of([other])[0],
        regression=apart.estimate if math.isfinite(apart.estimate) else None,
        interval=Interval(apart.low, apart.high, 1 - alpha, "Welch's t") if known else None,
        run=run,
    )


def _moments(of: Field, place: int) -> Moments:
    summary = of.seen.summary
    return Moments(int(summary.n[place]), float(summary.mean[place]), float(summary.sd[place]))


def _key(label: tuple[str, Mapping[str, Any]]) -> bytes:
    """Encode a label so that 1 and 1.0 are one level, as they are everywhere."""
    variant, assignment = label
    levels = {path: float(level) if type(level) is int else level for path, level in assignment.items()}
    return canonical_json([variant, levels])
