"""The bootstrap over few replicates: Student's for linear statistics; variances drawn towards each other."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.stats.interval import t_interval
from fairtrial.stats.multiplier import drawn, moderated, multipliers


@pytest.mark.parametrize("replicates", [2, 3, 5, 10])
def test_linear_statistics_get_students_interval(replicates):
    """The percentile interval of a contrast of level means is the t interval of the replicates' contrasts."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((4, replicates)) + rng.standard_normal(replicates)
    contrast = np.array([-3.0, -1.0, 1.0, 3.0])
    draws = drawn(values, multipliers(replicates, 200_000, rng)) @ contrast
    low, high = t_interval((contrast @ values).tolist())
    assert np.percentile(draws, [2.5, 97.5]) == pytest.approx([low, high], abs=0.03 * (high - low))


def test_what_replicates_share_shifts_all_levels_alike():
    """A common noise of the replicates moves every level of a draw by the same amount."""
    values = np.arange(4.0)[:, None] + np.array([0.1, -0.3, 0.2])
    draws = drawn(values, multipliers(3, 50, np.random.default_rng(0)))
    assert np.diff(draws, axis=1) == pytest.approx(np.ones((50, 3)))


def test_one_replicate_gives_nothing():
    """Below two values there are no draws."""
    assert np.isnan(drawn(np.ones((3, 1)), multipliers(1, 10, np.random.default_rng(0)))).all()
    lacking = np.array([[1.0, 2.0], [1.0, np.nan]])
    assert np.isnan(drawn(lacking, multipliers(2, 10, np.random.default_rng(0)))).tolist() == [[False, True]] * 10


def test_equal_variances_are_drawn_together():
    """Variances of five values scatter by a factor where the truth is one: most of that is taken out, none added."""
    rng = np.random.default_rng(0)
    raw, drawn_together = [], []
    for _ in range(100):
        values = rng.standard_normal((8, 5))
        variance, df = moderated(values)
        raw.append(np.log(values.var(axis=1, ddof=1)).std())
        drawn_together.append(np.log(variance).std())
    assert df == 28
    assert np.mean(drawn_together) < np.mean(raw) / 3
    assert np.exp(np.log(variance).mean()) == pytest.approx(1 / 5, rel=0.5)


def test_unequal_variances_stay_apart():
    """Levels whose noise differs a hundredfold keep different weights, which err towards being equal."""
    scale = np.geomspace(0.1, 10, 8)
    variance, _ = moderated(scale[:, None] * np.random.default_rng(0).standard_normal((8, 10)))
    assert 20 < variance[-1] / variance[0] < 10_000
    assert variance[-3:].min() > 2 * variance[:5].max()


def test_what_replicates_share_is_no_noise():
    """A replicate's own level is not counted; replicates without any other noise have no variance."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((6, 4))
    shifted, _ = moderated(values + 50 * rng.standard_normal(4))
    assert shifted == pytest.approx(moderated(values)[0])
    assert moderated(np.arange(6.0)[:, None] + np.array([1.0, 5.0, 2.0]))[1] == 0


def test_variances_follow_the_unit():
    """In another unit they are those of that unit."""
    values = np.random.default_rng(0).standard_normal((6, 4)) * np.arange(1, 7)[:, None] ** 2
    assert moderated(values * 1e-9)[0] == pytest.approx(moderated(values)[0] * 1e-18, rel=1e-9)
