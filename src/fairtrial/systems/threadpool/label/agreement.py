"""How far choices of a size agree with the labels, and what the labels have to do with the features: numbers only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.stats.interval import rate_interval
from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.label.record import Ints, Label, Labelled
from fairtrial.systems.threadpool.record import Chooser

NONE = 0
"""In place of a size: nothing was chosen."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Choices, one a row, against the labels; rows without a label are left out."""

    rows: int
    in_best: int
    """Choices that are in the best set of their row."""
    low: float
    """Lower and upper end of the 95 % interval of their share (Clopper and Pearson)."""
    high: float
    regret_mean: float
    """Over choices whose regret is known and finite; NaN for none."""
    regret_p95: float
    unstable: int
    """Choices that cannot do what arrives."""
    unknown: int
    """Rows without a choice, or with a size that was not measured."""
    confusion: np.ndarray[tuple[int, int], np.dtype[np.int64]]
    """(sizes, sizes): rows with this label, columns with this choice; choices of other sizes are in none."""

    @property
    def share(self) -> float:
        """The share of choices in the best set; NaN without rows."""
        return self.in_best / self.rows if self.rows else float("nan")


def chosen(chooser: Chooser, labelled: Labelled) -> Ints:
    """Return the size that a chooser takes in each row: the first of the lowest cost, NONE where no cost is known."""
    costs = chooser.costs(labelled.features)
    known = np.isfinite(costs).any(axis=1)
    places = np.where(np.isnan(costs), np.inf, costs).argmin(axis=1)
    sizes: Ints = np.where(known, np.array(chooser.sizes, dtype=np.int64)[places], NONE)
    return sizes


def agreement(labelled: Labelled, labels: Sequence[Label], choices: Ints) -> Agreement:
    """Compare choices, (rows,), with the labels of the same rows."""
    places = [place for place, label in enumerate(labels) if label.best]
    size = {size: at for at, size in enumerate(labelled.sizes)}
    confusion = np.zeros((len(size), len(size)), dtype=np.int64)
    regrets = np.full(len(places), np.nan)
    in_best = 0
    for at, place in enumerate(places):
        label, choice = labels[place], int(choices[place])
        in_best += choice in label.best
        if choice in size:
            regrets[at] = label.regret[size[choice]]
            confusion[size[label.best[0]], size[choice]] += 1
    low, high = rate_interval(in_best, len(places)) if places else (0.0, 1.0)
    finite = regrets[np.isfinite(regrets)]
    mean, tail = (float(finite.mean()), float(np.quantile(finite, 0.95))) if len(finite) else (np.nan, np.nan)
    unstable, unknown = int(np.isposinf(regrets).sum()), int(np.isnan(regrets).sum())
    return Agreement(len(places), in_best, low, high, mean, tail, unstable, unknown, confusion)


def alike(choices: Ints, others: Ints) -> tuple[float, float, float]:
    """Return the share of rows in which two choosers take the same size, and its 95 % interval; (rows,) each."""
    both = (choices != NONE) & (others != NONE)
    if not both.any():
        return np.nan, 0.0, 1.0
    same = int((choices == others)[both].sum())
    return same / int(both.sum()), *rate_interval(same, int(both.sum()))


def distribution(labelled: Labelled, labels: Sequence[Label]) -> dict[int, int]:
    """Return how many rows have each size as label, and how many have none (NONE)."""
    found = [NONE if label.smallest is None else label.smallest for label in labels]
    return {size: found.count(size) for size in (*labelled.sizes, NONE)}


def smallest(labels: Sequence[Label]) -> Floats:
    """Return the label of each row, (rows,), NaN for none."""
    return np.array([np.nan if label.smallest is None else label.smallest for label in labels], dtype=np.float64)
