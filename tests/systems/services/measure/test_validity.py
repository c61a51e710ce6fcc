"""What the harness must have kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fairtrial.systems.services.load.words import Load, Objective, Validity
from fairtrial.systems.services.measure.metrics import measure
from fairtrial.systems.services.measure.validity import check
from fairtrial.systems.services.record import Host

OPEN = Load(mode="open", rate_per_s=100, warmup_s=2, duration_s=10)
CLOSED = Load(clients=1, warmup_s=2, duration_s=10)
GOOD = Host(cpu_share=0.3, loop_lag_p99_s=0.001, steal_share=0.0, floor_p50_s=0.0005)


@pytest.fixture
def level(made):
    """Make a good level of load: ten milliseconds an answer, one after the other."""
    rng = np.random.default_rng(0)

    def level(load=OPEN, *, late_s=0.0, **changes):
        due = np.arange(0, 12, 0.01)
        records = made(due, 0.0098 + 0.0002 * rng.random(1200), end_s=12)
        records = replace(records, t_send_ns=records.t_send_ns + round(late_s * 1e9))
        return measure(replace(records, **changes), load=load, objective=Objective())

    return level


def judged(measured, host=GOOD, load=OPEN, **limits):
    """Judge a level with these limits."""
    return check(measured, host, load=load, validity=Validity(**limits))


@pytest.mark.parametrize("load", [OPEN, CLOSED])
def test_a_good_level_passes(level, load):
    """Nothing is said of a level that keeps every limit."""
    verdict = judged(level(load), load=load)
    assert verdict.valid
    assert verdict.cautions == ()


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        (replace(GOOD, cpu_share=0.71), "a generator process used 71% of a core (limit 70%): use more load.processes"),
        (replace(GOOD, loop_lag_p99_s=0.0021), "event loop lagged 2.1 ms at p99 (limit 2 ms): use more load.processes"),
        (
            replace(GOOD, loop_lag_p99_s=0.0021, ordinary=True),
            "event loop lagged 2.1 ms at p99 (limit 2 ms): others had the CPU: use a quieter host, or let the",
        ),
        (
            replace(GOOD, loop_lag_p99_s=0.0021, cpu_share=0.5, ordinary=True),
            "event loop lagged 2.1 ms at p99 (limit 2 ms): use more load.processes",
        ),
        (replace(GOOD, steal_share=0.06), "gave 6.0% of the CPU time to others (caution 1%, limit 5%)"),
        (replace(GOOD, floor_p50_s=0.004), "service p50 9.9 ms is 2.5 x the floor of 4 ms (limit 3 x)"),
    ],
)
def test_what_the_host_must_keep_in_an_open_loop(level, host, sentence):
    """Each limit that is missed is one sentence with number, limit and what to do."""
    verdict = judged(level(), host)
    assert len(verdict.invalid) == 1
    assert sentence in verdict.invalid[0]


@pytest.mark.parametrize(("late_s", "valid"), [(0.0009, True), (0.0011, False)])
def test_lateness_of_fast_services(level, late_s, valid):
    """A millisecond is allowed, whatever the service takes."""
    assert judged(level(late_s=late_s)).valid is valid


def test_lateness_of_slow_services(made):
    """Five per cent of the service time are allowed where that is more than a millisecond."""
    due = np.arange(0, 12, 0.01)
    for late_s, valid in ((0.004, True), (0.006, False)):
        records = made(due, np.full(1200, 0.1), end_s=12)
        records = replace(records, t_send_ns=records.t_send_ns + round(late_s * 1e9))
        assert judged(measure(records, load=OPEN, objective=Objective())).valid is valid


def test_waiting_for_a_connection_is_not_lateness(level):
    """A request that waits for its turn in a bounded pool is the service's delay, not the generator's."""
    assert judged(level(late_s=0.005, wait_ns=np.full(1200, 5_000_000))).valid


def test_requests_that_were_never_sent(level, made):
    """Below 99 % sent of what was due, the generator has failed."""
    due = np.arange(0, 12, 0.01)
    outcome = np.where(np.arange(1200) % 50 == 0, 4, 0)
    records = made(due, np.full(1200, 0.01), end_s=12, outcome=outcome)
    records = replace(records, t_send_ns=np.where(outcome, 0, records.t_send_ns))
    verdict = judged(measure(records, load=OPEN, objective=Objective()))
    assert any("the generator sent 98.00% of what was due (limit 99.00%)" in reason for reason in verdict.invalid)


def test_a_busy_generator_of_a_closed_loop_is_a_caution(level):
    """A closed loop measures what it measures: it is generator-bound, not INVALID."""
    verdict = judged(level(CLOSED), replace(GOOD, cpu_share=0.95), CLOSED)
    assert verdict.valid
    assert verdict.cautions[0].startswith("generator-bound: a generator process used 95% of a core")


@pytest.mark.parametrize(("lag_s", "cautions"), [(0.0019, 0), (0.0021, 1), (0.5, 1)])
def test_lag_of_a_closed_loop_is_a_caution(level, lag_s, cautions):
    """Answers that are read late look slower than they were: that is said, and makes no level INVALID."""
    verdict = judged(level(CLOSED), replace(GOOD, loop_lag_p99_s=lag_s), CLOSED)
    assert verdict.valid
    assert len(verdict.cautions) == cautions
    assert all("answers that came meanwhile look slower" in text for text in verdict.cautions)


@pytest.mark.parametrize(("steal", "cautions", "invalid"), [(0.01, 0, 0), (0.011, 1, 0), (0.05, 1, 0), (0.051, 0, 1)])
@pytest.mark.parametrize("load", [OPEN, CLOSED])
def test_steal(level, load, steal, cautions, invalid):
    """More than 1 % is a caution, more than 5 % is INVALID, in both loops."""
    verdict = judged(level(load), replace(GOOD, steal_share=steal), load)
    assert (len(verdict.cautions), len(verdict.invalid)) == (cautions, invalid)


@pytest.mark.parametrize(("response_s", "cautions", "invalid"), [(0.0097, 0, 0), (0.0093, 1, 0), (0.0085, 0, 1)])
def test_little(made, response_s, cautions, invalid):
    """A client that spends 7 % of its time on neither waiting nor thinking is doubtful, 15 % INVALID."""
    measured = measure(
        made(np.arange(0, 12, 0.01), np.full(1200, response_s), end_s=12), load=CLOSED, objective=Objective()
    )
    verdict = judged(measured, load=CLOSED)
    assert (len(verdict.cautions), len(verdict.invalid)) == (cautions, invalid)
    assert all("Little's law misses" in text for text in (*verdict.cautions, *verdict.invalid))


def test_little_needs_requests(made):
    """A hundred requests are too few to judge by Little's law."""
    measured = measure(made(np.arange(0, 12, 0.1), np.full(120, 0.05), end_s=12), load=CLOSED, objective=Objective())
    assert measured.metrics["little_residual"] == pytest.approx(0.5, abs=0.02)
    assert judged(measured, load=CLOSED).valid


def test_the_floor_must_be_known(level):
    """Without a floor nothing is near it."""
    assert judged(level(), replace(GOOD, floor_p50_s=0.0)).valid


def test_shed_and_over_saturated_levels_are_valid_and_say_so(made):
    """A service that is left behind is a measurement: of misses, on which no claim of capacity rests."""
    due = np.arange(0, 12, 0.01)
    outcome = np.where(np.arange(1200) % 3 == 0, 3, 0)
    measured = measure(made(due, np.full(1200, 0.01), end_s=12, outcome=outcome), load=OPEN, objective=Objective())
    verdict = judged(measured)
    assert verdict.valid
    assert any("requests were shed beyond max_in_flight = 4096" in text for text in verdict.cautions)
    assert any("over-saturated: the backlog grew by 3" in text for text in verdict.cautions)


def test_percentiles_among_what_never_ended_are_named(made):
    """Where a percentile is not told because of time-outs, a caution names it."""
    due = np.arange(0, 12, 0.005)
    outcome = np.where(np.isin(np.arange(2400), np.arange(500, 524)), 2, 0)
    load = Load(clients=4, warmup_s=2, duration_s=10)
    measured = measure(made(due, np.full(2400, 0.02), end_s=12, outcome=outcome), load=load, objective=Objective())
    assert measured.unbounded == ("latency_p99_s", "service_p99_s")
    assert any("latency_p99_s, service_p99_s" in text for text in judged(measured, load=load).cautions)


def test_no_request_is_invalid(made):
    """A window without requests measures nothing."""
    measured = measure(made([0.5], [0.1], end_s=12), load=OPEN, objective=Objective())
    assert "no request was due in the window" in judged(measured).invalid[0]


def test_what_is_not_stationary_is_invalid(cycled):
    """The reason of the steady state is a reason here, and the generator's own cautions are passed on."""
    records, load = cycled(np.random.default_rng(1), 10, shape=lambda t: 1 + 5 * np.exp(-t / 4))
    measured = measure(records, load=load, objective=Objective())
    verdict = judged(measured, replace(GOOD, cautions=("clocks differ",)), load)
    assert verdict.invalid[0] == measured.steady.invalid
    assert verdict.invalid[0].startswith("not stationary")
    assert "clocks differ" in verdict.cautions
