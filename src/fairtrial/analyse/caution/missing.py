"""Doubts about what is missing: too few replicates, an incomplete run, failures that censor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.analyse.crossed import canonical_order, settings
from fairtrial.analyse.data import Data
from fairtrial.analyse.doubts import FEW, REPLICATE, reached
from fairtrial.analyse.effect.drawn import binned
from fairtrial.model.finding import Caution, CautionKind
from fairtrial.model.study import ABSENT, Study
from fairtrial.model.words import condition, count, level, probability
from fairtrial.stats.resample import generator, permutation_p
from fairtrial.stats.summary import Integers, Mask

ALPHA = 0.05
"""Chance of a false caution that failures censor, shared among the factors."""
REPEATS = 999
UNDEFINED = "undefined"
NOTHING = "They are done, and a metric has no value there: read their other metrics; measuring again changes nothing."
MANY, BINS = 1_000, 5
"""Conditions up to which failures are looked for in single ones; bins of a factor with many levels."""


def missing(found: Data, study: Study, metrics: Sequence[str], planned: int | None) -> Iterator[Caution]:
    """List the doubts about what is missing."""
    lacking: Mask = ~found.done
    for metric in metrics:
        lacking = lacking | np.isnan(found.metric(metric))
    yield from _few(found, lacking)
    yield from _incomplete(found, study, lacking, planned)
    if lacking.any() and not lacking.all():
        yield from _censored(found, study, lacking)


def _few(found: Data, lacking: Mask) -> Iterator[Caution]:
    values = np.bincount(found.condition, weights=~lacking).astype(np.int64)
    few = int((values < FEW).sum())
    if few:
        of = f"{few:,} of {count(len(values), 'condition')}"
        text = f"{of} have fewer than {FEW} values, the fewest {int(values.min())}."
        yield Caution(CautionKind.FEW_REPLICATES, text, REPLICATE)


def _incomplete(found: Data, study: Study, lacking: Mask, planned: int | None) -> Iterator[Caution]:
    if planned is not None and len(found) < planned:
        text = f"{len(found):,} of {count(planned, 'planned trial')} are settled."
        yield Caution(CautionKind.INCOMPLETE, text, "fairtrial run with the same study continues the run.")
    share = 1 - float(lacking.mean())
    if not reached(share, study.completeness):
        reasons = Counter(_reason(found, row) for row in np.flatnonzero(lacking).tolist())
        told = ", ".join(f"{number:,} {reason}" for reason, number in sorted(reasons.items(), key=lambda one: -one[1]))
        run = found.measured.run
        text = f"{int(lacking.sum()):,} of {count(len(found), 'trial')} gave no value ({told})."
        again = f"See why with fairtrial show {run}, then fairtrial retry {run}."
        yield Caution(CautionKind.INCOMPLETE, text, NOTHING if set(reasons) == {UNDEFINED} else again)


def _reason(found: Data, row: int) -> str:
    if found.done[row]:
        return UNDEFINED
    return str(found.measured.failure[row] or found.measured.status[row])


@dataclass(frozen=True, slots=True)
class _Spread:
    """How failures spread over the levels of a factor, or over conditions."""

    what: str
    p: float
    level: str
    failed: int
    trials: int


def _censored(found: Data, study: Study, lacking: Mask) -> Iterator[Caution]:
    """Test whether what is missing depends on a factor, or on the condition."""
    spreads = list(_spreads(found, study, lacking))
    shown = [one for one in spreads if one.p * len(spreads) <= ALPHA]
    if not shown:
        return
    # the simplest account that fits: a factor before the condition
    worst = min(shown, key=lambda one: (one.what == "the condition", one.p))
    lost = f"{worst.level} lacks {worst.failed:,} of {count(worst.trials, 'value')}"
    text = f"What is missing depends on {worst.what} ({probability(worst.p * len(spreads))}): {lost}."
    advice = "Means there are of the survivors: raise the limit that failed them, or read the rest only."
    yield Caution(CautionKind.CENSORED, text, advice)


def _spreads(found: Data, study: Study, lacking: Mask) -> Iterator[_Spread]:
    for name, column in found.factors.items():
        rank = np.append(np.argsort(canonical_order(column)), -1)
        bins = binned(
            rank[column.codes], column, BINS if len(column.levels) > len(found) / BINS else len(column.levels)
        )
        if len(bins.labels) > 1:
            levels = [f"{name} = {level(label)}" for label in bins.labels]
            yield _spread(name, bins.codes, lacking, levels, study)
    conditions = int(found.condition.max()) + 1
    if 1 < conditions <= min(MANY, len(found) // 2) and len(found.factors) > 1:
        codes = settings(found, (), np.ones(len(found), dtype=np.bool_))
        first = np.unique(codes, return_index=True)[1].tolist()
        yield _spread("the condition", codes, lacking, [_label(found, row) for row in first], study)


def _label(found: Data, row: int) -> str:
    factors = found.measured.factors.items()
    assignment = {path: values[row] for path, values in factors if values[row] is not ABSENT}
    return condition(assignment, found.measured.variant[row])


def _spread(what: str, codes: Integers, lacking: Mask, levels: Sequence[str], study: Study) -> _Spread:
    """Compare the failures of each level with draws of as many trials from all."""
    has = codes >= 0
    trials = np.bincount(codes[has], minlength=len(levels))
    failed = np.bincount(codes[has], weights=lacking[has], minlength=len(levels)).astype(np.int64)
    expected = trials * (failed.sum() / trials.sum())
    rng = generator(study.seed, "censored", what)
    draws = rng.multivariate_hypergeometric(trials, int(failed.sum()), size=REPEATS)
    weight = np.where(trials > 0, 1 / np.maximum(trials, 1), 0.0)
    observed = float(((failed - expected) ** 2 * weight).sum())
    p = permutation_p(((draws - expected) ** 2 * weight).sum(axis=1), observed)
    worst = int((failed * weight).argmax())
    return _Spread(what, p, levels[worst], int(failed[worst]), int(trials[worst]))
