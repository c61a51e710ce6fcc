"""How time is cut: what is tested, what may be learnt from before it, and a final block that nothing is chosen on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from fairtrial.systems.signals.words import Evaluation


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bins of one market in which signals fire."""

    market: int
    start: int
    stop: int
    """The first bin that is no longer in it."""
    reach: int
    """Every trade has to end before this bin: the same as `stop` in a test; for training, where the embargo begins."""

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Fold:
    """A test, and what is learnt from for it."""

    number: int
    """From 0; -1: the final block."""
    test: Stretch
    training: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """All of it."""

    folds: tuple[Fold, ...]
    final: Fold | None
    """None where no bin is left for it."""


def longest_bins(evaluation: Evaluation) -> int:
    """Return how far a trade may reach beyond its signal, in bins."""
    return evaluation.costs.entry_delay_bins + evaluation.max_hold_bins


def cut(lengths: Sequence[int], evaluation: Evaluation) -> Cut:
    """Cut markets of these many bins.

    One market: after the warm-up the last `holdout` share is the final block, what is before it is cut into count + 1
    slices of equal length, and slice j + 1 is tested with what lies before it. Several (days): the last is the final
    block, each other one is tested whole with what the others taught; of two, the first is cut by walking forward.
    What is learnt from ends the longest trade and the embargo before the test, so that no trade of it reaches closer
    than the embargo (purged: Lopez de Prado (2018), Advances in Financial Machine Learning, chapter 7).
    """
    starts = [min(evaluation.warmup_bins, length) for length in lengths]
    if len(lengths) == 1:
        share = round(evaluation.folds.holdout * (lengths[0] - starts[0]))
        return Cut(_forward(starts[0], lengths[0] - share, evaluation), _last(starts[0], lengths[0], share, evaluation))
    whole = [Stretch(at, start, stop, stop) for at, (start, stop) in enumerate(zip(starts, lengths, strict=True))]
    final = Fold(-1, whole[-1], tuple(whole[:-1]))
    if len(lengths) == 2:
        return Cut(_forward(starts[0], lengths[0], evaluation), final)
    days = whole[:-1]
    return Cut(tuple(Fold(at, day, (*days[:at], *days[at + 1 :])) for at, day in enumerate(days)), final)


def _forward(start: int, stop: int, evaluation: Evaluation) -> tuple[Fold, ...]:
    """Walk forward through bins of the first market."""
    slices = evaluation.folds.count + 1
    edges = [start + (stop - start) * at // slices for at in range(slices + 1)]
    return tuple(
        Fold(at, Stretch(0, first, last, last), _before(start, first, evaluation))
        for at, (first, last) in enumerate(pairwise(edges[1:]))
    )


def _last(start: int, stop: int, share: int, evaluation: Evaluation) -> Fold | None:
    first = stop - share
    return Fold(-1, Stretch(0, first, stop, stop), _before(start, first, evaluation)) if share else None


def _before(start: int, test: int, evaluation: Evaluation) -> tuple[Stretch, ...]:
    """Return what may be learnt from before bin `test`; nothing where purge and embargo leave nothing."""
    reach = test - evaluation.folds.embargo_bins
    stop = reach - longest_bins(evaluation)
    return (Stretch(0, start, stop, reach),) if stop > start else ()
