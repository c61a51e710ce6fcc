"""A cell of the self-test: one detector in one world whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

NULLS, PLANTED = 1000, 400
"""Repeats of a cell without an effect, and of one with a planted effect."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One detector in one world; each repeat draws data from `rng` and says whether the detector fired."""

    detector: str
    """threshold | knee | …"""
    world: str
    """What is true, in words: 'flat, noise 10 %', 'step of 1 sd'."""
    size: str
    """'8 levels x 5 replicates'."""
    planted: bool
    """There is something to find; otherwise whatever fires is a false alarm."""
    rate: float
    """The false-alarm rate that is promised (at most), or the power that is promised (at least)."""
    fires: Callable[[Any], bool]
    """numpy Generator -> it fired."""
    slow: bool = False
    """Only in the full self-test."""


def sized(
    detector: str,
    world: str,
    rate: float,
    fires: Callable[..., bool],
    *,
    design: tuple[int, int, float],
    planted: bool,
    slow: bool = False,
    **more: Any,
) -> Cell:
    """Make a cell over sizes; `design` is how many there are, the replicates of each, and the relative noise."""
    count, replicates, noise = design
    made = partial(fires, count=count, replicates=replicates, noise=noise, **more)
    size = f"{count} sizes x {replicates} replicates"
    return Cell(detector, f"{world}, noise {noise:.0%}", size, planted, rate, made, slow=slow)
