"""summary.json."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fairtrial.systems.services.load.words import Load, Objective
from fairtrial.systems.services.measure.metrics import WITHIN_RUN, measure
from fairtrial.systems.services.measure.summary import summary
from fairtrial.systems.services.record import Host


@pytest.fixture
def level(made):
    """A measured level with a few failures."""
    due = np.arange(0, 12, 0.01)
    outcome = np.where(np.arange(1200) % 100 == 50, 1, 0)
    records = made(
        due, np.full(1200, 0.02), end_s=12, outcome=outcome, error=outcome - 1, errors=("http_500",), ops=("get",)
    )
    load = Load(mode="open", rate_per_s=100, warmup_s=2, duration_s=10)
    return measure(records, load=load, objective=Objective())


def test_it_is_json_and_says_what_it_rests_on(level):
    """It survives strict JSON, names the method, the window, what is missing, reasons and units."""
    said = json.loads(json.dumps(summary(level, Host(), invalid=["late"], cautions=["steal"]), allow_nan=False))
    assert not said["valid"]
    assert (said["invalid"], said["cautions"]) == (["late"], ["steal"])
    assert "linear interpolation" in said["method"]["percentiles"]
    assert said["method"]["response"].startswith("open loop")
    assert said["window"]["length_s"] == pytest.approx(10)
    assert said["window"]["begin_s"] == pytest.approx(2)
    assert said["needs_more_requests"]["latency_p99_s"] == 10
    assert said["within_run_interval"]["note"] == WITHIN_RUN
    assert said["units"]["latency_p50_s"] == "s"
    assert said["metrics"]["latency_p99_s"] is None
    assert said["host"]["cpu_share"] == 0.0


def test_names_of_older_scripts_are_kept(level):
    """Those who read the older summary find their fields, with failures counted and never averaged in."""
    said = summary(level, Host())
    assert (said["total_requests"], said["successful_requests"], said["failed_requests"]) == (1000, 990, 10)
    assert said["success_rate"] == pytest.approx(99.0)
    assert said["error_summary"] == {"http_500": 10}
    assert said["latency_s"]["avg"] == pytest.approx(0.02)
    assert set(said["latency_s"]) == {"avg", "min", "max", "std", "p50", "p90", "p95", "p99"}
    assert said["operations"]["get"]["count"] == 1000
    assert said["requests_per_second"] == pytest.approx(99, abs=0.3)
    assert said["test_duration_s"] == pytest.approx(10)
    assert "tokens_per_second" not in said


def test_a_closed_loop_says_that_it_is_coordinated(made):
    """Response times of a closed loop are labelled, since they leave out what a user would have waited for."""
    load = Load(clients=1, warmup_s=2, duration_s=10)
    records = made(np.arange(0, 12, 0.1), np.full(120, 0.1), end_s=12, tokens_out=np.full(120, 5))
    said = summary(measure(records, load=load, objective=Objective()), Host())
    assert said["method"]["response"].startswith("closed loop (coordinated)")
    assert said["avg_output_tokens"] == 5
    assert said["avg_input_tokens"] is None
