"""Which rows are learned from and which are tested: never the same ones, never two of one group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairtrial.errors import UserError
from fairtrial.stats.resample import generator
from fairtrial.stats.summary import Integers
from fairtrial.systems.threadpool.label.record import Labelled
from fairtrial.systems.threadpool.parameters import FAMILIES

FOLDS = 5


@dataclass(frozen=True, slots=True)
class Part:
    """Places of rows: what is tested was not learned from."""

    train: Integers
    test: Integers


def split(labelled: Labelled, held_out: str, *, seed: int) -> tuple[Part, ...]:
    """Return the part whose test is the family that is held out; `none`: a part for each family, all rows are tested.

    Where the rows are of one family alone, `none` gives folds of rows, as `folds` does. Raises UserError for a family
    that has no rows, and where nothing is left to learn from.
    """
    present = np.unique(labelled.family).tolist()
    if not present:
        raise UserError("no row of the labels has all its stable sizes measured: nothing to learn from or to test")
    if held_out == "none":
        if len(present) == 1:
            return folds(labelled, seed=seed)
        return tuple(_without(labelled, number) for number in present)
    number = FAMILIES.index(held_out)
    known = ", ".join(FAMILIES[one] for one in present)
    if number not in present:
        raise UserError(f"training.held_out is {held_out}, and no row of the labels is; families there: {known}")
    if len(present) == 1:
        raise UserError(f"training.held_out is {held_out}, and all rows of the labels are: none is left to learn from")
    return (_without(labelled, number),)


def folds(labelled: Labelled, *, seed: int) -> tuple[Part, ...]:
    """Return five parts of rows drawn at random, all families in each; rows with the same features stay together."""
    _, group = np.unique(labelled.features, axis=0, return_inverse=True)
    group = group.ravel()
    count = int(group.max()) + 1
    if count < 2:
        raise UserError("all rows of the labels have the same features: none is left to test")
    fold = (generator(seed, "threadpool", "folds").permutation(count) % min(FOLDS, count))[group]
    return tuple(Part(np.flatnonzero(fold != one), np.flatnonzero(fold == one)) for one in range(min(FOLDS, count)))


def _without(labelled: Labelled, number: int) -> Part:
    family = labelled.family
    return Part(np.flatnonzero(family != number), np.flatnonzero(family == number))
