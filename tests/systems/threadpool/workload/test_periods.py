"""Periods whose rates are drawn anew."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from fairtrial.errors import UserError
from fairtrial.systems.threadpool.words import Arrivals
from fairtrial.systems.threadpool.workload.periods import periods, unit


def test_mean_rate_is_kept():
    """Over many periods as many arrive as at the mean rate, within 3 standard errors of 1 %."""
    arrivals = Arrivals(kind="adversarial", rate_low=0.1, rate_high=5.0, period_s=0.1)
    found = periods(arrivals, 5000.0, np.random.default_rng(1))
    spread = (5.0 - 0.1) / 5.1 * 2 / sqrt(12)
    error = 3 * spread / sqrt(len(found.edges_s))
    assert error <= 0.01
    assert found.expected_s[-1] / found.edges_s[-1] == pytest.approx(1, abs=error)


def test_rates_within_bounds():
    """The rate of a period is a multiple between the bounds, scaled by their mean; periods reach the last arrival."""
    arrivals = Arrivals(kind="adversarial", rate_low=1.0, rate_high=3.0, period_s=2.0)
    found = periods(arrivals, 100.0, np.random.default_rng(1))
    times = np.diff(found.expected_s) / 2.0
    assert times.min() >= 0.5
    assert times.max() <= 1.5
    assert found.expected_s[-1] > 100.0


def test_arrivals_follow_the_rate():
    """An arrival comes when as many have come at the drawn rates as at the mean rate until then."""
    arrivals = Arrivals(kind="adversarial", rate_low=1.0, rate_high=3.0, period_s=2.0)
    found = periods(arrivals, 100.0, np.random.default_rng(1))
    due = found.due(np.array([0.0, found.expected_s[1] / 2, found.expected_s[7]]))
    np.testing.assert_allclose(due, [0.0, 1.0, 14.0])


def test_far_too_short_periods_are_refused():
    """Periods by the million between two arrivals are one line of complaint, with a length that will do."""
    arrivals = Arrivals(kind="adversarial", period_s=1e-9)
    with pytest.raises(
        UserError, match=r"period_s 1e-09 makes more than 20,000,000 periods \(at least 6e-06 will do\)"
    ):
        periods(arrivals, 100.0, np.random.default_rng(1))
    roomy = arrivals.model_copy(update={"period_s": 1e-3})
    assert len(periods(roomy, 100.0, np.random.default_rng(1)).edges_s) >= 90_000


def test_unit_mean():
    """Multiples lie between the scaled bounds; equal bounds make them 1."""
    rng = np.random.default_rng(1)
    assert (unit(2.0, 2.0, 5, rng) == 1.0).all()
    assert unit(1.0, 3.0, 100_000, rng).mean() == pytest.approx(1, abs=3 / sqrt(12 * 100_000))
