"""Effects: what each factor and each pair of factors does to a metric, how surely, and how much of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from fairtrial.analyse.crossed import changed_nothing, twins
from fairtrial.analyse.data import Data
from fairtrial.analyse.doubts import reached
from fairtrial.analyse.effect.answer import Telling, doubts, oddities
from fairtrial.analyse.effect.importance import importance
from fairtrial.analyse.effect.screen import Screen, screen
from fairtrial.analyse.effect.term import Asked, Term
from fairtrial.errors import UserError
from fairtrial.model.effect import Effect, EffectsFinding
from fairtrial.model.finding import Needed, Verdict
from fairtrial.model.study import Metric, unit_of
from fairtrial.model.words import count
from fairtrial.stats.multiplicity import benjamini_hochberg
from fairtrial.stats.power import f_noncentrality, replicates_for, smallest_effect


def effects(
    found: Data,
    metrics: Sequence[Metric],
    *,
    metric: str,
    factors: Sequence[str] | None = None,
    alpha: float = 0.05,
    completeness: float = 1.0,
    margin: float | None = None,
    seed: int = 0,
) -> EffectsFinding:
    """Say what the factors (all of them, or those given) do to a metric.

    Where the design is crossed, each factor and each pair is tested on the means per level and replicate, by exchange
    within replicates (`stats.anova`): other factors are averaged, and an effect must hold against its own variation
    between replicates. Where it is not (conditions were drawn, or there is one replicate), conditions are the units
    of an additive model (`stats.partial`). The p values of all terms are corrected together (Benjamini and Hochberg).
    A factor is inert where it changed no measurement at all, or where all differences are shown to be below `margin`
    (in the metric's unit). Raises UnknownName, and UserError where no factor varies.
    """
    values = found.metric(metric)
    names, together = _names(found, factors)
    asked = Asked(alpha, len(names) * (len(names) + 1) // 2, margin, seed, metric)
    seen = screen(found, values, names, asked)
    share = float(np.isfinite(values).mean())
    complete = reached(share, completeness)
    sound = complete and seen.replicates >= 2
    same = [name for name in names if changed_nothing(found, name, first=metric)]
    judged = _judged(seen.terms, same, asked, sound=sound)
    inert = _inert(seen.terms, same, asked) if sound else tuple(same)
    verdict = _verdict(judged, inert, names) if sound else Verdict.INCONCLUSIVE
    needed = _needed(seen, judged, asked, complete=complete, there=len(np.unique(found.replicate)))
    unit = unit_of(metrics, metric)
    return EffectsFinding(
        metric=metric,
        effects=judged,
        marginals=seen.marginals,
        importance=importance(found, values, names, asked, crossed=seen.crossed),
        inert=inert,
        method=_method(seen),
        adjustment=f"Benjamini-Hochberg over {count(sum(one.p is not None for one in judged), 'term')}",
        needed=needed,
        verdict=verdict,
        answer=Telling(metric, unit, judged, inert, needed).answer(seen, complete=complete),
        cautions=(*doubts(seen, share, completeness), *oddities(values, inert, together)),
    )


def _names(found: Data, factors: Sequence[str] | None) -> tuple[list[str], Mapping[str, str]]:
    """Return the factors to test, and those that move together with one of them."""
    chosen = {name: found.factor(name) for name in (found.factors if factors is None else factors)}
    varying = {name: column for name, column in chosen.items() if len(column.levels) > 1}
    if not varying:
        raise UserError(
            f"{', '.join(chosen)} has one level" if chosen else "no factor varies", hint="factors: {NAME: [1, 2]}"
        )
    together = twins(varying)
    return [name for name in varying if name not in together], together


def _judged(terms: Sequence[Term], same: Sequence[str], asked: Asked, *, sound: bool) -> tuple[Effect, ...]:
    adjusted = benjamini_hochberg([one.effect.p for one in terms])
    made = []
    for one, p in zip(terms, adjusted, strict=True):
        verdict = Verdict.INCONCLUSIVE
        if sound and p is not None and p <= asked.alpha:
            verdict = Verdict.SUPPORTED
        elif sound and (_below(one, asked) or not set(same).isdisjoint(one.effect.factors)):
            verdict = Verdict.NOT_SUPPORTED
        made.append(replace(one.effect, p_adjusted=p, verdict=verdict))
    return tuple(made)


def _below(one: Term, asked: Asked) -> bool:
    return one.equivalence is not None and one.equivalence <= asked.alpha


def _inert(terms: Sequence[Term], same: Sequence[str], asked: Asked) -> tuple[str, ...]:
    below = [one.effect.factors[0] for one in terms if len(one.effect.factors) == 1 and _below(one, asked)]
    return tuple(dict.fromkeys([*same, *below]))


def _verdict(judged: Sequence[Effect], inert: Sequence[str], names: Sequence[str]) -> Verdict:
    if any(one.verdict is Verdict.SUPPORTED for one in judged):
        return Verdict.SUPPORTED
    return Verdict.NOT_SUPPORTED if set(names) <= set(inert) else Verdict.INCONCLUSIVE


def _method(seen: Screen) -> str:
    if seen.crossed:
        return (
            "F against the term's variation between replicates; p by exchange of levels within replicates, or by F "
            "with fewer degrees of freedom (Huynh and Feldt) where noise differs between levels and that p is larger"
        )
    return "F of an additive model over conditions; p by permutation of its residuals over conditions"


def _smallest(one: Term, alpha: float, *, paired: bool) -> float:
    """Return which difference of two levels is seen: by t, or by F where two levels of many do not fill it."""
    sd = one.sd or 0.0
    by_t = smallest_effect(sd, one.n, alpha=alpha, paired=paired)
    if one.df[0] < 2 or one.n < 2:
        return by_t
    return max(by_t, sd * math.sqrt(f_noncentrality(*one.df, alpha) / one.n))


def _needed(seen: Screen, judged: Sequence[Effect], asked: Asked, *, complete: bool, there: int) -> Needed:
    """Return the smallest difference between two levels that each factor would show, and the replicates that decide.

    They are more than are `there`, and none where trials are what is missing.
    """
    alpha, paired = asked.alpha / asked.family, seen.crossed
    mains = [
        (one, effect)
        for one, effect in zip(seen.terms, judged, strict=True)
        if one.sd is not None and len(effect.factors) == 1
    ]
    sizes = [_smallest(one, alpha, paired=paired) for one, _ in mains]
    largest = max((size for size in sizes if math.isfinite(size)), default=None)
    open_ = [pair for pair in mains if pair[1].verdict is Verdict.INCONCLUSIVE]
    if seen.replicates < 2:
        return Needed(largest, there + 1 if complete else None)
    if not open_ or not paired or not complete or any(effect.verdict is Verdict.SUPPORTED for effect in judged):
        return Needed(largest)
    one, effect = min(open_, key=lambda pair: pair[1].p if pair[1].p is not None else 1.0)
    more = replicates_for(effect.spread or 0.0, one.sd or 0.0, alpha=alpha, paired=True)
    return Needed(largest, None if more is None else max(more, there + 1))
