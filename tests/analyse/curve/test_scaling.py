"""Scaling: growth where there is some, none where there is none, and nothing said beyond what was measured."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.analyse.curve.scaling import scaling
from fairtrial.analyse.data import data
from fairtrial.errors import UnknownName, UserError
from fairtrial.model.finding import CautionKind, Verdict
from fairtrial.model.study import Direction, Metric
from fairtrial.testing.worlds import failing, in_unit, measured, reordered

LOSS = [Metric("loss", Direction.MINIMIZE)]
SIZES = [10, 30, 100, 300, 1000, 3000, 10_000, 30_000]
RANK = {Verdict.NOT_SUPPORTED: 0, Verdict.INCONCLUSIVE: 1, Verdict.SUPPORTED: 2}


def table(law, *, noise=0.02, replicates=5, seed=0, sizes=SIZES):
    """Return sizes x replicates around a law."""
    rng = np.random.default_rng(seed)
    x = np.array(sizes, dtype=float)
    return law(x)[:, None] * (1 + noise * rng.standard_normal((len(x), replicates)))


def power(x):
    """Return an error that falls by a power law to 0.3."""
    return 0.3 + 2 * x**-0.4


def flat(x):
    """Return an error that does not change."""
    return np.full(len(x), 0.5)


def asked(values, sizes=SIZES, metrics=LOSS, **more):
    """Ask one arm."""
    return scaling(data(measured(sizes, {"": values})), metrics, metric="loss", factor="n", **more)


def test_a_power_law_is_found_with_its_plateau():
    """The law, its parameters, its floor and what it predicts are those of the world."""
    found = asked(table(power))
    assert found.verdict is Verdict.SUPPORTED
    assert found.chosen == "power law"
    assert found.parameters["alpha"].low < 0.4 < found.parameters["alpha"].high
    assert found.plateau_interval.low < 0.3 < found.plateau_interval.high
    assert found.plateau == found.fits[0].parameters["E"]
    assert [held.x for held in found.held_out] == [10_000, 30_000]
    assert found.extrapolation_error < 0.05
    assert "falls with n from 10 to 30000" in found.answer
    assert "levels off" in found.answer
    assert CautionKind.EXTRAPOLATION in {caution.kind for caution in found.cautions}
    assert sum(fit.weight for fit in found.fits) == pytest.approx(1)
    assert len(found.curve.x) == len(found.curve.low) == len(found.curve.high)


def test_noise_is_no_growth():
    """Nothing is shown, and the sentence says how large a change would have been."""
    found = asked(table(flat, noise=0.1))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.plateau is None
    assert found.needed.smallest_effect > 0
    assert "would be seen" in found.answer


def test_what_gets_worse_is_not_supported():
    """An error that rises with the size is shown to."""
    found = asked(table(lambda x: 0.3 + 0.05 * np.log(x)))
    assert found.verdict is Verdict.NOT_SUPPORTED
    assert "rises with n" in found.answer
    assert "gets worse" in found.answer


def test_a_metric_to_maximise_rises_to_a_ceiling():
    """E - A N^-alpha: an accuracy that comes up to 0.9."""
    found = scaling(
        data(measured(SIZES, {"": 1 - table(lambda x: 0.1 + 2 * x**-0.6, noise=0.01)}, metric="accuracy")),
        [Metric("accuracy", Direction.MAXIMIZE)],
        metric="accuracy",
        factor="n",
    )
    assert found.verdict is Verdict.SUPPORTED
    assert "accuracy rises" in found.answer
    assert " - " in found.answer
    assert found.plateau == pytest.approx(0.9, abs=0.01)


def test_endless_growth_has_no_plateau():
    """A logarithm levels off nowhere."""
    found = asked(table(lambda x: 1.0 - 0.07 * np.log(x)))
    assert found.verdict is Verdict.SUPPORTED
    assert found.chosen == "log-linear"
    assert found.plateau is None
    assert "levels off" not in found.answer


def test_a_metric_that_does_not_change_is_told_so():
    """Equal numbers at every size are no inconclusive matter."""
    found = asked(np.full((8, 3), 0.25))
    assert found.verdict is Verdict.NOT_SUPPORTED
    assert "does not change" in found.answer
    assert CautionKind.DEGENERATE in {caution.kind for caution in found.cautions}


@pytest.mark.parametrize(("sizes", "replicates"), [(1, 5), (8, 1), (2, 1)])
def test_too_little_is_inconclusive(sizes, replicates):
    """One size or one replicate shows nothing, however clear it looks."""
    found = asked(table(power, sizes=SIZES[:sizes], replicates=replicates), SIZES[:sizes])
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.p is None
    assert found.answer.startswith("Inconclusive")
    assert not found.parameters


def test_two_sizes_can_differ_but_fit_no_law():
    """The trend is tested; a logarithm through two points would be no finding."""
    found = asked(table(power, sizes=SIZES[:2]), SIZES[:2])
    assert found.verdict is Verdict.SUPPORTED
    assert found.chosen == "flat"
    assert not found.held_out


def test_failures_make_it_inconclusive():
    """Below the declared completeness nothing is supported; above it, a missing value counts against the trend."""
    values = table(power)
    values[2, 1] = np.nan
    found = asked(values)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert {CautionKind.INCOMPLETE, CautionKind.CENSORED} <= {caution.kind for caution in found.cautions}
    allowed = asked(values, completeness=0.9)
    assert allowed.verdict is Verdict.SUPPORTED
    assert allowed.p > asked(table(power)).p


def test_how_many_sizes_are_held_out():
    """One of five, two of six, as many as are asked for, and never so many that nothing is left."""
    values = table(power)
    assert len(asked(values[:5], SIZES[:5]).held_out) == 1
    assert len(asked(values[:6], SIZES[:6]).held_out) == 2
    assert asked(values, held_out=0).extrapolation_error is None
    assert [held.x for held in asked(values, held_out=3).held_out] == SIZES[-3:]
    with pytest.raises(UserError, match="7 of 8 sizes cannot be held out"):
        asked(values, held_out=7)


def test_a_law_that_misses_is_not_to_be_extended():
    """Where the largest sizes break the law of the others, a caution says by how much."""
    values = table(power)
    values[-2:] *= 1.5
    found = asked(values)
    assert found.extrapolation_error > 0.3
    assert any("largest are missed" in caution.text for caution in found.cautions)


def test_bad_questions_have_one_line():
    """A size of 0, a metric without direction, and names that nobody knows."""
    with pytest.raises(UserError, match="its level 0 is not above 0"):
        asked(np.ones((2, 2)), [0, 1])
    with pytest.raises(UserError, match="no direction"):
        asked(np.ones((2, 2)), [1, 2], [Metric("loss")])
    with pytest.raises(UnknownName, match="unknown metric 'lost'"):
        scaling(data(measured([1, 2], {"": np.ones((2, 2))})), LOSS, metric="lost", factor="n")


def test_one_arm_is_asked():
    """The other arm's trials do not enter."""
    arms = {"good": table(power), "bad": table(flat, noise=0.1)}
    found = scaling(data(measured(SIZES, arms)), LOSS, metric="loss", factor="n", arm="good")
    assert found.variant == "good"
    assert found.fits == asked(arms["good"]).fits or found.chosen == asked(arms["good"]).chosen
    assert found.verdict is Verdict.SUPPORTED


worlds = st.builds(
    lambda seed, noise, slope: table(lambda x: 1 - slope * np.log(x), noise=noise, replicates=3, seed=seed)[:5],
    st.integers(0, 10_000),
    st.sampled_from([0.0, 0.02, 0.1]),
    st.sampled_from([-0.02, 0.0, 0.01, 0.05]),
)


@given(worlds, st.floats(1e-6, 1e6))
@settings(max_examples=25, deadline=None)
def test_units_do_not_change_it(values, scale):
    """In another unit verdict, law and plateau are the same."""
    one = measured(SIZES[:5], {"": values})
    here = scaling(data(one), LOSS, metric="loss", factor="n")
    there = scaling(data(in_unit(one, scale)), LOSS, metric="loss", factor="n")
    assert (here.verdict, here.p, here.chosen) == (there.verdict, there.p, there.chosen)
    assert (here.plateau is None) == (there.plateau is None)


@given(worlds, st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_the_order_of_trials_does_not_change_it(values, random):
    """The same trials, recorded in another order, say the same."""
    one = measured(SIZES[:5], {"": values})
    order = list(range(len(one)))
    random.shuffle(order)
    here = scaling(data(one), LOSS, metric="loss", factor="n")
    there = scaling(data(reordered(one, order)), LOSS, metric="loss", factor="n")
    assert here.answer == there.answer
    assert here.parameters == there.parameters


@given(worlds, st.sets(st.integers(0, 14), max_size=4), st.sampled_from([0.0, 0.7, 1.0]))
@settings(max_examples=40, deadline=None)
def test_failures_never_improve_it(values, lost, completeness):
    """Whichever trials fail, the verdict is not better than without failures."""
    one = measured(SIZES[:5], {"": values})
    here = scaling(data(one), LOSS, metric="loss", factor="n", completeness=completeness)
    there = scaling(data(failing(one, lost)), LOSS, metric="loss", factor="n", completeness=completeness)
    assert RANK[there.verdict] <= max(RANK[here.verdict], RANK[Verdict.INCONCLUSIVE])
    if here.verdict is not Verdict.SUPPORTED:
        assert there.verdict is not Verdict.SUPPORTED


def test_failed_trials_are_what_is_missing():
    """Where trials failed no number of replicates is said to settle it, and the sentence says why."""
    values = table(flat, noise=0.1, replicates=6, sizes=SIZES[:5])
    values[np.random.default_rng(2).random(values.shape) < 0.4] = np.nan
    found = asked(values, SIZES[:5])
    assert found.needed.replicates is None
    assert "of the trials gave a value" in found.answer
    lenient = asked(values, SIZES[:5], completeness=0.3)
    assert lenient.needed.replicates is None or lenient.needed.replicates > 6


def test_a_second_size_is_no_replicate():
    """One size of one replicate needs a size; two sizes of one replicate need a second one."""
    assert asked([[1.0]], [10]).needed.replicates is None
    assert asked([[1.0], [0.5]], [10, 100]).needed.replicates == 2
