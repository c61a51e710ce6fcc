"""Plans of trials that were chosen one by one, and plans with something to say."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from random import Random

from fairtrial.contract.strategy import Block, Count, Plan
from fairtrial.model.identity import stream_seed
from fairtrial.model.study import Study
from fairtrial.model.trial import Trial


class Picked:
    """A plan of just these trials, in this order."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        self._trials = [replace(trial, position=place) for place, trial in enumerate(trials)]

    def count(self) -> Count:
        """Return how many trials it has."""
        conditions = {(trial.condition.digest, trial.inputs) for trial in self._trials}
        return Count(len(self._trials), len(conditions))

    def blocks(self, size: int = 4096) -> Iterator[Block]:
        """Walk the digests in plan order."""
        for start in range(0, len(self._trials), size):
            yield Block(start, [trial.digest for trial in self._trials[start : start + size]])

    def trial(self, position: int) -> Trial:
        """Return the trial at a position. Raises IndexError past the end."""
        if position < 0:
            raise IndexError(f"the plan has no position {position}")
        return self._trials[position]


class Noted:
    """A plan with something to say."""

    def __init__(self, plan: Plan, note: str) -> None:
        self._plan, self._note = plan, note
        self.blocks, self.trial = plan.blocks, plan.trial

    def count(self) -> Count:
        """Return how many trials it has, and the note."""
        counted = self._plan.count()
        return replace(counted, note="; ".join(note for note in (counted.note, self._note) if note))


def in_order(trials: Sequence[Trial], study: Study) -> list[Trial]:
    """Put trials in the study's order: as given, shuffled within each replicate, or shuffled over all."""
    if study.order.randomise == "none":
        return list(trials)
    if study.order.randomise == "full":
        return _shuffled(trials, stream_seed(study.seed, "order"))
    blocks: dict[int, list[Trial]] = {}
    for trial in trials:
        blocks.setdefault(trial.replicate, []).append(trial)
    return [trial for k in sorted(blocks) for trial in _shuffled(blocks[k], stream_seed(study.seed, f"order/{k}"))]


def brought_together(trials: Sequence[Trial], key: Callable[[Trial], Hashable], *, over_all: bool) -> list[Trial]:
    """Bring together the trials of one key, within each replicate or over all of them."""
    first: dict[Hashable, int] = {}

    def rank(trial: Trial) -> tuple[int, int]:
        block = 0 if over_all else trial.replicate
        return block, first.setdefault((block, key(trial)), len(first))

    return sorted(trials, key=rank)


def _shuffled(trials: Sequence[Trial], key: int) -> list[Trial]:
    made = list(trials)
    Random(key).shuffle(made)  # noqa: S311 - an order, not a secret
    return made
