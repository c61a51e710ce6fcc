"""Effects: what factors do, on grids, gaps, arms, random designs; and that failures, units and order do not flatter."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.analyse.data import data
from fairtrial.analyse.effect.effects import effects
from fairtrial.errors import UnknownName, UserError
from fairtrial.model.finding import CautionKind, Verdict
from fairtrial.model.run import Measurements
from fairtrial.model.study import ABSENT, Metric

METRICS = [Metric("y", unit="s")]


def measured(rows, values, *, variant=None, failed=()):
    """Make measurements of rows: ({factor: level}, replicate), a value each."""
    n = len(rows)
    names = dict.fromkeys(name for setting, _ in rows for name in setting)
    return Measurements(
        run=1,
        number=range(1, n + 1),
        variant=variant or [""] * n,
        replicate=[replicate for _, replicate in rows],
        seed=[0] * n,
        status=["failed" if i in failed else "done" for i in range(n)],
        failure=["oom" if i in failed else "" for i in range(n)],
        factors={name: [setting.get(name, ABSENT) for setting, _ in rows] for name in names},
        metrics={"y": list(values)},
    )


def grid(levels, replicates):
    """List the rows of a full grid."""
    return [
        (dict(zip(levels, values, strict=True)), r) for values in product(*levels.values()) for r in range(replicates)
    ]


def asked(measurements, **options):
    return effects(data(measurements), METRICS, metric="y", **options)


def effect(finding, *factors):
    return next(one for one in finding.effects if one.factors == factors)


def noisy(rows, mean, *, sd=0.1, seed=0):
    rng = np.random.default_rng(seed)
    return [mean(setting) + sd * rng.normal() for setting, _ in rows]


LEVELS = {"a": [1, 2, 4], "b": ["x", "y"]}


def test_a_main_effect_is_told_from_nothing():
    """The factor that acts is supported with its size, the other one and the interaction are not."""
    rows = grid(LEVELS, 5)
    found = asked(measured(rows, noisy(rows, lambda at: at["a"])))
    assert effect(found, "a").verdict is Verdict.SUPPORTED
    assert effect(found, "a").spread == pytest.approx(3, abs=0.2)
    assert effect(found, "a").spread_interval.low < 3 < effect(found, "a").spread_interval.high
    assert effect(found, "b").verdict is effect(found, "a", "b").verdict is Verdict.INCONCLUSIVE
    assert found.verdict is Verdict.SUPPORTED
    assert found.answer.startswith("a changes y by 2.9") or found.answer.startswith("a changes y by 3")
    assert "nothing is shown for b" in found.answer
    assert "(5 replicates of 6 conditions)" in found.answer
    assert found.importance[0].factor == "a"
    assert found.importance[0].share > 0.9
    assert [point.level for point in found.marginals[0].points] == [1, 2, 4]


def test_an_interaction_without_main_effects():
    """Opposite signs in two levels are an interaction and no main effect."""
    rows = grid({"a": [0, 1], "b": [0, 1]}, 8)
    found = asked(measured(rows, noisy(rows, lambda at: 1.0 if at["a"] == at["b"] else -1.0, seed=1)))
    assert effect(found, "a", "b").verdict is Verdict.SUPPORTED
    assert effect(found, "a", "b").spread == pytest.approx(1, abs=0.1)
    assert effect(found, "a").verdict is effect(found, "b").verdict is Verdict.INCONCLUSIVE
    assert "act on y together" in found.answer


def test_a_seed_that_moves_one_level_is_no_effect():
    """What a seed does to a level counts as noise between replicates, however many trials repeat it."""
    rng = np.random.default_rng(1)
    rows = grid({"a": [0, 1], "b": list(range(40))}, 4)
    moved = rng.normal(size=(2, 4))
    values = [moved[at["a"], r] + 0.01 * rng.normal() for at, r in rows]
    assert effect(asked(measured(rows, values)), "a").p > 0.05


def test_two_levels_and_few_replicates_say_how_they_were_tested():
    """Where arrangements are too few for a permutation test, F is used and named."""
    rows = grid({"a": [0, 1]}, 5)
    found = asked(measured(rows, noisy(rows, lambda at: 5.0 * at["a"])))
    assert effect(found, "a").verdict is Verdict.SUPPORTED
    assert "p is of the F distribution" in effect(found, "a").why


def test_one_replicate_is_never_enough():
    """One replicate gives sizes and a hint, and no verdict."""
    rows = grid({"a": [1, 2, 3], "b": [1, 2, 3, 4]}, 1)
    found = asked(measured(rows, noisy(rows, lambda at: at["a"])))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert {one.verdict for one in found.effects} == {Verdict.INCONCLUSIVE}
    assert effect(found, "a").p < 0.05
    assert "one replicate" in found.answer
    assert found.needed.replicates == 2
    assert CautionKind.FEW_REPLICATES in {one.kind for one in found.cautions}


def test_an_excluded_cell_leaves_what_is_crossed():
    """The excluded cell takes its level or setting out of the tests, and the report says so."""
    rows = [row for row in grid({"a": [1, 2, 3], "b": [1, 2, 3, 4]}, 5) if (row[0]["a"], row[0]["b"]) != (3, 4)]
    found = asked(measured(rows, noisy(rows, lambda at: 10 * at["b"])))
    assert effect(found, "a").verdict is Verdict.INCONCLUSIVE  # the missing cell does not make a look as if it acted
    assert effect(found, "b").verdict is Verdict.SUPPORTED
    assert CautionKind.UNBALANCED in {one.kind for one in found.cautions}


def test_a_level_added_for_one_setting_only_is_left_out():
    """A condition added by hand does not keep the rest from being tested."""
    rows = [*grid({"a": [1, 2], "b": [1, 2]}, 5), *[({"a": 3, "b": 1}, r) for r in range(5)]]
    found = asked(measured(rows, noisy(rows, lambda at: at["b"])))
    assert effect(found, "b").verdict is Verdict.SUPPORTED
    assert [point.level for point in found.marginals[0].points] == [1, 2]
    assert any("a = 3" in one.text for one in found.cautions)


def test_an_arms_own_factor_is_tested_in_that_arm():
    """Own factors are averaged where arms are compared, and tested where they exist."""
    own = [({"a": a, "w": w}, r) for a in (1, 2) for w in (4, 64) for r in range(6)]
    rows = [*own, *[({"a": a}, r) for a in (1, 2) for r in range(6)]]
    arms = ["tuned"] * len(own) + ["default"] * (len(rows) - len(own))
    values = noisy(rows, lambda at: at["a"] + {4: 1.0, 64: 3.0}.get(at.get("w"), 0.0))
    found = asked(measured(rows, values, variant=arms))
    assert effect(found, "variant").spread == pytest.approx(2, abs=0.2)
    assert effect(found, "w").spread == pytest.approx(2, abs=0.2)
    assert effect(found, "w").verdict is effect(found, "variant").verdict is Verdict.SUPPORTED
    assert effect(found, "variant", "w").why == "their levels are not crossed"


def random_design(n, replicates, slope, seed=3):
    rng = np.random.default_rng(seed)
    points = rng.random((n, 2))
    rows = [({"x": float(x), "z": float(z)}, r) for x, z in points for r in range(replicates)]
    return rows, [slope * at["x"] + 0.2 * rng.normal() for at, _ in rows]


def test_a_random_design_is_judged_over_conditions():
    """Values drawn at random are binned; conditions are the units; the factor that acts is found."""
    rows, values = random_design(60, 3, 2.0)
    found = asked(measured(rows, values))
    assert effect(found, "x").verdict is Verdict.SUPPORTED
    assert effect(found, "z").verdict is Verdict.INCONCLUSIVE
    assert "over conditions" in found.method
    assert all(" to " in point.level for point in found.marginals[0].points)
    assert [one.factor for one in found.importance] == ["x", "z"]


def test_a_random_design_with_one_replicate_is_inconclusive():
    """Conditions alone give a p, and no verdict."""
    rows, values = random_design(60, 1, 2.0)
    found = asked(measured(rows, values))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert effect(found, "x").p < 0.01


def test_too_few_conditions_say_so():
    """Five conditions cannot tell three factors of three levels apart."""
    settings = [("p", "p", "p"), ("p", "q", "r"), ("q", "q", "p"), ("r", "p", "q"), ("r", "r", "r")]
    found = asked(measured([(dict(zip("xyz", one, strict=True)), 0) for one in settings], [1.0, 2.0, 3.0, 2.0, 5.0]))
    assert "too few" in effect(found, "x").why
    assert effect(found, "x").p is None


def test_an_ordered_factor_of_many_levels_is_grouped():
    """Fifty levels are tested and shown in ten groups."""
    rows = grid({"a": list(range(50))}, 5)
    found = asked(measured(rows, noisy(rows, lambda at: at["a"] / 10, sd=1.0)))
    assert len(found.marginals[0].points) == 10
    assert found.marginals[0].points[0].level == "0 to 4"
    assert effect(found, "a").verdict is Verdict.SUPPORTED


def test_factors_that_move_together_are_one():
    """Zipped factors cannot be told apart: one is tested, and a caution names both."""
    rows = [({"a": a, "b": 10 * a}, r) for a in (1, 2, 3) for r in range(5)]
    found = asked(measured(rows, noisy(rows, lambda at: at["a"])))
    assert [one.factors for one in found.effects] == [("a",)]
    assert any("b and a move together" in one.text for one in found.cautions)


def test_a_factor_that_changes_nothing_is_inert():
    """Equal seeds that give equal values at all levels show a knob that does nothing."""
    rng = np.random.default_rng(2)
    draws = rng.normal(size=(3, 5))
    rows = grid({"a": [0, 1, 2], "b": ["x", "y"]}, 5)
    found = asked(measured(rows, [draws[at["a"], r] for at, r in rows]))
    assert found.inert == ("b",)
    assert effect(found, "b").verdict is Verdict.NOT_SUPPORTED
    assert CautionKind.INERT_FACTOR in {one.kind for one in found.cautions}


def test_a_small_difference_is_inert_only_to_a_margin():
    """Without a margin a difference that is not seen is open; within a margin it is shown to be small."""
    rows = grid(LEVELS, 6)
    measurements = measured(rows, noisy(rows, lambda at: at["a"], sd=0.02))
    assert asked(measurements).inert == ()
    found = asked(measurements, margin=0.5)
    assert found.inert == ("b",)
    assert "b did not change it by as much as matters" in found.answer


def test_a_metric_that_never_varies():
    """A constant metric has no effects and is called degenerate."""
    found = asked(measured(grid(LEVELS, 5), [1.0] * 30))
    assert found.verdict is Verdict.NOT_SUPPORTED
    assert CautionKind.DEGENERATE in {one.kind for one in found.cautions}
    assert found.importance == ()


def test_failures_never_become_numbers():
    """A failed trial takes its replicate out of the tests and the verdict away, until the study tolerates it."""
    rows = grid(LEVELS, 6)
    values = noisy(rows, lambda at: at["a"])
    broken = measured(rows, [1e9 if i == 3 else value for i, value in enumerate(values)], failed={3})
    found = asked(broken)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert CautionKind.INCOMPLETE in {one.kind for one in found.cautions}
    tolerant = asked(broken, completeness=0.9)
    assert tolerant.verdict is Verdict.SUPPORTED
    assert tolerant.marginals[0].points[0].missing == 1
    assert max(point.mean for point in tolerant.marginals[0].points) < 10


@given(st.integers(0, 1000), st.sets(st.integers(0, 29), min_size=1, max_size=8))
@settings(max_examples=20, deadline=None)
def test_failures_never_support(seed, failed):
    """Adding failures never turns an open question into a supported one."""
    rows = grid(LEVELS, 5)
    values = noisy(rows, lambda at: 0.0, sd=1.0, seed=seed)
    assert asked(measured(rows, values, failed=failed)).verdict is not Verdict.SUPPORTED


def summary(finding):
    return [(one.factors, one.verdict, pytest.approx(one.p), pytest.approx(one.p_adjusted)) for one in finding.effects]


@given(st.integers(0, 1000), st.sampled_from([1e-9, 0.37, 1e8]), st.sampled_from([0.0, 0.6]))
@settings(max_examples=20, deadline=None)
def test_units_and_order_of_trials_do_not_matter(seed, scale, size):
    """A change of units and a shuffle of the trials leave every p and verdict."""
    rows = grid(LEVELS, 5)
    values = noisy(rows, lambda at: size * at["a"], sd=1.0, seed=seed)
    order = np.random.default_rng(seed).permutation(len(rows))
    one = asked(measured(rows, values))
    other = asked(measured([rows[i] for i in order], [scale * values[i] for i in order]))
    assert summary(one) == summary(other)
    assert one.verdict is other.verdict
    assert [i.factor for i in one.importance] == [i.factor for i in other.importance]
    for first, second in zip(one.importance, other.importance, strict=True):
        assert (first.share, first.interval.low) == pytest.approx((second.share, second.interval.low), abs=1e-9)


@given(st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_order_of_drawn_conditions_does_not_matter(seed):
    """A shuffle of a random design leaves every p."""
    rows, values = random_design(30, 2, 0.5, seed)
    order = np.random.default_rng(seed).permutation(len(rows))
    one = asked(measured(rows, values))
    other = asked(measured([rows[i] for i in order], [values[i] for i in order]))
    for first, second in zip(one.effects, other.effects, strict=True):
        assert first.p == pytest.approx(second.p, abs=1e-9)


def test_names_that_are_not_there():
    """Unknown metrics and factors are named with what exists; a factor that does not vary is refused."""
    rows = grid({"a": [1, 2], "b": [1]}, 3)
    measurements = measured(rows, noisy(rows, lambda at: 0.0))
    with pytest.raises(UnknownName, match="unknown factor 'c'"):
        asked(measurements, factors=["c"])
    with pytest.raises(UserError, match="b has one level"):
        asked(measurements, factors=["b"])
    with pytest.raises(UnknownName, match="unknown metric"):
        effects(data(measurements), METRICS, metric="z")


def test_needed_says_what_the_design_can_see():
    """An open question comes with the smallest difference that would be seen and the replicates that would do."""
    rows = grid({"a": [0, 1]}, 6)
    found = asked(measured(rows, noisy(rows, lambda at: 0.5 * at["a"], sd=1.0, seed=4)))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.needed.smallest_effect > 0.5
    assert found.needed.replicates > 6
    assert "power 0.8" in found.answer
    wider = asked(replace(measured(rows, noisy(rows, lambda at: 5.0 * at["a"], seed=4))))
    assert wider.needed.replicates is None


def test_replicates_are_not_what_failed_trials_need():
    """With failed trials, or with fewer complete replicates than there are, no smaller number is said to settle it."""
    rows = grid(LEVELS, 5)
    failing = measured(rows, noisy(rows, lambda at: 0.1 * at["a"], sd=1.0), failed=range(4))
    assert asked(failing).needed.replicates is None
    assert asked(failing, completeness=0.5).needed.replicates in (None, *range(6, 10_001))
