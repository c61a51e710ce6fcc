"""The learned model as a chooser, and its compiled decision."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.threadpool.parameters import LEARNT
from fairtrial.systems.threadpool.reflex.learn import fit
from fairtrial.systems.threadpool.reflex.model import decisions_per_s


@pytest.fixture(scope="module", params=LEARNT)
def model(request, planted):
    return fit(request.param, planted(120), seed=0)


def test_the_compiled_decision_is_the_first_of_the_lowest_costs(model, planted):
    """In range it is what costs say; out of range it is 0."""
    features = planted(500, seed=3).features
    costs, inside = model.costs(features), model.inside(features)
    assert inside.any()
    assert not inside.all()
    chosen = np.array(model.sizes)[costs.argmin(axis=1)]
    assert np.array_equal(model.decide(features), np.where(inside, chosen, 0))


def test_the_range_is_that_of_the_rows_learned_from(model, planted):
    """Every row learned from is inside; one feature past its end puts a row outside, and so does a missing one."""
    rows = planted(120).features
    assert model.inside(rows).all()
    for at in range(10):
        for value in (
            rows[:, at].max() * 1.001 + 1e-3,
            rows[:, at].min() - 1e-3 - 1e-3 * abs(rows[:, at].min()),
            np.nan,
        ):
            changed = rows[:1].copy()
            changed[0, at] = value
            assert not model.inside(changed)[0]
            assert np.isnan(model.costs(changed)).all() == np.isnan(value)


def test_costs_are_ratios(model, planted):
    """A cost is about the ratio of p95 to the best: the lowest is near 1, the highest at most about the cap."""
    costs = model.costs(planted(120).features)
    assert np.median(costs.min(axis=1)) == pytest.approx(1, abs=0.1)
    assert np.median(costs.max(axis=1)) == pytest.approx(11, rel=0.2)
    assert costs.min() > 0


def test_one_row_is_many_rows(model, planted):
    """A row alone, or in another layout in memory, costs what it costs among others."""
    features = planted(40, seed=4).features
    costs = model.costs(features)
    assert np.array_equal(np.vstack([model.costs(one) for one in features]), costs)
    assert np.array_equal(model.costs(np.asfortranarray(features)), costs)


def test_decisions_are_counted_over_the_time_they_took(model, planted):
    """With a clock that takes 0.01 s a round of 50 rows, it is 16 rounds or more that are timed: 5,000 a second."""
    rounds = [0, 1, 0, 2, 0, 4, 0, 8, 0, 16, 0, 32]
    clock = iter([0.01 * sum(rounds[: at + 1]) for at in range(len(rounds))])
    assert decisions_per_s(model, planted(50).features, clock=lambda: next(clock)) == pytest.approx(50 / 0.01)
    assert len(list(clock)) == 0
