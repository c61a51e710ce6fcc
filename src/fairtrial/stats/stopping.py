"""When to stop a trial that reports as it goes: by the median of the others, or by halving at rungs."""

from __future__ import annotations

from collections.abc import Sequence


def below_median(best: float, others: Sequence[float], *, maximise: bool, least: int) -> bool:
    """Say whether a trial's best value so far is worse than the median of the others' values at the same step.

    `others` ascend; fewer than `least` of them decide nothing. Source: Golovin et al. (2017), Google Vizier, KDD,
    section 3.2.1.
    """
    if len(others) < max(1, least):
        return False
    middle = (others[(len(others) - 1) // 2] + others[len(others) // 2]) / 2
    return best < middle if maximise else best > middle


def out_of_top(value: float, rung: Sequence[float], *, maximise: bool, reduction: int) -> bool:
    """Say whether a value is not among the best 1 / `reduction` of those that reached its rung, itself included.

    `rung` ascends. The first to reach a rung always goes on. Source: Li et al. (2020), A system for massively parallel
    hyperparameter tuning (ASHA), MLSys.
    """
    kept = max(1, len(rung) // reduction)
    return value < rung[-kept] if maximise else value > rung[kept - 1]


def rung_of(step: int, *, least: int, reduction: int) -> int | None:
    """Return the highest rung that a step has reached: rung k lies at `least` * `reduction`^k; None below the first."""
    if step < least:
        return None
    rung = 0
    while least * reduction ** (rung + 1) <= step:
        rung += 1
    return rung
