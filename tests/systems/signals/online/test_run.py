"""A stream timed bin by bin: what counts, what does not, and when it passes."""

from __future__ import annotations

import math
import mmap
import time

import numpy as np
import pytest

from fairtrial.errors import NothingMeasured
from fairtrial.systems.signals.online.run import simulate


def timed(signal, market, budget_ms: float = 100.0):
    """What a scripted signal took, by its own clock."""
    return simulate(signal, None, market, budget_ms=budget_ms, clock=signal.clock)


def stalled(n: int, count: int, stall_ms: float = 150.0) -> list[float]:
    """Times of n bins of 1 ms, of which so many take longer."""
    found = np.ones(n)
    found[np.linspace(n // 3, n - 1, count).astype(int)] = stall_ms
    return found.tolist()


def test_stalls_on_two_percent_of_bins_fail_by_the_real_clock(market):
    """A stall of 150 ms on 2 % of the bins fails a budget of 100 ms, however fast the others are."""

    class Stalling:
        def stream(self, parameters, *, tick_size, bin_s, seed):
            return self

        def step(self, now) -> float:
            time.sleep(0.15 if now.number in (40, 90) else 0)
            return 1.0

    found = simulate(Stalling(), None, market(100), budget_ms=100)
    assert not found.passed
    assert found.over == 2
    assert found.quantile_ms(0.99) >= 150
    assert found.quantile_ms(0.95) < 100


@pytest.mark.parametrize(
    ("n", "count", "passed"),
    [(1000, 20, False), (1000, 11, False), (1000, 10, True), (1000, 0, True), (199, 1, True), (199, 2, False),
     (99, 1, False), (50, 1, False)],
)  # fmt: skip
def test_rule(n, count, passed, scripted, market):
    """At most 1 % of the bins, rounded down, may be over the budget; the p99 says the same."""
    found = timed(scripted(stalled(n, count)), market(n))
    assert (found.over, found.over_share) == (count, count / n)
    assert found.passed is passed
    assert (found.quantile_ms(0.99) <= 100) is passed


def test_exactly_the_budget_is_within_it(scripted, market):
    """A bin that takes the budget to the last nanosecond is not over it."""
    assert timed(scripted([100.0] * 50), market(50)).passed
    assert not timed(scripted([100.000001] * 50), market(50)).passed


def test_percentiles(scripted, market):
    """Percentiles are times that were observed; the clock is asked twice a bin, and by nothing else."""
    signal = scripted(np.random.default_rng(0).permutation(np.arange(1.0, 1001)).tolist())
    found = timed(signal, market(1000))
    assert [found.quantile_ms(share) for share in (0.5, 0.95, 0.99)] == [500, 950, 990]
    assert (found.max_ms, len(found.timed_ms), found.warmup_bins) == (1000, 1000, 0)
    assert signal.clock.asked == 2000


def test_warm_up_does_not_count(scripted, market):
    """Bins before the first finite value are in no percentile and no count; later ones without a value are."""
    values = [math.nan] * 30 + [1.0, math.nan, math.inf] + [2.0] * 67
    found = timed(scripted([500.0] * 30 + [1.0] * 70, values), market(100))
    assert (found.warmup_bins, len(found.timed_ms), found.without) == (30, 70, 2)
    assert (found.over, found.max_ms, found.passed) == (0, 1.0, True)
    late = timed(scripted([1.0] * 31 + [500.0] * 69, values), market(100))
    assert (late.over, late.passed) == (69, False)


def test_learning_anew_is_told_apart(scripted, market):
    """Bins in which the stream learnt anew are counted, with the longest; those of the warm-up are not."""
    took = [1.0] * 200
    took[20], took[50], took[150] = 900, 120, 80
    values = [math.nan] * 21 + [1.0] * 179
    found = timed(scripted(took, values, trained={20, 50, 150}), market(200))
    assert found.retrained.tolist() == [20, 50, 150]
    assert sorted(found.stalls_ms.tolist()) == [80, 120]
    assert (found.over, found.passed) == (1, True)
    assert len(timed(scripted(took, values), market(200)).stalls_ms) == 0


def test_what_runs_before_counts_nothing(scripted, market):
    """Kernels are compiled by another stream before: its time is not the bins', and it gets copies of them."""
    signal, data = scripted([700.0] * 5 + [1.0] * 45, [math.nan] * 4 + [1.0] * 46), market(50)
    before = data.columns["add_mass"].copy()
    found = timed(signal, data)
    assert signal.streams == 2
    assert signal.clock.now == round((2 * 5 * 700 + 45) * 1e6)
    assert found.step_ms.sum() == pytest.approx(5 * 700 + 45)
    np.testing.assert_array_equal(data.columns["add_mass"], before)


def test_no_value_at_all(scripted, market):
    """A stream that never has a value is not said to keep up."""
    with pytest.raises(NothingMeasured, match=r"signal 'scripted' has no value in 20 bins of toy .more bins"):
        timed(scripted([1.0] * 20, [math.nan] * 20), market(20))


def test_memory(market):
    """What the stream keeps shows in the steady memory; the peak is at least that."""

    class Keeping:
        def stream(self, parameters, *, tick_size, bin_s, seed):
            return _Keeper()

    class _Keeper:
        kept = None

        def step(self, now) -> float:
            if now.number == 5:
                self.kept = mmap.mmap(-1, 64_000_000)  # an array might be put where others were freed
                self.kept[::4096] = bytes(len(range(0, 64_000_000, 4096)))
            return 1.0

    found = simulate(Keeping(), None, market(400), budget_ms=1e9)
    assert found.rss_steady_bytes - found.rss_start_bytes > 50e6
    assert found.rss_peak_bytes >= found.rss_steady_bytes
