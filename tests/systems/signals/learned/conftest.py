"""Markets for learned signals: random books whose pressure foretells the mid, or does not."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from fairtrial.systems.signals.learned.sgd import DERIVATIVES
from fairtrial.systems.signals.record import LEVELS, PRICE, REACH, Bins, Market

BINS = 12_000
TICK = 0.25
FIELDS = ("pressure_variant", "vacuum_variant", "rest_depth", "v_fill", *DERIVATIVES)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Let linear algebra have one thread, as a trial's has: the machine may be busy."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def small():
    """Return a signal's parameters, small enough for a few thousand bins."""
    return settings


def settings(signal, **given):
    """Return the parameters."""
    small = {"min_train_bins": 1000, "retrain_bins": 200}
    if "label_max_bins" in signal.Parameters.model_fields:
        small |= {"max_train_rows": 1500, "label_max_bins": 300}
    quick = {"gbm_mf": {"rounds": 25, "leaves": 7, "patience_rounds": 5}, "xgb_snap": {"rounds": 10}}
    full = {"lsvm_der": {"full_bins": 600}, "pca_ad": {"min_train_bins": 300, "window_bins": 200, "components": 5}}
    chosen = small | quick.get(signal.name, {}) | full.get(signal.name, {})
    return signal.Parameters(**(chosen | given))


def _state(rng, bins):
    """Return a slowly changing state, about -2 to 2."""
    found = np.empty(bins)
    at = 0.0
    for i in range(bins):
        at = 0.9 * at + np.sqrt(1 - 0.9**2) * rng.normal()
        found[i] = at
    return found


def made(mid_ticks, columns, *, name="made"):
    """Return a market of mids in ticks, NaN where there is no book."""
    bins = len(mid_ticks)
    number = np.arange(bins)
    end = (number + 1) * 100_000_000
    spot = np.nan_to_num(mid_ticks * TICK / PRICE).astype(np.int64)
    whole = Bins(
        bin_seq=number,
        ts_ns=end,
        bin_start_ns=end - 100_000_000,
        bin_end_ns=end,
        mid_price=mid_ticks * TICK,
        event_id=number,
        bin_event_count=np.ones(bins, np.int64),
        book_valid=np.isfinite(mid_ticks),
        best_bid_price_int=spot - round(TICK / 2 / PRICE),
        best_ask_price_int=spot + round(TICK / 2 / PRICE),
        spot_ref_price_int=spot,
    )
    return Market(name, whole, columns, TICK, 0.1)


@pytest.fixture(scope="module")
def market():
    """Return the first bins of a market; `edge`: how much the state that pressure shows moves the mid thereafter."""
    whole = cache(_market)
    return lambda bins, *, edge: whole(edge).cut(0, bins)


def _market(edge, bins=BINS):
    rng = np.random.default_rng(5)
    state = _state(rng, bins)
    moves = rng.normal(0.0, 0.7, bins)
    moves[1:] += edge * state[:-1]
    mids = 70_000.0 + np.round(np.cumsum(moves) * 2) / 2
    side = np.where(np.arange(LEVELS) < REACH, 1.0, -1.0) / (1 + 0.1 * np.abs(np.arange(LEVELS) - REACH))
    columns = {}
    for name in FIELDS:
        lean = 0.0 if name == "rest_depth" else -0.5 if name.endswith(("pull", "variant")) else 0.5
        lean = 0.5 if name == "pressure_variant" else lean
        columns[name] = 2.0 + lean * state[:, None] * side + rng.normal(0.0, 1.0, (bins, LEVELS))
    return made(mids, columns)
