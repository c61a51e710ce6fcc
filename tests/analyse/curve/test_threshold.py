"""Thresholds: steps, trends and neither; verdicts that units, order and failures do not flatter."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.analyse.curve.threshold import threshold
from fairtrial.analyse.data import data
from fairtrial.errors import UnknownName, UserError
from fairtrial.model.finding import CautionKind, Verdict
from fairtrial.model.run import Measurements

X = np.linspace(0, 1, 8)


def made(table, *, x=X, order=None, extra=None, variant=""):
    """Make data of levels x replicates, failed where NaN, in any order of trials."""
    table = np.asarray(table, dtype=float)
    levels, replicates = table.shape
    rows = np.arange(levels * replicates) if order is None else np.asarray(order)
    values = table.ravel()[rows]
    factors = {"rate": np.repeat(np.asarray(x, dtype=float), replicates)[rows].tolist()}
    if extra:
        factors |= {name: np.asarray(column)[rows].tolist() for name, column in extra.items()}
    repeated = np.tile(np.arange(replicates), levels)[rows].tolist()
    variants = [variant] * len(rows) if isinstance(variant, str) else np.asarray(variant)[rows].tolist()
    return data(
        Measurements(
            run=1,
            number=range(1, len(rows) + 1),
            variant=variants,
            replicate=repeated,
            seed=repeated,
            status=["done" if math.isfinite(value) else "failed" for value in values],
            failure=["" if math.isfinite(value) else "crash" for value in values],
            factors=factors,
            metrics={"crashes": values.tolist()},
        )
    )


def planted(height, *, seed=0, replicates=5):
    return height * (X > 0.45)[:, None] + np.random.default_rng(seed).normal(size=(8, replicates))


def look(found, **how):
    return threshold(found, **{"metric": "crashes", "factor": "rate"} | how)


def test_a_step_is_found_where_it_is():
    """A step at .45 is a threshold between the levels around it, with its height and interval."""
    found = look(made(planted(4.0)))
    assert (found.shape, found.verdict, found.direction) == ("step", Verdict.SUPPORTED, "increasing")
    assert found.place == pytest.approx((X[3], X[4]))
    assert found.place_interval.low <= 0.45 <= found.place_interval.high
    assert found.step_interval.low < 4.0 < found.step_interval.high
    assert found.needed.replicates is None
    assert "steps up by" in found.answer
    assert found.answer.endswith(".")


def test_noise_has_no_threshold():
    """Flat noise answers none, and says which step would have been seen."""
    found = look(made(planted(0.0)))
    assert (found.shape, found.verdict, found.place, found.step) == ("none", Verdict.INCONCLUSIVE, None, None)
    assert 0.5 < found.needed.smallest_effect < 2.5
    assert "no step of crashes along rate is shown; one of" in found.answer
    assert found.needed.replicates is None or found.needed.replicates > 5


def test_a_design_that_cannot_show_a_step_says_so():
    """Three levels of two replicates show no step, however high; what is printed then does."""
    noise = np.random.default_rng(0).normal(size=(3, 12))
    high = 100.0 * np.array([[0.0], [0.0], [1.0]]) + noise
    found = look(made(high[:, :2], x=range(3)))
    assert (found.shape, found.verdict) == ("none", Verdict.INCONCLUSIVE)
    assert found.needed.smallest_effect is None
    assert f"however high; {found.needed.replicates} replicates could show one" in found.answer
    assert look(made(high[:, : found.needed.replicates], x=range(3))).p_step <= 0.05


def test_a_valley_is_not_called_flat():
    """Where the middle is low no single step is found; that nothing changes is not said."""
    valley = 3 * np.abs(np.arange(7) - 3.0)[:, None] + np.random.default_rng(1).normal(size=(7, 3))
    found = look(made(valley, x=range(7)))
    assert found.shape in ("none", "unknown")
    assert "not shown to change" not in found.answer


def test_failed_trials_are_not_settled_by_replicates():
    """Where trials are missing, what is missing is those; where they may be, it is more replicates than there are."""
    table = planted(0.3)
    table[2, :3] = np.nan
    assert look(made(table)).needed.replicates is None
    lenient = look(made(table), completeness=0.5).needed.replicates
    assert lenient is None or lenient > 5


def test_a_straight_line_is_a_trend():
    """A steep straight line is a trend, not a threshold."""
    found = look(made(planted(0.0) + 6 * X[:, None]))
    assert (found.shape, found.verdict, found.direction) == ("trend", Verdict.NOT_SUPPORTED, "increasing")
    assert found.p_trend == 0.001
    assert list(found.isotonic) == sorted(found.isotonic)


def test_a_change_of_unclear_shape_is_inconclusive():
    """Where a line explains a change as well as a step does, place and height are given and nothing is supported."""
    found = look(made(planted(1.2, seed=3)))
    assert (found.shape, found.verdict) == ("unknown", Verdict.INCONCLUSIVE)
    assert found.p_step <= 0.05
    assert found.place is not None
    assert found.step > 0
    assert "Inconclusive" in found.answer


def test_one_replicate_supports_nothing():
    """With one replicate even an enormous step is inconclusive."""
    found = look(made(planted(100.0)[:, :1]))
    assert (found.verdict, found.shape, found.p_step) == (Verdict.INCONCLUSIVE, "unknown", None)
    assert CautionKind.FEW_REPLICATES in {caution.kind for caution in found.cautions}


def test_no_variation_has_no_threshold():
    """A metric that never varies has none, without a test."""
    found = look(made(np.ones((8, 5))))
    assert (found.shape, found.verdict, found.p_step) == ("none", Verdict.NOT_SUPPORTED, None)
    assert "does not vary" in found.answer


def test_unpaired_replicates_can_tell_nothing():
    """Replicates that met one level each cannot be compared."""
    found = look(made(np.array([[1.0, 2.0, np.nan, np.nan], [np.nan, np.nan, 5.0, 6.0]]), x=[0, 1]), completeness=0.1)
    assert (found.shape, found.verdict) == ("unknown", Verdict.INCONCLUSIVE)


def test_declared_completeness_not_reached():
    """A clear step with a failed trial is inconclusive at completeness 1, and supported where less was declared."""
    table = planted(5.0)
    table[6, 2] = np.nan
    strict, lenient = look(made(table)), look(made(table), completeness=0.9)
    assert strict.verdict is Verdict.INCONCLUSIVE
    assert {CautionKind.INCOMPLETE, CautionKind.CENSORED} <= {caution.kind for caution in strict.cautions}
    assert lenient.verdict is Verdict.SUPPORTED
    assert CautionKind.CENSORED in {caution.kind for caution in lenient.cautions}


def test_jumps_are_the_simple_rule():
    """Adjacent means that differ by the share are listed, falls too; from 0 every change is a jump."""
    table = np.repeat(np.array([[0.0], [1.0], [1.4], [0.7], [0.7]]), 2, axis=1)
    found = look(made(table, x=range(5)))
    assert [(jump.before, jump.after) for jump in found.jumps] == [(0.0, 1.0), (2.0, 3.0)]
    assert found.jumps[0].change == math.inf
    assert found.jumps[1].change == pytest.approx(-0.5)
    assert len(look(made(table, x=range(5)), change=0.4).jumps) == 3


def test_the_other_factors_are_averaged():
    """A second factor that shifts all values is averaged away within replicates."""
    one = planted(4.0)
    table = np.concatenate([one, one + 100], axis=1)
    extra = {"other": np.tile([0] * 5 + [1] * 5, 8)}
    repeated = made(table, extra=extra).measured
    shared = data(
        Measurements(
            **{name: getattr(repeated, name) for name in ("run", "number", "variant", "seed", "status", "failure")},
            replicate=[value % 5 for value in repeated.replicate],
            factors=repeated.factors,
            metrics=repeated.metrics,
        )
    )
    found, alone = look(shared), look(made(one))
    assert found.place == alone.place
    assert found.step == pytest.approx(alone.step)
    assert found.p_step == alone.p_step


def test_one_arm():
    """An arm is judged on its own trials."""
    table = np.concatenate([planted(4.0), planted(0.0, seed=1)], axis=1)
    found = made(table, variant=np.tile(["a"] * 5 + ["b"] * 5, 8))
    assert look(found, arm="a").verdict is Verdict.SUPPORTED
    assert look(found, arm="b").shape == "none"
    with pytest.raises(UnknownName, match="unknown variant 'c'"):
        look(found, arm="c")


def test_refuses_what_has_no_order():
    """A factor of words has no threshold."""
    words = made(planted(1.0), extra={"colour": ["red", "blue"] * 20})
    with pytest.raises(UserError, match="no numbers"):
        look(words, factor="colour")
    with pytest.raises(UnknownName, match="unknown metric"):
        look(words, metric="crash")


def same(one, other, scale=1.0):
    assert (one.shape, one.verdict, one.direction) == (other.shape, other.verdict, other.direction)
    assert (one.p_step, one.p_trend) == (other.p_step, other.p_trend)
    assert (one.place is None) == (other.place is None)
    if one.step is not None:
        assert other.step == pytest.approx(scale * one.step)
        assert other.step_interval.low == pytest.approx(scale * one.step_interval.low)


heights = st.sampled_from([0.0, 1.0, 2.0, 3.0])


@settings(max_examples=25, deadline=None)
@given(heights, st.integers(0, 50), st.sampled_from([1e-9, 1e-3, 7.0, 1e6]), st.sampled_from([1e-3, 60.0]))
def test_units_change_nothing(height, seed, scale, stretch):
    """Another unit of the metric or of the factor moves no verdict, p or place."""
    one, other = look(made(planted(height, seed=seed))), look(made(scale * planted(height, seed=seed), x=stretch * X))
    same(one, other, scale)
    if one.place is not None:
        assert other.place == pytest.approx(tuple(stretch * place for place in one.place))


@settings(max_examples=15, deadline=None)
@given(heights, st.integers(0, 50), st.randoms(use_true_random=False))
def test_the_order_of_trials_changes_nothing(height, seed, random):
    """Trials in another order give the same finding."""
    order = list(range(40))
    random.shuffle(order)
    table = planted(height, seed=seed)
    assert look(made(table, order=order)) == look(made(table))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 50), st.sets(st.tuples(st.integers(0, 7), st.integers(0, 4)), min_size=1, max_size=12))
def test_failures_never_support_a_threshold(seed, lost):
    """With the declared completeness missed, nothing is supported, whatever failed."""
    table = planted(3.0, seed=seed)
    for place in lost:
        table[place] = np.nan
    assert look(made(table)).verdict is Verdict.INCONCLUSIVE


def test_another_seed_is_another_draw_of_the_same_answer():
    """The seed decides the permutations, not the verdict on clear data."""
    table = planted(4.0)
    one, other = look(made(table), seed=1), look(made(table), seed=2)
    assert (one.verdict, one.place) == (other.verdict, other.place)


def test_levels_that_met_other_settings_are_doubted():
    """Where another factor was drawn anew at each level, its effects look like those of the levels: that is said."""
    table = planted(0.0)
    drawn = made(table, extra={"other": np.repeat([0.0, 2.0, 1.0, 1.0, 0.0, 2.0, 2.0, 0.0], 5)})
    crossed = made(table, extra={"other": [1.0] * 40})
    assert CautionKind.UNBALANCED in {caution.kind for caution in look(drawn).cautions}
    assert CautionKind.UNBALANCED not in {caution.kind for caution in look(crossed).cautions}
