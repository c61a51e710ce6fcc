"""Every signal: the future changes nothing, thresholds and trades included, and the stream is the batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from fairtrial.systems.signals.catalogue import FORMULAS, LEARNED, names, signal
from fairtrial.systems.signals.generate.market import market as generated
from fairtrial.systems.signals.judge.run import judge
from fairtrial.systems.signals.record import (
    Market,
)
from fairtrial.systems.signals.words import Evaluation, Folds, Synthetic

SMALL: Mapping[str, Any] = {"min_train_bins": 900, "retrain_bins": 200, "label_max_bins": 200, "max_train_rows": 1000}
SMALLER: Mapping[str, Mapping[str, Any]] = {
    "gbm_mf": {"rounds": 15, "leaves": 7, "patience_rounds": 5},
    "xgb_snap": {"rounds": 8},
    "lsvm_der": {"full_bins": 600},
    "pca_ad": {"min_train_bins": 300, "window_bins": 200, "components": 5},
}
OURS = [*FORMULAS, *LEARNED]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Let linear algebra have one thread, as a trial's has."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def flow() -> Market:
    """A market of 2,400 bins whose orders went through a matching book, with every column that a signal reads."""
    columns = sorted({column for name in OURS for column in signal(name).columns})
    synthetic = Synthetic(bins=2400, events_per_s=50, edge=0.5, volatility_ticks=3)
    return generated(synthetic, np.random.default_rng(0), columns=columns)


def small(name: str) -> Any:
    """Return a signal's parameters, small enough for that market."""
    model = signal(name).Parameters
    learns = SMALL if name in LEARNED else {}
    given = {key: value for key, value in learns.items() if key in model.model_fields}
    return model.model_validate({**given, **SMALLER.get(name, {})})


def shuffled(market: Market, last: int) -> Market:
    """Return a market whose bins after `last` are in another order, prices, books and grid alike."""
    later = last + 1 + np.random.default_rng(1).permutation(len(market) - last - 1)
    order = np.concatenate((np.arange(last + 1), later))
    stay = ("bin_seq", "ts_ns", "bin_start_ns", "bin_end_ns")
    moved = {field.name: getattr(market.bins, field.name)[order] for field in fields(market.bins)}
    bins = replace(market.bins, **{name: column for name, column in moved.items() if name not in stay})
    return replace(market, bins=bins, columns={name: values[order] for name, values in market.columns.items()})


def test_every_signal_is_known_here() -> None:
    """(c), (d) What follows is asked of every signal that the catalogue names of its own."""
    assert [name for name in names() if name in OURS] == OURS


@pytest.mark.parametrize("name", OURS)
def test_the_future_changes_nothing(name: str, flow: Market) -> None:
    """(c) Bins after a fold in another order: values, thresholds and trades up to there stay, to the last bit."""
    known, settings = signal(name), small(name)
    evaluation = Evaluation(
        tp_ticks=3, sl_ticks=3, max_hold_bins=40, warmup_bins=100, cooldown_bins=5, min_signals=2, draws=1000,
        folds=Folds(count=5, embargo_bins=20),
    )  # fmt: skip
    values = known.batch(flow, settings, seed=3)
    before = judge([flow], [values], signal=known, evaluation=evaluation, rng=np.random.default_rng(0))
    starts = [100 + 1840 * at // 6 for at in range(7)]
    assert starts[-1] == 1940  # where the final block begins
    traded = 0
    for fold in (2, 4):
        last = starts[fold + 2] - 1
        later = shuffled(flow, last)
        others = known.batch(later, settings, seed=3)
        np.testing.assert_array_equal(others[: last + 1], values[: last + 1])
        assert not np.array_equal(others, values, equal_nan=True)
        after = judge([later], [others], signal=known, evaluation=evaluation, rng=np.random.default_rng(0))
        assert of_folds(after, fold) == of_folds(before, fold)
        traded += len(of_folds(before, fold)[0])
    assert traded > 0


def of_folds(found: Any, last: int) -> tuple[list[Any], list[Any]]:
    """Return trades and tried thresholds of the folds up to `last`, as text: NaN equals NaN."""
    trades, tried = found.trades, found.thresholds
    mine = (trades.fold >= 0) & (trades.fold <= last)
    rows = zip(*(getattr(trades, field.name)[mine].tolist() for field in fields(trades)), strict=True)
    chosen = (tried["fold"] >= 0) & (tried["fold"] <= last)
    return [repr(row) for row in rows], [repr(row) for row in zip(*(tried[key][chosen] for key in tried), strict=True)]


@pytest.mark.parametrize("name", OURS)
def test_a_stream_is_its_batch(name: str, flow: Market) -> None:
    """(d) Bin by bin gives the values that the whole market gives, within 1e-9."""
    known, settings = signal(name), small(name)
    batch = known.batch(flow, settings, seed=3)
    stream = known.stream(settings, tick_size=flow.tick_size, bin_s=flow.bin_s, seed=3)
    steps = np.array([stream.step(flow.bin(number)) for number in range(len(flow))])
    assert np.isfinite(batch).mean() > 0.3
    np.testing.assert_allclose(steps, batch, rtol=0, atol=1e-9)
