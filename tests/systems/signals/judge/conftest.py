"""Markets made by hand or at random, plain signals, and the values of a signal that lingers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from fairtrial.systems.signals.record import Bins, Market


@dataclass(frozen=True)
class Plain:
    """A signal with thresholds of its own, or quantiles of |value|."""

    mode: str = "state"
    levels: tuple[float, ...] = (0.5, 1.0, 1.5)
    quantiles: tuple[float, ...] = ()

    def thresholds(self, values):
        if not self.quantiles:
            return self.levels
        return tuple(float(one) for one in np.quantile(np.abs(values), self.quantiles))


@pytest.fixture(scope="session")
def plain():
    """The class of plain signals."""
    return Plain


@pytest.fixture(scope="session")
def market_of():
    """Make a market of mids in ticks; NaN: the book was not valid there."""

    def make(mid_ticks, half=0.5, *, tick_size=0.25, bin_s=0.1, name="m") -> Market:
        mid = np.asarray(mid_ticks, dtype=np.float64)
        half = np.broadcast_to(np.asarray(half, dtype=np.float64), mid.shape)
        n, known = len(mid), ~np.isnan(mid)
        bid, ask = (np.where(known, np.rint((mid + sign * half) * tick_size * 1e9), 0) for sign in (-1, 1))
        number, ts = np.arange(n), (np.arange(n) + 1) * round(bin_s * 1e9)
        bins = Bins(
            bin_seq=number,
            ts_ns=ts,
            bin_start_ns=ts - round(bin_s * 1e9),
            bin_end_ns=ts,
            mid_price=mid * tick_size,
            event_id=number,
            bin_event_count=np.ones(n, np.int64),
            book_valid=known,
            best_bid_price_int=bid.astype(np.int64),
            best_ask_price_int=ask.astype(np.int64),
            spot_ref_price_int=bid.astype(np.int64),
        )
        return Market(name, bins, {}, tick_size, bin_s)

    return make


@pytest.fixture(scope="session")
def walk():
    """Draw a random walk in half ticks: mids, and half spreads (half a tick where the mid is between two, else one)."""

    def draw(n, rng, *, moves=0.35, drift=0.0):
        up, down = moves / 2 + drift, moves / 2 - drift
        steps = rng.choice([-1, 0, 1], n, p=[down, 1 - up - down, up])
        steps[0] = 0
        halves = 8000 + np.cumsum(steps)
        return halves / 2, np.where(halves % 2 == 0, 1.0, 0.5)

    return draw


@pytest.fixture(scope="session")
def lingering():
    """Draw a normal AR(1) series with unit variance."""

    def draw(n, rng, keep):
        from scipy.signal import lfilter

        return lfilter([np.sqrt(1 - keep**2)], [1, -keep], rng.normal(size=n + 500))[500:]

    return draw
