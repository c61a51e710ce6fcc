"""Claims: a verdict on each line of `expect`, all of them judged together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from fairtrial.analyse.claim.contrast import exceeds, flat, trend
from fairtrial.analyse.claim.limit import below
from fairtrial.analyse.claim.weighing import Case, Weighed, crossed
from fairtrial.analyse.curve.crossover import crossover
from fairtrial.analyse.curve.threshold import threshold
from fairtrial.analyse.data import Data
from fairtrial.model.choice import ClaimFinding
from fairtrial.model.claim import Claim, ClaimKind
from fairtrial.model.curve import CrossoverFinding, ThresholdFinding
from fairtrial.model.finding import Interval, Needed, Verdict
from fairtrial.model.study import Study, unit_of
from fairtrial.model.words import count, level, percent, probability, span
from fairtrial.stats.multiplicity import holm
from fairtrial.stats.power import noncentrality, replicates_for, smallest_effect

_WEIGH: Mapping[ClaimKind, Callable[[Case], Weighed]] = {
    ClaimKind.INCREASES: trend,
    ClaimKind.DECREASES: trend,
    ClaimKind.FLAT: flat,
    ClaimKind.EXCEEDS: exceeds,
    ClaimKind.BELOW: below,
}


@dataclass(frozen=True, slots=True)
class Detectors:
    """What looks for thresholds and crossings: whoever asks for them elsewhere too may give some that remember."""

    threshold: Callable[..., ThresholdFinding] = threshold
    crossover: Callable[..., CrossoverFinding] = crossover


def claims(found: Data, study: Study, *, seed: int = 0, detectors: Detectors = Detectors()) -> tuple[ClaimFinding, ...]:
    """Give a verdict on each claim of a study, in its order.

    Supported where the claim's p, corrected by Holm over all claims, is at most alpha; not supported where its
    contrary is shown in the same way; else inconclusive. Never either with one replicate, nor where fewer trials gave
    a value than the study's completeness asks for. A threshold and a crossing have detectors of their own; for a
    crossing, which has no p, alpha is divided by the number of claims. Raises UnknownName for a metric, factor or arm
    that was not measured, UserError for a factor without order.
    """
    evidence = [_evidence(found, study, claim, seed, detectors=detectors) for claim in study.expect]
    adjusted = holm([1.0 if isinstance(one, ClaimFinding) and one.p is None else one.p for one in evidence])
    against = holm([one.against if isinstance(one, Weighed) else None for one in evidence])
    return tuple(
        _kept(one, study, p) if isinstance(one, ClaimFinding) else _judged(claim, one, study, (p, contrary))
        for claim, one, p, contrary in zip(study.expect, evidence, adjusted, against, strict=True)
    )


def _evidence(found: Data, study: Study, claim: Claim, seed: int, *, detectors: Detectors) -> Weighed | ClaimFinding:
    """Weigh a claim, or have it judged by a detector of its own."""
    case = Case(found, study, claim)
    if claim.kind in _WEIGH:
        there = len(np.unique(found.replicate))
        return replace(_WEIGH[claim.kind](case), unit=unit_of(study.metrics, claim.metric), there=there)
    if len(found.ordered(claim.factor).levels) > 1 and crossed(case) is None:
        return _ungridded(claim)
    if claim.kind is ClaimKind.THRESHOLD:
        return _threshold(found, study, claim, seed, look=detectors.threshold)
    return _crossing(found, study, claim, seed, look=detectors.crossover)


def _ungridded(claim: Claim) -> ClaimFinding:
    """Leave a claim about a curve open where each value of the factor met other settings of the rest."""
    met = f"the values of {claim.factor} met different settings of the other factors"
    said = f"Inconclusive: {met}; {claim.text!r} needs a grid over {claim.factor}."
    return ClaimFinding(claim.text, Verdict.INCONCLUSIVE, said, None, None, None, None, Needed(None))


def _threshold(
    found: Data, study: Study, claim: Claim, seed: int, *, look: Callable[..., ThresholdFinding]
) -> ClaimFinding:
    made = look(
        found,
        metric=claim.metric,
        factor=claim.factor,
        alpha=study.alpha,
        completeness=study.completeness,
        seed=seed,
    )
    verdict, said, place = made.verdict, made.answer, made.place_interval
    if verdict is Verdict.SUPPORTED and claim.near is not None and place is not None:
        inside = place.low <= claim.near <= place.high
        verdict = verdict if inside else Verdict.NOT_SUPPORTED
        said = f"{said} {level(claim.near)} lies {'inside' if inside else 'outside'} the interval of its place."
    return ClaimFinding(claim.text, verdict, said, made.step, made.step_interval, made.p_step, None, made.needed)


def _crossing(
    found: Data, study: Study, claim: Claim, seed: int, *, look: Callable[..., CrossoverFinding]
) -> ClaimFinding:
    first, second = claim.arms
    made = look(
        found,
        study.metrics,
        metric=claim.metric,
        factor=claim.factor,
        arms=(first, second),
        prices=study.prices,
        alpha=study.alpha / len(study.expect),
        completeness=study.completeness,
        seed=seed,
    )
    return ClaimFinding(claim.text, made.verdict, made.answer, made.place, made.place_interval)


def _kept(detected: ClaimFinding, study: Study, p: float | None) -> ClaimFinding:
    """Keep a detector's verdict, unless its p does not stand beside the other claims."""
    if detected.p is None:
        return detected
    if detected.verdict is Verdict.SUPPORTED and p is not None and p > study.alpha:
        said = f"{detected.answer} Beside {_others(study)} that is not enough ({probability(p)} by Holm)."
        return replace(detected, verdict=Verdict.INCONCLUSIVE, p_adjusted=p, answer=said)
    return replace(detected, p_adjusted=p)


def _judged(claim: Claim, weighed: Weighed, study: Study, adjusted: tuple[float | None, float | None]) -> ClaimFinding:
    """Judge a claim by its p and its contrary's, both corrected."""
    p, against = adjusted
    verdict = _verdict(weighed, study, p, against)
    needed = _needed(weighed, study, verdict)
    return ClaimFinding(
        claim=claim.text,
        verdict=verdict,
        answer=_answer(weighed, study, verdict, p if verdict is not Verdict.NOT_SUPPORTED else against, needed),
        estimate=weighed.estimate,
        interval=weighed.interval,
        p=weighed.p,
        p_adjusted=p,
        needed=needed,
    )


def _verdict(weighed: Weighed, study: Study, p: float | None, against: float | None) -> Verdict:
    if weighed.n < 2 or weighed.share < study.completeness or p is None:
        return Verdict.INCONCLUSIVE
    if weighed.veto or (against is not None and against <= study.alpha):
        return Verdict.NOT_SUPPORTED
    return Verdict.SUPPORTED if p <= study.alpha else Verdict.INCONCLUSIVE


def _needed(weighed: Weighed, study: Study, verdict: Verdict) -> Needed:
    """Say what would have been seen, and how many replicates would do where they are what is missing."""
    alpha, sd = study.alpha / len(study.expect), weighed.sd or 0.0
    able = weighed.replicable and weighed.share >= study.completeness
    if weighed.n < 2:
        return Needed(None, max(2, weighed.there + 1) if able else None)
    if weighed.df is not None:
        return Needed(noncentrality(weighed.df, alpha, sides=1) * sd)
    smallest = smallest_effect(sd, weighed.n, alpha=alpha, paired=True, sides=1)
    if verdict is not Verdict.INCONCLUSIVE or not able:
        return Needed(smallest)
    more = replicates_for(abs(weighed.gap), sd, alpha=alpha, paired=True, sides=1)
    return Needed(smallest, None if more is None else max(more, weighed.there + 1))


def _answer(weighed: Weighed, study: Study, verdict: Verdict, p: float | None, needed: Needed) -> str:
    """Say it in one sentence: the verdict, what was seen, on what it rests."""
    ends = "" if weighed.interval is None else f"{span(_as_said(weighed, weighed.interval), weighed.unit)}; "
    said = f"{verdict.value.capitalize()}: {weighed.said} ({ends}{weighed.rests})"
    if weighed.share < study.completeness:
        return f"{said}, but only {percent(weighed.share)} of the trials gave a value."
    if p is None or (weighed.veto and p > study.alpha):
        return f"{said}."
    family = f" by Holm over {count(len(study.expect), 'claim')}" if len(study.expect) > 1 else ""
    against = "against it " if verdict is Verdict.NOT_SUPPORTED else ""
    return f"{said}, {against}{probability(p)}{family}{_hint(verdict, needed)}."


def _as_said(weighed: Weighed, interval: Interval) -> Interval:
    """Turn an interval round where the sentence says its number without the sign: 'falls by 1 (0.8 to 1.2)'."""
    if not weighed.turned:
        return interval
    return Interval(-interval.high, -interval.low, interval.level, interval.method)


def _hint(verdict: Verdict, needed: Needed) -> str:
    if verdict is not Verdict.INCONCLUSIVE or needed.replicates is None:
        return ""
    return f"; {count(needed.replicates, 'replicate')} would settle it if this is how large it is"


def _others(study: Study) -> str:
    return f"{count(len(study.expect) - 1, 'other claim')}"
