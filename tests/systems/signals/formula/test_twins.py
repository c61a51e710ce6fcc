"""What holds for every formula: the stream is the batch, the future is not read, and work and memory are bounded."""

from __future__ import annotations

import pickle
import sys
from dataclasses import replace

import numpy as np
import pytest

from fairtrial.systems.signals.catalogue import FORMULAS, signal
from fairtrial.systems.signals.record import Market

OTHERS = {
    "ads": [{"slope_windows": [7], "blend": [0.9], "zscore_window": 31, "blend_scale": 1.5}],
    "spg": [
        {"band_reach": 49, "fast_span": 3, "slow_span": 50, "fast_weight": 0.2, "curvature_reach": 49},
        {"gradient_weight": 0, "curvature_span": 4},
        {"gradient_weight": 1, "fast_weight": 1},
    ],
    "erd": [{"variant": "b"}, {"zscore_window": 40, "spike_floor": 0}],
    "pfp": [{"inner": [1, 1], "outer": [2, 50], "lag": 17, "alpha": 1, "add_weight": 0.1}],
    "jad": [{"reach": 50, "jerk_weight_agree": 1, "jerk_weight_differ": 0, "zscore_window": 30, "tanh_scale": 1}],
    "iirc": [{"slope_windows": [5, 20, 60], "blend": [1, 0.5, 2], "noise_floor": 0}],
    "msd": [{"variant": "plain"}],
    "perm_derivative": [
        {"d1_weight": 0.5, "d2_weight": 0.3, "d3_weight": 0.2, "zscore_window_bins": 50, "min_periods": 20},
        {"blend": True, "mixed_weight": 0.5, "bull_vacuum_weight": 2, "bear_vacuum_weight": 2},
    ],
    "ads_pfp_svac": [
        {"pfp_lag_ms": 1200, "ads_weight": 0, "svac_alpha": 0.5},
        {"ads_slope_windows_ms": [300, 777, 900]},
    ],
}
"""Settings beside the defaults."""
CASES = [
    pytest.param(name, settings, id=f"{name}-{number}")
    for name in FORMULAS
    for number, settings in enumerate([{}, *OTHERS.get(name, [])])
]
EVEN = ("spg",)
"""Defined so that a mirrored book has the same value: no sign can flip."""
TOLERANCE = 1e-9


def made(name: str, settings: dict):
    """The signal, and its parameters."""
    found = signal(name)
    return found, found.Parameters.model_validate(settings)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_stream_equals_batch(name, settings, noise, by_step):
    """Bin by bin gives the values of the batch, NaN of the warm-up and of bins without a book included."""
    found, parameters = made(name, settings)
    market = noise(1500, found.columns)
    batch = found.batch(market, parameters, seed=0)
    assert batch.shape == (1500,)
    assert len(np.unique(batch[np.isfinite(batch)])) > 100
    np.testing.assert_allclose(by_step(found, market, parameters), batch, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", FORMULAS)
def test_stream_equals_batch_on_a_generated_market(name, generated, by_step):
    """The same on order flow that went through a book."""
    found, parameters = made(name, {})
    batch = found.batch(generated, parameters, seed=0)
    assert np.isfinite(batch).mean() > 0.5
    np.testing.assert_allclose(by_step(found, generated, parameters), batch, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", FORMULAS)
def test_bins_without_a_book_may_be_all(name, noise, by_step):
    """A market without any book, and one without any bin, give as many values as bins."""
    found, parameters = made(name, {})
    market = noise(50, found.columns, invalid=1.0)
    np.testing.assert_allclose(
        by_step(found, market, parameters), found.batch(market, parameters, seed=0), rtol=0, atol=TOLERANCE
    )
    assert found.batch(market.cut(0, 0), parameters, seed=0).shape == (0,)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_future_is_not_read(name, settings, noise):
    """Whatever comes after a bin, the values up to it are the same to the last bit."""
    found, parameters = made(name, settings)
    market = noise(900, found.columns)
    known = found.batch(market, parameters, seed=0)
    assert np.isfinite(known[700:]).any()
    for last in (0, 29, 320, 700):
        values = found.batch(shuffled(market, last), parameters, seed=0)
        np.testing.assert_array_equal(values[: last + 1], known[: last + 1])
        assert not np.array_equal(values, known, equal_nan=True)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_mirrored_book_turns_the_sign(name, settings, noise, mirrored):
    """What is bullish in a book is bearish in its mirror image."""
    found, parameters = made(name, settings)
    market = noise(900, found.columns)
    straight = found.batch(market, parameters, seed=0)
    turned = found.batch(mirrored(market), parameters, seed=0)
    assert np.nanmax(np.abs(straight)) > 1e-6
    np.testing.assert_allclose(turned, straight if name in EVEN else -straight, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", FORMULAS)
def test_work_and_memory_are_bounded(name, noise):
    """A step at 20,000 bins does at most twice the work of one at 2,000, from a state at most 1.1 times as large."""
    found, parameters = made(name, {})
    market = noise(2000, found.columns)
    stream = found.stream(parameters, tick_size=market.tick_size, bin_s=market.bin_s, seed=0)
    bins = [market.bin(number) for number in range(len(market))]
    work, size = {}, {}
    for number in range(20_300):
        now = replace(bins[number % len(bins)], number=number, ts_ns=(number + 1) * 100_000_000)
        era = 2_000 if 2_000 <= number < 2_300 else 20_000 if number >= 20_000 else None
        if era is None:
            stream.step(now)
            continue
        work[era] = work.get(era, 0) + operations(stream.step, now)
        size[era] = max(size.get(era, 0), len(pickle.dumps(stream)))
    assert work[2_000] > 300
    assert work[20_000] <= 2 * work[2_000]
    assert size[20_000] <= 1.1 * size[2_000]


@pytest.mark.parametrize("name", FORMULAS)
def test_thresholds_can_be_tried(name, noise):
    """Thresholds ascend, are each once and positive, and come of the values that they are given alone."""
    found, parameters = made(name, {})
    values = found.batch(noise(1500, found.columns), parameters, seed=0)
    thresholds = found.thresholds(values[np.isfinite(values)])
    assert 5 <= len(thresholds) <= 11
    assert thresholds[0] > 0
    assert list(thresholds) == sorted(set(thresholds))
    for few in (np.zeros(0), np.zeros(10)):
        assert all(threshold > 0 for threshold in found.thresholds(few))


@pytest.mark.parametrize("name", FORMULAS)
def test_signals_say_what_they_are(name):
    """A name, one line of help, a mode, columns; settings that take no other key and come through JSON unchanged."""
    found, parameters = made(name, {})
    assert found.name == name
    assert found.help.endswith(".")
    assert "\n" not in found.help
    assert found.mode == "state"
    assert found.columns
    assert found.Parameters.model_validate(parameters.model_dump(mode="json")) == parameters
    with pytest.raises(ValueError, match="extra"):
        found.Parameters.model_validate({"cooldown_bins": 30})


def test_work_is_counted():
    """The count of operations grows with the work: a loop four times as long has about four times as many."""
    few, many = (operations(lambda count: [None for _ in range(count)], count) for count in (1000, 4000))
    assert 3.5 * few < many < 4.5 * few


def shuffled(market: Market, last: int) -> Market:
    """A market whose bins after `last` are in another order."""
    later = last + 1 + np.random.default_rng(1).permutation(len(market) - last - 1)
    order = np.concatenate((np.arange(last + 1), later))
    bins = replace(market.bins, mid_price=market.bins.mid_price[order], book_valid=market.bins.book_valid[order])
    return replace(market, bins=bins, columns={name: values[order] for name, values in market.columns.items()})


def operations(function, argument) -> int:
    """How many operations of the interpreter a call takes."""
    count = 0

    def trace(frame, event, _):
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(argument)
    finally:
        sys.settrace(before)
    return count
