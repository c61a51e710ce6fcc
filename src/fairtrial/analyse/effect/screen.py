"""Every factor and pair of factors tested on a metric, by the test that the design allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from fairtrial.analyse.crossed import ENOUGH, Box, box
from fairtrial.analyse.data import Data, point, points
from fairtrial.analyse.effect.drawn import conditions_of, terms
from fairtrial.analyse.effect.term import Asked, Levels, Term, levels_of, table_of, term, untested
from fairtrial.model.effect import Marginal
from fairtrial.model.words import level, percent
from fairtrial.stats.summary import Floats


@dataclass(frozen=True, slots=True)
class Screen:
    """All that was tested, not yet corrected for many."""

    terms: tuple[Term, ...]
    """Main effects, then interactions."""
    marginals: tuple[Marginal, ...]
    replicates: int
    """Replicates that the tests rest on: complete ones."""
    crossed: bool
    conditions: int
    """Conditions with a value."""
    gaps: tuple[str, ...]
    """What the tests leave out, or average unevenly."""


def screen(found: Data, values: Floats, names: Sequence[str], asked: Asked) -> Screen:
    """Test factors and their pairs: over replicates where the design is crossed, over conditions where it is not."""
    pairs = list(combinations(names, 2))
    boxes = {name: box(found, values, (name,)) for name in names}
    stand = {name: one for name, one in boxes.items() if one is not None and one.kept >= ENOUGH}
    replicates = min((one.complete.shape[-1] for one in stand.values()), default=0)
    if stand and replicates >= 2:
        tested = [_main(found, name, boxes[name], asked) for name in names]
        tested += [_pair(found, values, pair, asked) for pair in pairs]
        marginals = tuple(_marginal(found, name, boxes[name], asked) for name in names)
        conditions = len(np.unique(found.condition[np.isfinite(values)]))
        return Screen(tuple(tested), marginals, replicates, crossed=True, conditions=conditions, gaps=_gaps(stand))
    units = conditions_of(found, values)
    drawn, marginals = terms(found, units, names, pairs, asked)
    gaps = (f"{units.dropped} conditions with a missing value",) if units.dropped else ()
    rest = replicates if stand else units.replicates
    return Screen(tuple(drawn), marginals, rest, crossed=False, conditions=len(units.values), gaps=gaps)


def _main(found: Data, name: str, part: Box | None, asked: Asked) -> Term:
    if part is None or part.kept < ENOUGH:
        return untested((name,), f"its levels did not meet the same settings of the other factors{_kept(part)}")
    return term((name,), part, [found.factors[name]], asked)


def _pair(found: Data, values: Floats, names: tuple[str, str], asked: Asked) -> Term:
    part = box(found, values, names)
    if part is None or part.kept < ENOUGH:
        return untested(names, f"their levels are not crossed{_kept(part)}")
    return term(names, part, [found.factors[name] for name in names], asked)


def _kept(part: Box | None) -> str:
    return "" if part is None else f" in more than {percent(part.kept)} of the trials"


def _gaps(boxes: Mapping[str, Box]) -> tuple[str, ...]:
    """Say what the crossed parts leave out."""
    said = [f"{name} = {level(value)}" for one in boxes.values() for name, value in one.absent]
    said += [
        f"{percent(1 - one.kept)} of the trials for {name}"
        for name, one in boxes.items()
        if one.kept < 1 and not one.absent
    ]
    return tuple(dict.fromkeys(said))


def _marginal(found: Data, name: str, part: Box | None, asked: Asked) -> Marginal:
    column = found.factors[name]
    if part is None:
        return Marginal(name, column.ordered, points(found, asked.metric, name, level=asked.level))
    levels = levels_of(column, part.levels[0].tolist())
    table = table_of(part.values, [levels])
    made = tuple(
        point(label, levels.x[place], table[place], missing=_missing(part, levels, place), level=asked.level)
        for place, label in enumerate(levels.labels)
    )
    return Marginal(name, column.ordered, made)


def _missing(part: Box, levels: Levels, place: int) -> int:
    return int(np.isnan(part.values[list(levels.groups[place])]).sum())
