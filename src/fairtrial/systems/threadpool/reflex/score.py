"""What a choice of sizes costs: regret against the best size, row by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairtrial.stats.summary import Floats, Integers, Mask
from fairtrial.systems.threadpool.label.judge import judge
from fairtrial.systems.threadpool.label.record import Labelled
from fairtrial.systems.threadpool.parameters import Policy
from fairtrial.systems.threadpool.record import Chooser
from fairtrial.systems.threadpool.reflex.choice import choose
from fairtrial.systems.threadpool.reflex.target import CAP, halves, means


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What rows are scored by, whoever chooses; one entry a row."""

    sizes: tuple[int, ...]
    best: Integers
    """The size with the lowest mean p95, over the replicates that name it (`target.halves`)."""
    regret: Floats
    """(rows, sizes): p95 over that of the best, less 1, over the replicates that score; at most `target.CAP`."""
    stable: Mask
    """(rows, sizes)."""
    inside: Floats
    """(rows, sizes): 1 in the best set of all replicates, 0 out of it, NaN where the row has no best set."""


@dataclass(frozen=True, slots=True)
class Score:
    """One entry a row that was tested."""

    chosen: Integers
    """The size that the policy took; where it did not know, the one that it falls back to."""
    lost: Mask
    """The policy did not know: out of range, or a number was missing."""
    best: Integers
    regret: Floats
    unstable: Mask
    """The chosen size cannot do what arrives: its regret is the cap."""
    in_best: Floats


def yardstick(labelled: Labelled) -> Yardstick:
    """Return what these rows are scored by; all must be usable (`target.usable`)."""
    split = halves(labelled)
    best = means(labelled, split.naming).argmin(axis=1)
    p95_s = means(labelled, split.scoring)
    lowest = np.take_along_axis(p95_s, best[:, None], axis=1)
    sizes = np.asarray(labelled.sizes, dtype=np.int64)
    sets = [np.isin(sizes, label.best) if label.best else np.full(len(sizes), np.nan) for label in judge(labelled)]
    regret: Floats = np.minimum(p95_s / lowest - 1, CAP)
    return Yardstick(labelled.sizes, sizes[best], regret, labelled.stable, np.array(sets, dtype=np.float64))


def score(chooser: Chooser, features: Floats, yard: Yardstick, policy: Policy) -> Score:
    """Return how a chooser did on these rows, obeyed as it would be: where it does not know, it falls back.

    Raises UserError for a size that the labels do not have.
    """
    chosen, lost = choose(chooser, features, among=yard.sizes, fallback=policy.workers)
    column = np.searchsorted(yard.sizes, chosen)
    row = np.arange(len(chosen))
    return Score(chosen, lost, yard.best, yard.regret[row, column], ~yard.stable[row, column], yard.inside[row, column])


def joined(parts: list[tuple[Integers, Score]]) -> Score:
    """Return the scores of several tests as one, in the order of the places of their rows."""
    order = np.argsort(np.concatenate([places for places, _ in parts]), kind="stable")

    def column(name: str) -> np.ndarray[tuple[int], np.dtype[np.generic]]:
        return np.asarray(np.concatenate([getattr(one, name) for _, one in parts])[order])

    return Score(**{name: column(name) for name in Score.__dataclass_fields__})  # type: ignore[arg-type]
