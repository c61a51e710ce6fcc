"""Percentiles of times of requests."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fairtrial.systems.services.measure.latency import Known, Latencies, ascending, collect, interval, ladder
from fairtrial.systems.services.record import Outcome, blank


@pytest.fixture
def rng():
    """A generator of the test's own: nothing depends on which tests ran before."""
    return np.random.default_rng(0)


def of(values, above=0, *, bounded=True):
    """Compute the percentiles of response times."""
    return Latencies.of({"latency": Known(np.sort(np.asarray(values, float)), above)}, bounded=bounded)


def test_percentiles_are_numpys(rng):
    """Each percentile is numpy's default on the fixture, mean and maximum are of all."""
    values = rng.gamma(2, 0.01, 12_345)
    found = of(values).metrics
    for name, p in (("p50", 50), ("p90", 90), ("p95", 95), ("p99", 99), ("p999", 99.9)):
        assert found[f"latency_{name}_s"] == pytest.approx(np.percentile(values, p), rel=1e-13)
    assert found["latency_mean_s"] == pytest.approx(values.mean())
    assert found["latency_max_s"] == values.max()


@pytest.mark.parametrize(("n", "told"), [(19, 0), (20, 1), (99, 1), (100, 2), (999, 3), (1000, 4), (10_000, 5)])
def test_ten_requests_must_lie_beyond(n, told, rng):
    """A percentile is told from the size on at which ten requests lie beyond it; before, it says how many it needs."""
    found = of(rng.random(n))
    percentiles = [value for name, value in found.metrics.items() if name[8] == "p"]
    assert sum(value is not None for value in percentiles) == told
    assert len(found.needs) == 5 - told
    assert found.needs.get("latency_p999_s", 0) == max(0, 10_000 - n)
    assert found.unbounded == ()


def test_what_never_ended_has_no_percentile_of_its_own():
    """With 2 % lost the p95 moves up and the p99 is unbounded: more requests would not help."""
    values = np.linspace(1, 2, 980)
    whole, lost = of(values), of(values, above=20)
    assert lost.metrics["latency_p95_s"] > whole.metrics["latency_p95_s"]
    assert lost.metrics["latency_p99_s"] is None
    assert lost.unbounded == ("latency_p99_s",)
    assert lost.needs == {"latency_p999_s": 9000}


def test_an_unbounded_service_has_no_latencies():
    """Where the backlog grows nothing but the lateness of the generator is told."""
    times = {"latency": Known(np.ones(2000)), "lateness": Known(np.zeros(2000))}
    found = Latencies.of(times, bounded=False)
    assert found.metrics.pop("lateness_p99_s") == 0.0
    assert set(found.metrics.values()) == {None}
    assert "latency_p50_s" in found.unbounded
    assert found.needs == {}


def test_times_of_language_models():
    """First token, time per token and gaps come from successes alone; gaps of failures are left out."""
    records = blank(
        3,
        t_sched_ns=[0, 0, 0],
        t_send_ns=[1, 1, 1],
        t_first_ns=[100, 200, 300],
        t_done_ns=[1100, 200, 900],
        tokens_out=[11, 1, 4],
        outcome=[Outcome.OK, Outcome.OK, Outcome.ERROR],
        gap=[40, 60, 999],
        gaps=[2, 0, 1],
    )
    found = collect(records)
    assert found["ttft"].ordered.tolist() == pytest.approx([100e-9, 200e-9])
    assert found["tpot"].ordered.tolist() == pytest.approx([100e-9])
    assert found["inter_chunk"].ordered.tolist() == pytest.approx([40e-9, 60e-9])


def test_others_have_no_tokens():
    """Without tokens and chunks there are no metrics of language models, not even undefined ones."""
    found = Latencies.of(collect(blank(3, t_send_ns=[1, 1, 1])), bounded=True).metrics
    assert not [name for name in found if name.startswith(("ttft", "tpot", "inter", "stall"))]


def test_ascending_drops_what_is_not_known():
    """NaN is not a time."""
    assert ascending(np.array([3.0, math.nan, 1.0])).tolist() == [1.0, 3.0]


def test_the_ladder_climbs_as_far_as_requests_reach(rng):
    """Steps are equal on the axis of the tail, end where ten requests lie beyond, and never fall."""
    steps = ladder(Known(np.sort(rng.gamma(2, 1, 5000))))
    probabilities, values = zip(*steps, strict=True)
    assert probabilities[0] == 0.0
    assert 5000 * (1 - probabilities[-1]) >= 9.99
    assert np.diff(-np.log10(1 - np.array(probabilities))) == pytest.approx(np.full(len(steps) - 1, 0.05))
    assert (np.diff(values) >= 0).all()
    assert ladder(Known(np.array([1.0]))) == ()


def test_intervals_widen_with_correlation(rng):
    """Requests that resemble their neighbours tell less: the interval of a persistent series is wider."""
    noise = rng.normal(size=20_000)
    persistent = noise.copy()
    for i in range(1, len(persistent)):
        persistent[i] = 0.95 * persistent[i - 1] + noise[i]
    persistent /= persistent.std()
    widths = []
    for series in (noise, persistent):
        low, high = interval(series, Known(np.sort(series)), 0.99, float(np.quantile(series, 0.99)))
        assert low < np.quantile(series, 0.99) < high
        widths.append(high - low)
    assert widths[1] > 1.5 * widths[0]  # 2.4 to 5.7 in 60 draws


def test_a_short_run_has_no_upper_end(rng):
    """Where the rank lies above the longest, the end is not known."""
    series = rng.random(120)
    low, high = interval(series, Known(np.sort(series)), 0.99, float(np.quantile(series, 0.99)))
    assert low is not None
    assert high is None
