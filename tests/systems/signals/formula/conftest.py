"""Markets whose grid is made of noise, and what turns them round."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import lfilter

from fairtrial.systems.signals.catalogue import FORMULAS, signal
from fairtrial.systems.signals.generate.market import market
from fairtrial.systems.signals.record import LEVELS, PRICE, Bins, Market
from fairtrial.systems.signals.words import Synthetic

CODES = {"spectrum_state_code": 1, "perm_state5_code": 2}
"""Columns of codes: the largest."""
SIGNED = ("v_rest", "v_bid", "v_ask", "a_", "j_")
"""Beginnings of the columns that go below 0."""


@pytest.fixture(scope="session")
def noise():
    """Function (bins, columns, seed, invalid) -> a market whose columns are noise of the right shapes and ranges."""
    return _noise


@pytest.fixture(scope="session")
def mirrored():
    """Function (market) -> the same market upside down: cell k is cell -k, what is bullish is bearish."""
    return _mirrored


@pytest.fixture(scope="session")
def by_step():
    """Function (signal, market, parameters) -> the values of its stream, bin by bin."""
    return _by_step


def _noise(bins: int, columns: tuple[str, ...], *, seed: int = 0, invalid: float = 0.03) -> Market:
    rng = np.random.default_rng(seed)
    number = np.arange(bins)
    mid = 20_000 + 0.25 * np.cumsum(rng.integers(-1, 2, bins))
    valid = rng.random(bins) >= invalid
    price = np.round(mid / PRICE).astype(np.int64)
    made = Bins(
        bin_seq=number,
        ts_ns=(number + 1) * 100_000_000,
        bin_start_ns=number * 100_000_000,
        bin_end_ns=(number + 1) * 100_000_000,
        mid_price=np.where(valid, mid, np.nan),
        event_id=number,
        bin_event_count=np.ones_like(number),
        book_valid=valid,
        best_bid_price_int=price - round(0.125 / PRICE),
        best_ask_price_int=price + round(0.125 / PRICE),
        spot_ref_price_int=price,
    )
    return Market("noise", made, {name: _column(name, bins, rng) for name in columns}, 0.25, 0.1)


def _column(name: str, bins: int, rng: np.random.Generator) -> np.ndarray:
    if name in CODES:
        codes = rng.integers(-CODES[name], CODES[name] + 1, (bins, LEVELS))
        kept = rng.random((bins, LEVELS)) < np.cumsum(rng.normal(0, 0.02, bins))[:, None] % 1
        return np.where(kept, 0, codes).astype(np.int8)
    drift = lfilter([1], [1, -0.95], rng.standard_normal((bins, LEVELS)), axis=0)
    if name.startswith(SIGNED):
        return drift
    return np.tanh(drift / 3) if name == "spectrum_score" else np.exp(drift / 3)


def _mirrored(market: Market) -> Market:
    turned = {}
    for name, values in market.columns.items():
        swapped = name.replace("bid", "ASK").replace("ask", "bid").replace("ASK", "ask")
        turned[swapped] = (-values if name == "perm_state5_code" else values)[:, ::-1]
    return replace(market, columns=turned)


def _by_step(signal, market: Market, parameters) -> np.ndarray:
    stream = signal.stream(parameters, tick_size=market.tick_size, bin_s=market.bin_s, seed=0)
    return np.array([stream.step(market.bin(number)) for number in range(len(market))])


@pytest.fixture(scope="session")
def generated():
    """A market of 1,500 bins whose orders went through a matching book."""
    columns = sorted({column for name in FORMULAS for column in signal(name).columns})
    return market(Synthetic(bins=1500, edge=0.5), np.random.default_rng(0), columns=columns)
