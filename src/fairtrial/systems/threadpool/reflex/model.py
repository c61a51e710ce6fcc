"""The learned model as plain arrays: the expected cost of every size, without the library that learned it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import thread_time

import numpy as np

from fairtrial.stats.summary import Floats, Integers, Mask
from fairtrial.systems.threadpool.reflex.arrays import Arrays

ENOUGH_S = 0.2
"""How long decisions are timed."""


@dataclass(frozen=True, slots=True, eq=False)
class Reflex:
    """A learned chooser: `costs` are the expected p95 of each size over that of the best one."""

    kind: str
    arrays: Arrays
    trained: str
    """Digest of the data that it was learned from: 16 hexadecimal digits."""
    made: Mapping[str, str] = field(default_factory=dict)
    """Where it comes from: run, study and the like, as the caller has it."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes that it chooses from, ascending."""
        return tuple(self.arrays.sizes.tolist())

    def costs(self, features: Floats) -> Floats:
        """Return (rows, sizes): the expected ratio of p95 to the best; NaN where a feature is missing.

        Sizes within 1 % of the lowest get the lowest cost: the smallest of them is the choice.
        """
        from fairtrial.systems.threadpool.reflex import infer

        logs = infer.log_costs(self.arrays, _rows(features))
        lowest = logs.min(axis=1, keepdims=True)
        costs: Floats = np.exp(np.where(logs <= lowest + infer.TIE, lowest, logs))
        return costs

    def inside(self, features: Floats) -> Mask:
        """Say of each row whether every feature is within what was trained on; False where one is missing."""
        from fairtrial.systems.threadpool.reflex import infer

        found: Mask = infer.inside(self.arrays, _rows(features))
        return found

    def decide(self, features: Floats) -> Integers:
        """Return the size chosen for each row (rows, 10), all in compiled code; 0: out of range or missing."""
        from fairtrial.systems.threadpool.reflex import infer

        found: Integers = infer.decisions(self.arrays, _rows(features))
        return found


def decisions_per_s(reflex: Reflex, features: Floats, *, clock: Callable[[], float] = thread_time) -> float:
    """Return how many decisions a second of CPU one core takes in compiled code, over rows (rows, 10) in turn."""
    from fairtrial.systems.threadpool.reflex import infer

    rows = _rows(features)
    infer.spin(reflex.arrays, rows, 1)  # compiles
    rounds = 1
    while True:
        begin = clock()
        infer.spin(reflex.arrays, rows, rounds)
        took = clock() - begin
        if took >= ENOUGH_S:
            return rounds * len(rows) / took
        rounds *= 2


def _rows(features: Floats) -> Floats:
    """Return rows in the one layout that the kernels are compiled for."""
    return np.ascontiguousarray(np.atleast_2d(np.asarray(features, dtype=np.float64)))
