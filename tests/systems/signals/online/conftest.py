"""Bins without a grid, and a clock that shows what it is told."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict

from fairtrial.systems.signals.record import LEVELS, Bins, Market


class Settings(BaseModel):
    """No settings."""

    model_config = ConfigDict(extra="forbid")


@dataclass
class Clock:
    """Nanoseconds that pass only when something takes its time."""

    now: int = 0
    asked: int = 0

    def __call__(self) -> int:
        self.asked += 1
        return self.now


@dataclass
class Scripted:
    """A signal whose stream takes and says what is written down: (ms, value, trained) of each bin."""

    script: list[tuple[float, float, bool]]
    clock: Clock = field(default_factory=Clock)
    streams: int = 0
    name = "scripted"
    columns = ("add_mass",)
    Parameters = Settings

    def stream(self, parameters, *, tick_size, bin_s, seed):
        self.streams += 1
        return _Stream(self)

    def batch(self, market, parameters, *, seed):
        return np.array([value for _, value, _ in self.script])


class _Stream:
    def __init__(self, signal: Scripted) -> None:
        self._signal, self.retrained = signal, 0

    def step(self, now) -> float:
        took_ms, value, trained = self._signal.script[now.number]
        now.columns["add_mass"][0] += 1 if self._signal.streams == 1 else 0
        self._signal.clock.now += round(took_ms * 1e6)
        self.retrained += trained
        return value


@pytest.fixture
def scripted():
    """Function (times of bins in ms, values, numbers of the bins that train) -> such a signal."""

    def make(took_ms, values=None, trained=()):
        values = [1.0] * len(took_ms) if values is None else values
        rows = zip(took_ms, values, strict=True)
        return Scripted([(took, value, number in trained) for number, (took, value) in enumerate(rows)])

    return make


@pytest.fixture
def market():
    """Function (bins) -> a market of so many bins and one column."""

    def make(bins: int) -> Market:
        number, zero = np.arange(bins), np.zeros(bins, dtype=np.int64)
        mid = 100 + np.cumsum(np.random.default_rng(0).integers(-1, 2, bins)) * 0.25
        price = np.round(mid * 1e9).astype(np.int64)
        made = Bins(
            number, (number + 1) * 10**8, number * 10**8, (number + 1) * 10**8, mid, number, zero + 1,
            zero == 0, price - 125_000_000, price + 125_000_000, price,
        )  # fmt: skip
        column = np.random.default_rng(1).random((bins, LEVELS))
        return Market("toy", made, {"add_mass": column, "vacuum_variant": column}, 0.25, 0.1)

    return make
