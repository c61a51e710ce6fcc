"""The older oracle: its sub-formulas by hand, and that it has but one answer."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.threadpool.analytic import older
from fairtrial.systems.threadpool.words import SIZES

N = np.array(SIZES)


def test_a_row_that_is_not_loaded(rows):
    """100 tasks a second of 500 us: the queue term takes 50 us a waiting task off, alike for every size."""
    features = rows(runq_len=3, arrival_rate=100, task_time_p95_us=900, task_size_mean=500)
    terms = older.terms(features)
    assert terms.latency_us[0].tolist() == [750.0] * 7
    assert terms.switching_us[0].tolist() == (10 * N).tolist()
    assert terms.idle_us[0] == pytest.approx(50 * (N - 0.05))
    assert terms.penalty_us[0].tolist() == [200, 0, 0, 0, 0, 0, 320]
    by_hand = 750 + 0.5 * N + 0.1 * 50 * (N - 0.05) + np.array([200, 0, 0, 0, 0, 0, 320])
    assert older.costs(features)[0] == pytest.approx(by_hand)
    assert older.costs(features, 2.0, 0.0, 0.0)[0] == pytest.approx(1500 + terms.penalty_us[0])


def test_the_queue_takes_no_more_than_500_off(rows):
    """min(50 x waiting, 500)."""
    terms = older.terms(rows(runq_len=[10, 11, 400], arrival_rate=10, task_time_p95_us=900, task_size_mean=500))
    assert terms.latency_us[:, 2].tolist() == [400.0] * 3


def test_sizes_that_cannot_keep_up(rows):
    """1000 (lam - cap) / cap us more below the rate; the size that just keeps up counts as one that does."""
    terms = older.terms(rows(runq_len=1, arrival_rate=8000, task_time_p95_us=1000, task_size_mean=500))
    assert terms.latency_us[0].tolist() == [4000.0, 2000.0, 950.0 + 50, 950.0, 950.0, 950.0, 950.0][:2] + [950.0] * 5
    assert terms.idle_us[0].tolist() == [0.0, 0.0, 0.0, 200.0, 600.0, 1400.0, 3000.0]


def test_no_size_of_tasks_is_200_a_second(rows):
    """Where task_size_mean is 0 a worker is taken to do 200 tasks a second."""
    terms = older.terms(rows(arrival_rate=300, task_time_p95_us=1000))
    assert terms.latency_us[0].tolist() == [1500.0] + [1000.0] * 6


def test_ties_go_to_the_fewest(rows):
    """Without weights nothing but the penalty is left: 2, the first of those without one."""
    assert older.costs(rows(arrival_rate=100, task_size_mean=500), 0.0, 0.0, 0.0).argmin(axis=1).tolist() == [1]


def test_missing_numbers_have_no_cost(rows):
    """NaN in a column that is read; one in another column does not matter."""
    assert np.isnan(older.costs(rows(arrival_rate=[np.nan, 1], task_size_mean=[5, np.nan]))).all()
    assert not np.isnan(older.costs(rows(arrival_rate=10, task_size_mean=5, task_time_p50_us=np.nan))).any()


@pytest.mark.parametrize("weights", [(0.05, 0.1), (0.01, 0.01), (0.01, 0.005), (0.0, 0.0), (1.0, 0.0), (0.0, 1.0)])
def test_it_says_two_whatever_it_sees(older_rows, weights):
    """On the older generator's rows: 2 workers in 100 % of them, for the published weights and for any others."""
    costs = older.costs(older_rows, 1.0, *weights)
    assert {SIZES[place] for place in costs.argmin(axis=1)} == {2}
