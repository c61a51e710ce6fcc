"""What a signal is: a number for each bin, made of that bin and those before it; at once, or bin by bin."""

from __future__ import annotations

from typing import Any, Literal, Protocol, runtime_checkable

from fairtrial.systems.signals.record import Bin, Floats, Market

Mode = Literal["state", "probability", "confidence"]
"""state: fires when its state (up, flat, down) changes; probability: up at p >= threshold, down at p <= 1 - threshold;
confidence: |s| >= threshold, the sign is the side. The latter two fire whenever that holds and the cooldown is over."""
GROUP = "fairtrial.signals"
"""The entry-point group of signals: ours come from the catalogue, a user's from here."""


class Stream(Protocol):
    """A signal at work: it keeps what it needs of the past, and no more."""

    def step(self, now: Bin) -> float:
        """Return the value at this bin, NaN where it has none yet; bins come in order, without gaps."""


@runtime_checkable
class Retrains(Protocol):
    """A stream that learns anew from time to time."""

    retrained: int
    """How often it did, so far."""


@runtime_checkable
class Signal(Protocol):
    """A signal: positive is bullish (of a probability, above a half)."""

    name: str
    help: str
    """One line for the overview."""
    mode: Mode
    Parameters: type[Any]
    """A pydantic model with `extra='forbid'`; a parameter that another makes idle is set to its default."""
    columns: tuple[str, ...]
    """Columns of the grid that it reads."""

    def batch(self, market: Market, parameters: Any, *, seed: int) -> Floats:
        """Return its value at each bin, (n,); NaN where it has none. Value i reads nothing after bin i."""

    def stream(self, parameters: Any, *, tick_size: float, bin_s: float, seed: int) -> Stream:
        """Return the same signal, bin by bin; the values equal those of `batch` within 1e-9."""

    def thresholds(self, values: Floats) -> tuple[float, ...]:
        """Return the thresholds to try, ascending; those that adapt are taken from `values` (finite, of training)."""
