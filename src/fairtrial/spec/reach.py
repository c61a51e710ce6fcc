"""What the levels of a study reach: the ends of a factor, and whether any condition may meet a rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod

from fairtrial.model.rule import Rule
from fairtrial.model.study import Factor, Study, Value, Variant

MOST = 100_000
"""Combinations of levels that a rule is tried on; one over more of them passes."""


def ends(factors: Sequence[Factor], path: str) -> tuple[float, float]:
    """Return the lowest and the highest level of an ordered factor, in whichever arm."""
    found = [end for factor in factors for end in _values(factor, path)]
    return min(found), max(found)


def _values(factor: Factor, path: str) -> Iterator[float]:
    if factor.interval is not None:
        yield from (factor.interval.low, factor.interval.high)
    place = factor.paths.index(path)
    yield from (row[place] for row in factor.levels or ())


def may_hold(rule: Rule, study: Study) -> bool:
    """Say whether a condition may meet a rule; over a factor whose levels are drawn, nobody can say no.

    Raises UserError where the rule makes no sense for a level.
    """
    if any(rule.holds({**item.assignment, "variant": item.variant}) for item in study.include):
        return True
    return any(_may_hold(rule, study, variant) for variant in study.variants)


def _may_hold(rule: Rule, study: Study, variant: Variant) -> bool:
    used = [factor for factor in study.all_factors(variant) if rule.names & set(factor.paths)]
    levels = [factor.levels for factor in used if factor.levels is not None]
    if len(levels) < len(used) or prod(map(len, levels)) > MOST:
        return True
    return any(rule.holds(_assigned(variant, used, rows)) for rows in product(*levels))


def _assigned(variant: Variant, factors: Sequence[Factor], rows: Sequence[Sequence[Value]]) -> Mapping[str, Value]:
    pairs = zip(factors, rows, strict=True)
    return {"variant": variant.name} | {
        path: value for factor, row in pairs for path, value in zip(factor.paths, row, strict=True)
    }
