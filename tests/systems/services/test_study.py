"""Whole studies of simulated services, from the declaration to the answer, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import fairtrial
from fairtrial.model.finding import Verdict

Go = Callable[..., fairtrial.Run]
SERVICE = {"kind": "simulated", "servers": 8, "service": {"mean_s": 0.02}, "between_run_sd": 0.03}
METRICS = {"throughput_per_s": "maximize", "latency_p99_s": "minimize"}


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Go:
    """Run a study of a simulated service in a fresh folder."""
    monkeypatch.chdir(tmp_path)

    def run(base: dict[str, Any], **words: Any) -> fairtrial.Run:
        target, rest = {**SERVICE, **base.pop("target", {})}, {"duration_s": 5, **base.pop("load", {})}
        document = {"study": "virtual", "system": "services", "replicates": 3, "metrics": METRICS, **words}
        return fairtrial.Study(**document, base={"target": target, "load": rest, **base}).run()

    return run


def column(run: fairtrial.Run, name: str, factor: str) -> dict[Any, list[Any]]:
    """Return level -> values of a metric, one a replicate; None where it is undefined."""
    frame = run.frame().sort(factor, "replicate").with_columns(pl.col(name).fill_nan(None))
    return {level: part[name].to_list() for (level,), part in frame.group_by(factor, maintain_order=True)}


def test_the_knee_of_a_service(go: Go) -> None:
    """A sweep of clients finds the knee at the number of servers, and the capacity, to 10 %."""
    run = go({}, factors={"load.clients": [1, 2, 4, 8, 16, 32]})
    assert (run.exit_code, run.state) == (0, "finished")
    found = run.saturation("throughput_per_s", response="latency_mean_s")
    assert found.knee == pytest.approx(8, rel=0.1)
    assert found.capacity == pytest.approx(400, rel=0.1)
    assert found.asymptotic_knee == pytest.approx(8, rel=0.1)


def test_the_capacity_of_an_open_loop_lies_between_levels(go: Go) -> None:
    """Eight servers of 20 ms take 400 a second: levels beyond are in no fit, and the bracket holds the truth."""
    load = {"mode": "open", "arrivals": "poisson", "duration_s": 20}
    rates = [50, 100, 200, 300, 350, 480]
    run = go({"load": load, "objective": {"response_s": 1.0}}, factors={"load.rate_per_s": rates})
    found = run.saturation("goodput_per_s")
    assert found.bracket == (350, 480)
    assert found.verdict is Verdict.SUPPORTED
    assert "The capacity lies between load.rate_per_s = 350 and 480" in found.answer
    assert max(found.curve.x) == 350


@pytest.mark.long
def test_a_service_with_a_server_for_each_has_no_knee(go: Go) -> None:
    """Clients that are never in each other's way show no knee in range."""
    run = go({"target": {"servers": 64}}, factors={"load.clients": [1, 2, 4, 8, 16, 32]})
    assert run.saturation("throughput_per_s").knee is None


def test_levels_near_the_floor_are_invalid(go: Go) -> None:
    """A service as fast as the harness gives no number but a reason, and a slower one in the same run gives numbers."""
    run = go(
        {"target": {"generator": {"overhead_s": 0.002}}},
        factors={"target.service.mean_s": [0.001, 0.1]},
        limits={"retries": {"invalid": 0}},
    )
    assert run.exit_code == 3
    failed = run.trials(status="failed")
    assert {trial.assignment["target.service.mean_s"] for trial in failed} == {0.001}
    assert len(failed) == 3
    assert {trial.failure.kind for trial in failed if trial.failure} == {"invalid"}
    assert all("floor" in trial.failure.message for trial in failed if trial.failure)
    done = run.trials(status="done")
    assert {trial.assignment["target.service.mean_s"] for trial in done} == {0.1}


@pytest.mark.parametrize(
    ("generator", "said"),
    [
        ({"lateness_s": 0.01}, "late at p99"),
        ({"cpu_per_request_s": 0.008}, "of a core"),
        ({"cpu_per_request_s": 0.004, "cpu": 0.3}, "lagged"),
    ],
)
@pytest.mark.long
def test_late_and_starved_levels_are_invalid(go: Go, generator: dict[str, float], said: str) -> None:
    """What a late, busy or starved generator measured is no number."""
    run = go(
        {"target": {"generator": generator}, "load": {"mode": "open", "duration_s": 20}},
        factors={"load.rate_per_s": [100.0]},
        limits={"retries": {"invalid": 0}},
        replicates=1,
    )
    (failed,) = run.trials(status="failed")
    assert failed.failure is not None
    assert failed.failure.kind == "invalid"
    assert said in failed.failure.message


def test_an_over_saturated_rate_has_no_percentiles(go: Go) -> None:
    """Beyond its capacity a service is unstable and its percentiles undefined, while its throughput is its capacity."""
    run = go({"load": {"mode": "open", "duration_s": 20}}, factors={"load.rate_per_s": [200.0, 300.0, 600.0]})
    assert run.exit_code == 0
    stable = column(run, "stable", "load.rate_per_s")
    assert stable == {200.0: [1.0] * 3, 300.0: [1.0] * 3, 600.0: [0.0] * 3}
    p99 = column(run, "latency_p99_s", "load.rate_per_s")
    assert all(value > 0.02 for rate in (200.0, 300.0) for value in p99[rate])
    assert p99[600.0] == [None] * 3
    throughput = column(run, "throughput_per_s", "load.rate_per_s")
    assert throughput[600.0] == pytest.approx([400] * 3, rel=0.15)


@pytest.mark.long
def test_the_range_under_a_service_level(go: Go) -> None:
    """A bounded queue answers 503 beyond the capacity: the operating range ends at the last rate below it."""
    run = go(
        {"target": {"queue": 20}, "load": {"mode": "open", "duration_s": 20}, "objective": {"response_s": 0.2}},
        factors={"load.rate_per_s": [100.0, 200.0, 300.0, 500.0]},
        slo={"success_rate": {"min": 0.99}, "attainment": {"min": 0.98}},
    )
    success = column(run, "success_rate", "load.rate_per_s")
    assert max(success[500.0]) < 0.9
    attainment = column(run, "attainment", "load.rate_per_s")
    assert all(good <= well for rate in success for good, well in zip(attainment[rate], success[rate], strict=True))
    ranges = run.saturation("throughput_per_s")
    found = next(each for each in (ranges if isinstance(ranges, tuple) else (ranges,)) if hasattr(each, "edge"))
    assert found.edge == 300


@pytest.mark.long
def test_a_stream_is_measured_as_an_llm(go: Go) -> None:
    """First token and time per token are metrics of a service that streams, and follow its parameters."""
    run = go(
        {"target": {"stream": {"tokens_out": 20, "cv": 0.2}, "servers": 64}, "load": {"duration_s": 30}},
        factors={"target.stream.per_token_s": [0.005, 0.01]},
        metrics={"ttft_p50_s": "minimize", "tpot_p50_s": "minimize", "tokens_per_s": "maximize"},
        replicates=2,
    )
    tpot = column(run, "tpot_p50_s", "target.stream.per_token_s")
    assert tpot[0.005] == pytest.approx([0.005] * 2, rel=0.1)
    assert tpot[0.01] == pytest.approx([0.01] * 2, rel=0.1)
    ttft = column(run, "ttft_p50_s", "target.stream.per_token_s")
    assert [value for values in ttft.values() for value in values] == pytest.approx([0.014] * 4, rel=0.25)


@pytest.mark.long
def test_the_same_seed_is_the_same_measurement(go: Go) -> None:
    """Two runs of one study agree to the last digit in virtual time; another salt draws anew."""
    first = go({}, factors={"load.clients": [1, 4]})
    again = go({}, factors={"load.clients": [1, 4]})
    salted = go({"target": {"salt": 1}}, factors={"load.clients": [1, 4]})
    columns = [column(run, "throughput_per_s", "load.clients") for run in (first, again, salted)]
    assert again.number != first.number
    assert columns[0] == columns[1]
    assert columns[0] != columns[2]
