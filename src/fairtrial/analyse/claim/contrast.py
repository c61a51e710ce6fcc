"""Claims about levels and arms, weighed on one number a replicate: a trend, no difference, a difference."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from fairtrial.analyse.claim.drawn import METHOD, Drawn, drawn
from fairtrial.analyse.claim.weighing import Case, Weighed, crossed, open_, table_of, thin, turned
from fairtrial.analyse.crossed import box
from fairtrial.analyse.data import ARMS, arm
from fairtrial.model.claim import ClaimKind, Margin
from fairtrial.model.words import count, percent
from fairtrial.stats.difference import Difference, one_sided, paired
from fairtrial.stats.equivalence import tost
from fairtrial.stats.summary import Floats, Mask

FLAT = 0.05
"""Share of the mean within which a metric is flat, where the study's `gate` has no margin for it."""


def trend(case: Case) -> Weighed:
    """Weigh `M increases | decreases with F`: the slope over the places of the levels, one a replicate.

    It is vetoed where two levels are shown (Bonferroni over the pairs) to lie the other way round; that and a slope
    the other way speak against it with half of alpha each.
    """
    column = case.found.ordered(case.claim.factor)
    rows, part = column.codes >= 0, crossed(case)
    if part is None:
        return _uncrossed(case, rows, _drawn_trend)
    table = table_of(part)
    if table.shape[1] < 2:
        return thin(case, table.shape[1], rows)
    places = np.arange(len(table)) - (len(table) - 1) / 2
    rises = (len(table) - 1) * (places @ table) / float((places**2).sum())
    sign = 1.0 if case.claim.kind is ClaimKind.INCREASES else -1.0
    forward, back = paired((sign * rises).tolist()), paired((-sign * rises).tolist())
    pairs = list(combinations(range(len(table)), 2))
    reversed_ = [one_sided(paired((sign * (table[low] - table[high])).tolist())) for low, high in pairs]
    veto = min(reversed_) * len(pairs) * len(case.study.expect) <= case.study.alpha / 2
    seen = paired(rises.tolist(), case.level)
    back_ = ", and turns back on the way" if veto and forward.estimate > 0 else ""
    return Weighed(
        said=f"{_moves(case, seen)} from the lowest {case.claim.factor} to the highest{back_}",
        p=one_sided(forward),
        against=min(1.0, 2 * one_sided(back)),
        estimate=seen.estimate,
        interval=case.interval(seen),
        sd=seen.se * math.sqrt(len(rises)),
        gap=forward.estimate,
        n=len(rises),
        share=case.share(rows),
        veto=veto,
        rests=count(len(rises), "replicate"),
        turned=seen.estimate < 0,
    )


def _moves(case: Case, seen: Difference) -> str:
    verb = "falls" if seen.estimate < 0 else "rises"
    return f"{case.claim.metric} {verb} by {case.shown(abs(seen.estimate))}"


def _uncrossed(case: Case, rows: Mask, weigh: Callable[[Case, Drawn], Weighed]) -> Weighed:
    """Weigh a claim on a factor that is not crossed with the others, or say why that cannot be."""
    factor = case.claim.factor
    if len(np.unique(case.found.factor(factor).codes[rows])) < 2:
        return open_(case, rows, f"{factor} has one level, and nothing changes with it")
    found = drawn(case)
    if found is None:
        return open_(case, rows, f"the conditions measured are too few to tell {factor} from the other factors")
    if found.replicates < 2:
        return thin(case, found.replicates, rows)
    return replace(weigh(case, found), n=found.replicates, share=case.share(rows), rests=found.rests, replicable=False)


def _drawn_trend(case: Case, found: Drawn) -> Weighed:
    """Weigh a trend over groups of neighbouring values of the factor."""
    sign = 1.0 if case.claim.kind is ClaimKind.INCREASES else -1.0
    seen, pairs = found.rise(), list(found.pairs())
    reversed_ = min(one_sided(turned(one) if sign > 0 else one) for one in pairs)
    veto = reversed_ * len(pairs) * len(case.study.expect) <= case.study.alpha / 2
    forward, back = (seen, turned(seen)) if sign > 0 else (turned(seen), seen)
    back_ = ", and turns back on the way" if veto and forward.estimate > 0 else ""
    groups = f"the lowest of {found.groups} groups of {case.claim.factor} to the highest"
    return Weighed(
        said=f"{_moves(case, seen)} from {groups}{back_}",
        p=one_sided(forward),
        against=min(1.0, 2 * one_sided(back)),
        estimate=seen.estimate,
        interval=case.interval(seen, METHOD),
        sd=seen.se,
        df=seen.df,
        gap=forward.estimate,
        veto=veto,
        turned=seen.estimate < 0,
    )


def flat(case: Case) -> Weighed:
    """Weigh `M is flat with F`: every difference between two levels lies within the margin.

    Two one-sided tests for each pair of levels, all of which must agree, so no correction is due; the contrary is one
    pair beyond the margin (Bonferroni over pairs and sides).
    """
    rows, part = case.found.factor(case.claim.factor).codes >= 0, crossed(case)
    if part is None:
        return _uncrossed(case, rows, _drawn_flat)
    table = table_of(part)
    replicates = table.shape[1]
    if replicates < 2:
        return thin(case, replicates, rows)
    ways = [paired((table[high] - table[low]).tolist(), case.level) for low, high in combinations(range(len(table)), 2)]
    found = _within(case, ways, _flat_margin(case, float(table.mean())))
    return replace(
        found,
        sd=(found.sd or 0.0) * math.sqrt(replicates),
        n=replicates,
        share=case.share(rows),
        rests=count(replicates, "replicate"),
    )


def _drawn_flat(case: Case, found: Drawn) -> Weighed:
    """Weigh the differences between groups of neighbouring values of the factor."""
    weighed = _within(case, list(found.pairs()), _flat_margin(case, found.mean))
    interval = None if weighed.interval is None else replace(weighed.interval, method=METHOD)
    return replace(weighed, interval=interval, df=float(found.means.error_df))


def _within(case: Case, ways: Sequence[Difference], margin: float) -> Weighed:
    """Say whether all differences lie within the margin; `sd` is the standard error of the largest."""
    largest = max((one if one.estimate >= 0 else turned(one) for one in ways), key=lambda one: one.estimate)
    beyond = [one_sided(way, margin) for one in ways for way in (one, turned(one))]
    return Weighed(
        said=f"{case.claim.metric} differs by up to {case.shown(largest.estimate)} between levels of "
        f"{case.claim.factor}, where flat means within {case.shown(margin)}",
        p=max(tost(one, margin) for one in ways) if margin > 0 else 1.0,
        against=min(1.0, min(beyond) * len(beyond)),
        estimate=largest.estimate,
        interval=case.interval(largest),
        sd=largest.se,
        gap=margin - largest.estimate,
    )


def exceeds(case: Case) -> Weighed:
    """Weigh `A.M > B.M [by X | X%]`: paired by seed over the settings that both arms met, own factors averaged."""
    better, worse = case.claim.arms
    rows = arm(case.found, better) | arm(case.found, worse)
    part = box(case.found, case.values, (ARMS,), keep=rows)
    table = table_of(part)
    if part is None:
        return open_(case, rows, f"{better} and {worse} met no settings in common")
    if table.shape[1] < 2:
        return thin(case, table.shape[1], rows)
    names = [case.found.factors[ARMS].levels[code] for code in part.levels[0].tolist()]
    first, second = table[names.index(better)], table[names.index(worse)]
    beyond = paired((first - second - _margin(case.claim.margin, second)).tolist())
    seen = paired((first - second).tolist(), case.level)
    relation = "above" if seen.estimate >= 0 else "below"
    size = f"{case.shown(abs(seen.estimate))}{_relative(seen.estimate, second)}"
    return Weighed(
        said=f"{case.claim.metric} of {better} is {size} {relation} that of {worse}",
        p=one_sided(beyond),
        against=one_sided(turned(beyond)),
        estimate=seen.estimate,
        interval=case.interval(seen),
        sd=beyond.se * math.sqrt(len(first)),
        gap=beyond.estimate,
        n=len(first),
        share=case.share(rows),
        rests=count(len(first), "pair"),
        turned=seen.estimate < 0,
    )


def _margin(margin: Margin | None, against: Floats) -> Floats:
    """Return by how much the first arm must be above the second in each replicate."""
    if margin is None:
        return np.zeros_like(against)
    return margin.value * np.abs(against) if margin.relative else np.full_like(against, margin.value)


def _relative(difference: float, against: Floats) -> str:
    base = abs(float(against.mean()))
    return f" ({percent(abs(difference) / base)})" if base else ""


def _flat_margin(case: Case, mean: float) -> float:
    """Return the margin of the study's gate for the metric, else FLAT of the mean."""
    gates = (one.worse_by for one in case.study.gate if one.metric == case.claim.metric)
    declared = next(gates, Margin(FLAT, relative=True))
    return declared.value * abs(mean) if declared.relative else declared.value
