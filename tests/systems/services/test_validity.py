"""Validity in virtual time: levels near the floor, late or starved go INVALID; good ones do not; misses stay misses."""

from __future__ import annotations

import pytest

from fairtrial.systems.services.load.words import Load, Objective, Validity
from fairtrial.systems.services.measure.metrics import measure
from fairtrial.systems.services.measure.validity import check
from fairtrial.systems.services.targets.simulated import Simulated, SimulatedTarget

OPEN = {"mode": "open", "rate_per_s": 200, "warmup_s": 1, "duration_s": 20}
CLOSED = {"clients": 8, "warmup_s": 1, "duration_s": 20}
SERVICE = {"servers": 8, "service": {"mean_s": 0.01}}


def judged(load, *, objective=None, **shape):
    """Put a load on a service, measure it, and judge the measurement."""
    load = Load(**load)
    records, host = SimulatedTarget(Simulated(**{**SERVICE, **shape})).records(load, 0)
    measured = measure(records, load=load, objective=Objective(**(objective or {})))
    return measured, check(measured, host, load=load, validity=Validity())


@pytest.mark.parametrize("load", [OPEN, CLOSED])
@pytest.mark.parametrize("generator", [{}, {"overhead_s": 0.0005, "cpu_per_request_s": 0.0002, "steal": 0.005}])
def test_a_good_level_is_valid(load, generator):
    """A harness far from its limits is believed, without a caution."""
    _, verdict = judged(load, generator=generator)
    assert verdict.invalid == verdict.cautions == ()


@pytest.mark.parametrize(
    ("generator", "said"),
    [
        ({"lateness_s": 0.002}, "late at p99"),
        ({"cpu_per_request_s": 0.004}, "80% of a core"),
        ({"cpu_per_request_s": 0.002, "cpu": 0.3}, "event loop lagged"),
        ({"loop_lag_s": 0.01}, "event loop lagged"),
        ({"steal": 0.06}, "hypervisor"),
        ({"overhead_s": 0.01}, "floor"),
    ],
)
def test_a_bad_harness_makes_an_open_level_invalid(generator, said):
    """Late, busy, starved, robbed, near its own floor: each is INVALID, with the limit that was missed."""
    _, verdict = judged(OPEN, generator=generator)
    assert any(said in reason for reason in verdict.invalid)


@pytest.mark.parametrize("load", [OPEN, CLOSED])
@pytest.mark.parametrize("times", [1.5, 2.0])
def test_near_the_floor_is_invalid(load, times):
    """A service that takes as long as the harness itself, or less, measures the harness; a much slower one does not."""
    overhead = 0.001
    near = {"kind": "constant", "mean_s": overhead * (times - 1)}
    far = {"kind": "constant", "mean_s": overhead * 10}
    assert any(
        "floor" in reason for reason in judged(load, service=near, generator={"overhead_s": overhead})[1].invalid
    )
    assert not judged(load, service=far, generator={"overhead_s": overhead})[1].invalid


def test_a_closed_loop_bound_by_its_generator_says_so():
    """Its CPU is a caution, not INVALID: the numbers are true, and they are the generator's."""
    _, verdict = judged({**CLOSED, "clients": 32}, servers=32, generator={"cpu_per_request_s": 0.002})
    assert not verdict.invalid
    assert any("generator-bound" in caution for caution in verdict.cautions)


def test_an_over_saturated_level_has_no_percentiles():
    """Offered more than the service can do, an open level is unstable, and its percentiles are undefined."""
    measured, verdict = judged({**OPEN, "rate_per_s": 1000, "max_in_flight": 10**6, "timeout_s": 1000.0})
    assert measured.metrics["stable"] == 0.0
    assert measured.metrics["latency_p99_s"] is None
    assert measured.metrics["throughput_per_s"] == pytest.approx(800, rel=0.05)
    assert any("over-saturated" in caution for caution in verdict.cautions)


def test_a_stable_level_has_them():
    """At 80 % of what it can do the same service is stable, and has its percentiles."""
    measured, _ = judged({**OPEN, "rate_per_s": 640})
    assert measured.metrics["stable"] == 1.0
    assert measured.metrics["latency_p99_s"] > 0.01


@pytest.mark.parametrize("giving_up", [{"timeout_s": 0.5}, {"max_in_flight": 200}])
def test_giving_up_on_requests_does_not_make_a_service_stable(giving_up):
    """Time-outs and shed requests of an over-saturated level are misses, and it stays unstable."""
    measured, _ = judged({**OPEN, "rate_per_s": 1000, **giving_up})
    assert measured.metrics["stable"] == 0.0
    assert measured.metrics["success_rate"] < 0.85
    assert measured.metrics["latency_p99_s"] is None


def test_errors_are_misses_and_never_fast_answers():
    """Failing fast improves neither latency nor goodput: a share of the requests is lost, and the rest stay as slow."""
    objective = {"response_s": 0.05}
    whole, _ = judged(OPEN, objective=objective, servers=500)
    failing, _ = judged(OPEN, objective=objective, servers=500, errors={"rate": 0.2})
    assert failing.metrics["success_rate"] == pytest.approx(0.8, abs=0.02)
    assert failing.metrics["goodput_per_s"] < 0.85 * whole.metrics["goodput_per_s"]
    assert failing.metrics["latency_mean_s"] == pytest.approx(whole.metrics["latency_mean_s"], rel=0.03)


def test_a_cold_start_is_not_measured():
    """A service that is slow at first is measured from when it is warm, and the cut is told."""
    cold, verdict = judged({**OPEN, "duration_s": 60}, cold_start={"extra_s": 0.05, "decay_s": 3.0})
    warm, _ = judged({**OPEN, "duration_s": 60})
    assert cold.cut_s > 3
    assert cold.metrics["latency_mean_s"] == pytest.approx(warm.metrics["latency_mean_s"], rel=0.06)
    assert not verdict.invalid


def test_streams_have_the_metrics_of_llms():
    """First token, time per token and gaps are those of the model that streams."""
    stream = {"tokens_out": 40, "cv": 0.3, "tokens_in": 100, "per_token_s": 0.004}
    measured, _ = judged({**OPEN, "rate_per_s": 20, "duration_s": 100}, servers=500, stream=stream)
    metrics = measured.metrics
    assert metrics["ttft_p50_s"] == pytest.approx(0.01 * 0.693, rel=0.1)
    assert metrics["tpot_p50_s"] == pytest.approx(0.004, rel=1e-3)
    assert metrics["inter_chunk_p99_s"] == pytest.approx(0.004, rel=1e-3)
    assert metrics["tokens_in_mean"] == 100
    assert metrics["tokens_out_mean"] == pytest.approx(40, rel=0.03)
    assert metrics["tokens_per_s"] == pytest.approx(800, rel=0.05)
