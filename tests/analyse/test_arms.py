"""Arms level by level: paired where seeds are common, and the number of comparisons counted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_ind, ttest_rel

from fairtrial.analyse.arms import by_level
from fairtrial.analyse.data import data
from fairtrial.errors import UnknownName
from fairtrial.stats.multiplicity import benjamini_hochberg, holm
from fairtrial.testing.worlds import measured

LEVELS = [10, 100, 1000]


def world(effects, *, replicates=8, seed=0, **more):
    """Return two arms that differ by an effect at each level; replicates share a large noise."""
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((3, replicates))
    own = 0.1 * rng.standard_normal((2, 3, replicates))
    return data(measured(LEVELS, {"a": shared + own[0] + np.array(effects)[:, None], "b": shared + own[1]}, **more))


def compared(found, **more):
    """Compare the two arms."""
    return by_level(found, metric="loss", factor="n", arms=("a", "b"), **more)


def test_pairs_see_through_what_they_share():
    """With common seeds the difference at one level is shown, and the interval is that of the paired t test."""
    found = world([0.0, 0.5, 0.0])
    made = compared(found)
    values = found.metric("loss").reshape(2, 3, 8)
    theirs = ttest_rel(values[0, 1], values[1, 1]).confidence_interval(0.95)
    assert [one.level for one in made] == LEVELS
    assert (made[1].interval.low, made[1].interval.high) == pytest.approx((theirs.low, theirs.high))
    assert made[1].p_adjusted < 0.05 < min(made[0].p_adjusted, made[2].p_adjusted)
    assert made[1].p == 2 / 2**8
    assert [one.n for one in made] == [8, 8, 8]


def test_without_common_seeds_nothing_is_paired():
    """Then it is Welch's test, which the shared noise hides the difference from."""
    found = world([0.0, 0.5, 0.0], common_seeds=False)
    made = compared(found)
    values = found.metric("loss").reshape(2, 3, 8)
    assert made[1].p == pytest.approx(ttest_ind(values[0, 1], values[1, 1], equal_var=False).pvalue)


def test_levels_are_a_family():
    """Adjusted as a screen, or as a declared family."""
    found = world([0.3, 0.2, 0.1])
    screen, family = compared(found), compared(found, adjustment="holm")
    p = [one.p for one in screen]
    assert [one.p_adjusted for one in screen] == benjamini_hochberg(p)
    assert [one.p_adjusted for one in family] == holm(p)
    with pytest.raises(UnknownName, match="unknown adjustment 'bonferroni'"):
        compared(found, adjustment="bonferroni")


def test_resamples_of_one_data_set_count_less():
    """With an overlap the corrected resampled t takes over: wider, and less sure."""
    found = world([0.1, 0.2, 0.3])
    for plain, corrected in zip(compared(found), compared(found, overlap=0.25), strict=True):
        assert corrected.interval.high - corrected.interval.low > plain.interval.high - plain.interval.low
        assert corrected.interval.method == "corrected resampled t"


def test_what_is_missing_is_left_out_in_pairs():
    """A failed trial takes its partner along; a level with one pair has no p and is no part of the family."""
    values = np.arange(12.0).reshape(3, 4)
    lacking = values + 1
    lacking[0, 1:] = np.nan
    lacking[1, 0] = np.nan
    made = compared(data(measured(LEVELS, {"a": lacking, "b": values})))
    assert [one.n for one in made] == [1, 3, 4]
    assert (made[0].estimate, made[0].p, made[0].interval, made[0].p_adjusted) == (1.0, None, None, None)


def test_only_levels_that_both_have():
    """A level of one arm alone is not compared."""
    arms = {"a": np.ones((2, 3)), "b": np.ones((2, 3))}
    made = compared(data(measured({"a": [1, 2], "b": [2, 3]}, arms)))
    assert [one.level for one in made] == [2]


def test_equal_arms_are_told_apart_by_chance_only():
    """Of 300 studies of equal arms, Holm tells some level apart in at most as many as 5 % allow."""
    from fairtrial.stats.interval import rate_interval

    alarms = 0
    for seed in range(300):
        made = compared(world([0.0, 0.0, 0.0], seed=seed), adjustment="holm")
        alarms += min(one.p_adjusted for one in made) <= 0.05
    assert rate_interval(alarms, 300)[0] <= 0.05
