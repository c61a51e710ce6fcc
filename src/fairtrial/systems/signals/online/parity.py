"""Whether a signal says bin by bin what it says at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fairtrial.systems.signals.record import Floats, Market
from fairtrial.systems.signals.signal import Signal

TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Parity:
    """How far a signal's two twins lie apart over a market."""

    bins: int
    compared: int
    """Bins in which both had a value."""
    worst: float
    """The largest difference, relative where the value is larger than 1; 0 where nothing was compared."""
    worst_bin: int
    """Where it was; -1 where nothing was compared."""
    missing: int
    """Bins in which one of them had a value and the other had none."""

    @property
    def equal(self) -> bool:
        """Say whether they agree within 1e-9 in every bin, and had a value at all."""
        return self.compared > 0 and self.missing == 0 and self.worst <= TOLERANCE


def parity(signal: Signal, parameters: Any, market: Market, *, seed: int) -> Parity:
    """Compare `batch` with `stream` over a market. Raises UserError for a signal without a streaming twin."""
    stream = signal.stream(parameters, tick_size=market.tick_size, bin_s=market.bin_s, seed=seed)
    once = signal.batch(market, parameters, seed=seed)
    return compared(once, np.array([stream.step(market.bin(number)) for number in range(len(market))]))


def compared(once: Floats, stepped: Floats) -> Parity:
    """Compare two courses of values, (n,) each."""
    both = np.flatnonzero(~np.isnan(once) & ~np.isnan(stepped))
    missing = int(np.count_nonzero(np.isnan(once) != np.isnan(stepped)))
    if not len(both):
        return Parity(len(once), 0, 0.0, -1, missing)
    one, other = once[both], stepped[both]
    gap = np.zeros(len(both))
    apart = one != other  # two infinities of one sign agree, and have no difference
    with np.errstate(invalid="ignore"):
        gap[apart] = np.abs(one - other)[apart] / np.maximum(1.0, np.abs(one[apart]))
    gap[np.isnan(gap)] = np.inf
    worst = int(gap.argmax())
    return Parity(len(once), len(both), float(gap[worst]), int(both[worst]), missing)
