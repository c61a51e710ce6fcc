"""What weights do to an oracle's choices, and an oracle that does not choose."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.errors import NothingMeasured
from fairtrial.systems.threadpool.analytic import older, queueing
from fairtrial.systems.threadpool.analytic.grid import choices, degenerate, sensitivity
from fairtrial.systems.threadpool.analytic.terms import Terms
from fairtrial.systems.threadpool.words import SIZES, Machine

PUBLISHED = (older.ALPHA, older.BETA, older.GAMMA)


def test_the_older_oracle_is_flagged(older_rows):
    """One size for all rows, with a reason; no weights make it choose: the penalty for 1 worker holds or not."""
    found = sensitivity(older.terms(older_rows), PUBLISHED, SIZES)
    assert found.rows == 2000
    assert found.degenerate == (
        "degenerate: it chooses 2 for all of 2000 rows; in 100% of them its latency is the same for every size, "
        "so nothing is weighed against cost"
    )
    assert found.constant == 1.0
    assert len(found.cells) == 49
    for cell in found.cells:
        assert cell.size == (2 if 10 * cell.beta + 50 * cell.gamma <= 200 else 1)
        assert (cell.share, cell.changed) == (1.0, float(cell.size != 2))


def test_an_oracle_that_chooses_is_not(rows):
    """Queueing theory on rows of different loads: several sizes, and weights matter."""
    rng = np.random.default_rng(0)
    features = rows(
        arrival_rate=rng.uniform(100, 15_000, 300),
        task_size_mean=500.0,
        task_size_var=250_000.0,
        task_time_p50_us=rng.choice([350.0, 4000.0], 300),
    )
    found = sensitivity(queueing.terms(features, Machine()), PUBLISHED, SIZES)
    assert found.degenerate is None
    assert 0.3 < found.changed < 1.0
    assert found.constant == 0.0


def test_by_hand():
    """Two rows and two sizes: beta above 1 makes the first row change, never the second."""
    terms = Terms(np.array([[10.0, 0.0], [0.0, 10.0]]), np.array([[0.0, 10.0]] * 2), np.zeros((2, 2)), np.zeros((2, 2)))
    found = sensitivity(terms, (1.0, 0.0, 0.0), (4, 8), decades=(0.0, 10.0))
    assert found.changed == 0.5
    assert [cell.changed for cell in found.cells] == [0.0, 0.0, 0.5, 0.5]
    assert [cell.size for cell in found.cells] == [4, 4, 4, 4]
    assert degenerate(terms, (1.0, 10.0, 0.0), (4, 8)) == "degenerate: it chooses 4 for all of 2 rows"
    assert degenerate(terms, (1.0, 0.0, 0.0), (4, 8)) is None


def test_rows_with_missing_costs_are_left_out():
    """They have no choice; without any row there is nothing to say."""
    costs = np.array([[1.0, np.nan], [2.0, 2.0], [3.0, 1.0]])
    assert choices(costs).tolist() == [-1, 0, 1]
    none = Terms(*(np.full((2, 2), np.nan),) * 4)
    with pytest.raises(NothingMeasured, match="no row"):
        sensitivity(none, PUBLISHED, (1, 2))
