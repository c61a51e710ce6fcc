"""How well weights choose that were fitted to other rows, beside the published ones and beside one size for all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairtrial.stats.resample import percentile
from fairtrial.stats.summary import Floats, Integers
from fairtrial.systems.threadpool.label.record import Labelled
from fairtrial.systems.threadpool.reflex.score import Yardstick, yardstick
from fairtrial.systems.threadpool.reflex.split import folds
from fairtrial.systems.threadpool.weights.logit import ridge
from fairtrial.systems.threadpool.weights.preference import Preferences

DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Choice:
    """How one way to choose did, over all rows."""

    name: str
    regret: float
    """Mean: p95 over that of the best size, less 1; an unstable size counts 10."""
    low: float
    high: float
    in_best: float | None
    """Share of the rows with a best set whose choice is in it; None: no row has one."""
    unstable: float
    """Share of the rows whose choice cannot do what arrives."""


def compare(labelled: Labelled, terms: Floats, found: Preferences, published: Floats, *, seed: int) -> list[Choice]:
    """Return the choices of fitted weights, of the published ones and of one size for all, of terms (rows, sizes, k).

    In five folds of rows: weights are fitted, and the constant is named, by the rows of the other folds; the weights
    also to unstable sizes being worse (`found` has them), by `logit.ridge`. Regret is scored by replicates that did not
    name the best size, where there are four. Intervals are a bootstrap over rows.
    """
    yard = yardstick(labelled)
    rng = np.random.default_rng([seed, 1])
    fitted, constant = np.zeros((2, len(labelled.rows)), dtype=np.int64)
    for part in folds(labelled, seed=seed):
        kept = np.isin(found.row, part.train)
        weights = np.zeros(terms.shape[2])
        if kept.any():
            weights = ridge(found.differences(terms)[kept])
        fitted[part.test] = (terms[part.test] @ weights).argmin(axis=1)
        constant[part.test] = yard.regret[part.train].mean(axis=0).argmin()
    ways = {"fitted weights": fitted, "published weights": (terms @ published).argmin(axis=1), "one size": constant}
    return [_choice(name, places, yard, rng=rng) for name, places in ways.items()]


def _choice(name: str, places: Integers, yard: Yardstick, *, rng: np.random.Generator) -> Choice:
    rows = np.arange(len(places))
    regret, inside = yard.regret[rows, places], yard.inside[rows, places]
    times = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=DRAWS)
    low, high = percentile(times @ regret / len(rows), 0.95)
    known = inside[np.isfinite(inside)]
    in_best = float(known.mean()) if len(known) else None
    return Choice(name, float(regret.mean()), low, high, in_best, float((~yard.stable[rows, places]).mean()))
