"""The steady state: where it begins, whether it lasts, whether the service kept up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fairtrial.stats.interval import rate_interval
from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.measure.steady import settle

REPEATS = 1000


def share_low(count, repeats):
    """Return the lower Clopper-Pearson bound of a rate."""
    return rate_interval(count, repeats, 0.95)[0]


@pytest.mark.parametrize("n", [1000, 5000])
def test_false_alarms_of_a_stable_queue(queued, n):
    """M/M/1 at 80 % is hardly ever called unstable or INVALID: the lower bounds stay below 0.1 % and 1 %."""
    rng = np.random.default_rng(0)
    found = [settle(records, load=load) for records, load in (queued(rng, 0.8, n) for _ in range(REPEATS))]
    assert share_low(sum(each.stable is False for each in found), REPEATS) <= 0.001
    assert share_low(sum(bool(each.invalid) for each in found), REPEATS) <= 0.01
    assert all(each.stable is not None for each in found)


@pytest.mark.parametrize(("share", "n", "least"), [(1.05, 20_000, 0.98), (1.2, 1000, 0.95), (2.0, 300, 0.98)])
def test_an_overloaded_queue_is_unstable(queued, share, n, least):
    """Over-saturation is seen nearly always, by 5 % in 20,000 requests and by 20 % in 1,000."""
    rng = np.random.default_rng(1)
    found = [settle(records, load=load) for records, load in (queued(rng, share, n) for _ in range(200))]
    assert np.mean([each.stable is False for each in found]) >= least
    unstable = next(each for each in found if each.stable is False)
    assert unstable.cut_s == 0.0
    assert unstable.backlog_growth > 0.01 * n
    assert not unstable.invalid


@pytest.mark.parametrize("wander", [0.0, 0.05, 0.2])
def test_false_alarms_of_a_wandering_closed_loop(cycled, wander):
    """A closed loop on a host whose speed wanders is hardly ever INVALID, and keeps most of its window."""
    rng = np.random.default_rng(2)
    found = [settle(records, load=load) for records, load in (cycled(rng, 5, wander=wander) for _ in range(100))]
    assert sum(bool(each.invalid) for each in found) <= 3
    assert np.mean([each.cut_s for each in found]) < 1.0
    assert {each.stable for each in found} == {None}


def test_a_warmup_is_cut_off(cycled):
    """A service that is slow for two seconds after the declared warm-up is measured from when it is warm."""
    rng = np.random.default_rng(3)
    records, load = cycled(rng, 10, shape=lambda t: 3.0 if t < 3 else 1.0)
    found = settle(records, load=load)
    assert 2.0 <= found.cut_s <= 2.6
    assert found.window.begin_ns == pytest.approx((1 + found.cut_s) * 1e9)
    assert found.window.end_ns == records.end_ns
    assert not found.invalid


def test_a_warmup_that_does_not_end_is_invalid(cycled):
    """Where half of the window is warm-up, the level is INVALID, or at least doubtful, and says what to do."""
    rng = np.random.default_rng(4)
    runs = [cycled(rng, 10, shape=lambda t: 1 + 3 * np.exp(-t / 4), wander=0.05) for _ in range(40)]
    found = [settle(records, load=load) for records, load in runs]
    assert np.mean([bool(each.invalid) for each in found]) >= 0.75
    assert np.mean([bool(each.invalid or each.cautions) for each in found]) >= 0.95
    reason = next(each.invalid for each in found if each.invalid)
    assert reason.startswith("not stationary: response time was still changing in the middle of the window")
    assert "longer warmup_s" in reason


def test_failures_are_not_cut_off(cycled):
    """What looks like warm-up but holds the failures stays in the window, and a caution says so."""
    records, load = cycled(np.random.default_rng(3), 10, shape=lambda t: 3.0 if t < 3 else 1.0)
    early = (records.t_sched_ns < 2_500_000_000) & (records.seq % 10 == 0)
    failing = replace(records, outcome=early.astype(np.uint8))
    found = settle(failing, load=load)
    assert found.cut_s == 0.0
    assert "look like warm-up but hold" in found.cautions[0]
    spread = replace(records, outcome=(records.seq % 10 == 0).astype(np.uint8))
    assert settle(spread, load=load).cut_s > 1.9


def test_a_stall_is_not_a_warmup(made):
    """One stall in the first half is part of the truth: nothing is cut, and nothing is INVALID."""
    due = np.arange(0, 12, 0.01)
    response = 0.002 + 0.0002 * np.sin(np.arange(len(due)) * 12.9898)
    stalled = (due >= 5.0) & (due < 6.0)
    response[stalled] = 6.0 - due[stalled]
    load = Load(mode="open", rate_per_s=100, warmup_s=2, duration_s=10)
    found = settle(made(due, response, end_s=12), load=load)
    assert found.cut_s == 0.0
    assert found.stable is True
    assert not found.invalid


def test_a_stall_at_the_end_is_not_over_saturation(made):
    """A service that stops for the last second has a backlog then, but did keep up before."""
    due = np.arange(0, 12, 0.01)
    response = np.where(due >= 11, 12.5 - due, 0.015)
    found = settle(made(due, response, end_s=12), load=Load(mode="open", rate_per_s=100, warmup_s=2, duration_s=10))
    assert found.stable is True


def test_drift_is_a_caution(cycled):
    """A response that rises by a third over the window is told, with its size."""
    rng = np.random.default_rng(5)
    found = [
        settle(records, load=load) for records, load in (cycled(rng, 10, shape=lambda t: 1 + t / 30) for _ in range(20))
    ]
    assert np.mean([bool(each.cautions or each.invalid) for each in found]) >= 0.9
    assert any("drift: response time moved by +" in caution for each in found for caution in each.cautions)


def test_too_few_requests_are_not_judged(made):
    """Thirty requests in ten seconds: the window stays whole, and a caution says that nothing was checked."""
    due = np.linspace(2.0, 11.9, 30)
    found = settle(made(due, np.full(30, 0.1), end_s=12), load=Load(clients=1, warmup_s=2))
    assert found.cut_s == 0.0
    assert found.cautions[0].startswith("not checked for a steady state: 30 requests in 10 s are too few")


def test_an_open_load_of_few_requests_is_neither_stable_nor_not(made):
    """Below twenty requests growth cannot be told from chance."""
    found = settle(
        made(np.linspace(2.0, 11.9, 15), np.full(15, 0.1), end_s=12),
        load=Load(mode="open", rate_per_s=1.5, warmup_s=2),
    )
    assert found.stable is None


@pytest.mark.parametrize("outcome", [2, 3, 4])
def test_giving_up_does_not_make_it_stable(made, outcome):
    """Where a tenth of the requests is never answered, the service does not keep up, however few are in flight."""
    due = np.arange(0, 12, 0.01)
    kinds = np.where(np.arange(len(due)) % 10 == 0, outcome, 0)
    load = Load(mode="open", rate_per_s=100, warmup_s=2, duration_s=10)
    assert settle(made(due, np.full(len(due), 0.01), end_s=12, outcome=kinds), load=load).stable is False
    assert settle(made(due, np.full(len(due), 0.01), end_s=12, outcome=np.minimum(kinds, 1)), load=load).stable is True
