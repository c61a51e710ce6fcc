"""Importance: the share of a metric's variance that each factor explains on its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fairtrial.analyse.crossed import canonical_order, settings
from fairtrial.analyse.data import Data
from fairtrial.analyse.effect.drawn import binned, conditions_of
from fairtrial.analyse.effect.term import BINNED, Asked
from fairtrial.model.effect import Importance
from fairtrial.model.finding import Interval
from fairtrial.stats.importance import shares
from fairtrial.stats.resample import generator
from fairtrial.stats.summary import Floats, Integers

BINS, EACH = 20, 3
"""A factor of many levels is put in that many bins at most, of that many trials at least: few bins hide a valley."""
LEAST = 3
"""Bins below which a factor that first falls and then rises would seem to do nothing."""
FEW = 2
"""Trials a level below which its levels are too many to be used as they are."""
BOOTSTRAPS = 200


def importance(
    found: Data, values: Floats, names: Sequence[str], asked: Asked, *, crossed: bool
) -> tuple[Importance, ...]:
    """Return the factors' shares, most important first; empty where nothing varies.

    A factor of which there are too few trials to see a rise and a fall is left out.

    Drawn again in the bootstrap are the replicates of each condition where the design is crossed, else conditions.
    """
    column, strata, codes = _crossed(found, values, names) if crossed else _drawn(found, values, names)
    if len(column) < 2:
        return ()
    kept = [place for place, name in enumerate(names) if _bins(found, name, len(codes[place])) >= LEAST]
    names, codes = [names[place] for place in kept], [codes[place] for place in kept]
    placed = [
        binned(code, found.factors[name], _bins(found, name, len(code))).codes
        for name, code in zip(names, codes, strict=True)
    ]
    rng = generator(asked.seed, "importance", asked.metric)
    made = shares(column, placed, strata, repeats=BOOTSTRAPS, level=asked.level, rng=rng)
    method = f"percentile bootstrap, {BOOTSTRAPS} draws, centred"
    told = [
        Importance(name, one[0], Interval(one[1], one[2], asked.level, method))
        for name, one in zip(names, made, strict=True)
        if one is not None
    ]
    return tuple(sorted(told, key=lambda one: (-one.share, names.index(one.factor))))


def _crossed(found: Data, values: Floats, names: Sequence[str]) -> tuple[Floats, Integers, list[Integers]]:
    """Return the trials with a value by condition and replicate: values, conditions, and the places of the levels."""
    whole = np.ones(len(found), dtype=np.bool_)
    condition = settings(found, (), whole)
    order = np.lexsort((values, found.replicate, condition))
    order = order[np.isfinite(values[order])]
    ranks = [np.append(np.argsort(canonical_order(found.factors[name])), -1) for name in names]
    codes = [rank[found.factors[name].codes[order]] for name, rank in zip(names, ranks, strict=True)]
    return values[order], condition[order], codes


def _drawn(found: Data, values: Floats, names: Sequence[str]) -> tuple[Floats, Integers, list[Integers]]:
    units = conditions_of(found, values)
    return units.values, np.zeros(len(units.values), dtype=np.int64), [units.factors[name] for name in names]


def _bins(found: Data, name: str, trials: int) -> int:
    """Return the number of bins of a factor, more than it has levels where each is its own."""
    column = found.factors[name]
    plain = len(column.levels) <= BINNED and trials >= FEW * len(column.levels)
    return BINNED if plain or not column.ordered else min(BINS, trials // EACH)
