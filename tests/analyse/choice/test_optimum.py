"""The optimum: what is told, what is not, and that no failure ever helps."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.analyse.choice.optimum import compare_again, optimum
from fairtrial.analyse.data import data
from fairtrial.errors import UnknownName, UserError
from fairtrial.model.claim import Clause
from fairtrial.model.finding import CautionKind, Verdict
from fairtrial.model.run import Measurements
from fairtrial.model.study import ABSENT, Direction, Metric

LOSS = Metric("loss", Direction.MINIMIZE, "s")
GAIN = Metric("gain", Direction.MAXIMIZE)
SIZE = Metric("size")


def measured(values, *, metric="loss", more=None, variant=None):
    """Condition i measured values[i][k] as replicate k; NaN is a trial that crashed."""
    values = np.asarray(values, dtype=float)
    count, replicates = values.shape
    column = values.T.ravel()
    n = len(column)
    lost = np.isnan(column)
    return Measurements(
        run=1,
        number=list(range(1, n + 1)),
        variant=(variant or [""] * count) * replicates,
        replicate=np.repeat(np.arange(replicates), count).tolist(),
        seed=[0] * n,
        status=["failed" if gone else "done" for gone in lost],
        failure=["crash" if gone else "" for gone in lost],
        factors={"x": list(range(count)) * replicates},
        metrics={metric: column, **{name: np.asarray(one, float).T.ravel() for name, one in (more or {}).items()}},
    )


def told(values, **options):
    metrics = options.pop("metrics", [LOSS])
    more = options.pop("more", None)
    return optimum(data(measured(values, more=more)), metrics, **options)


def levels(candidates):
    return [one.assignment["x"] for one in candidates]


def world(seed, count=5, replicates=5, gap=0.0):
    """Draw conditions of which the first is lower by `gap` sd; a seed adds the same to all of them."""
    rng = np.random.default_rng(seed)
    values = 10 + rng.normal(size=(count, replicates)) + 3 * rng.normal(size=replicates)
    values[0] -= gap
    return values


def test_a_clear_best_is_supported():
    """One condition far below the others: it alone is left, the answer says its mean, interval and n."""
    found = told(world(0, gap=20))
    assert found.verdict is Verdict.SUPPORTED
    assert [one.best for one in found.candidates] == [True, False, False, False, False]
    first = found.candidates[0]
    assert (first.assignment, first.gap.low, first.gap.high, found.told) == ({"x": 0}, 0, 0, 4)
    assert found.answer.startswith("x = 0 is the best of 5 conditions (loss")
    assert "95 % interval" in found.answer
    assert "n = 5" in found.answer
    assert (found.needed.replicates, found.cautions) == (None, ())


def test_equal_conditions_are_open_and_it_is_said_what_settles_it():
    """Noise alone: several are left, with the gap that would be seen and the replicates that would settle it."""
    found = told(world(5))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert sum(one.best for one in found.candidates) > 1
    assert found.needed.smallest_effect > 0
    assert found.needed.replicates > 5
    assert "cannot be told from the best" in found.answer
    assert [one.kind for one in found.cautions] == [CautionKind.SELECTION]


def test_the_best_looks_too_good():
    """The shrunken estimate of the raw best is worse than its mean, by the curse."""
    found = told(world(2, count=20))
    first = found.candidates[0]
    assert found.curse > 0
    assert first.shrunken == pytest.approx(first.estimate.mean + found.curse)
    mirrored = optimum(data(measured(-world(2, count=20), metric="gain")), [GAIN])
    assert mirrored.curse == pytest.approx(found.curse)
    assert levels(mirrored.candidates) == levels(found.candidates)


def test_one_replicate_tells_nothing():
    """However large the differences, with one replicate all are left and nothing is estimated beyond the mean."""
    found = told([[1.0], [100.0], [1000.0]])
    assert found.verdict is Verdict.INCONCLUSIVE
    assert all(one.best and one.gap is None and one.shrunken is None for one in found.candidates)
    assert found.answer.startswith("With one replicate no condition is told from the best; x = 0 looks best")
    assert CautionKind.FEW_REPLICATES in [one.kind for one in found.cautions]
    assert found.needed.smallest_effect is None


def test_conditions_within_the_margin_are_not_one_best():
    """Two conditions shown to be within the margin of the best: the claim of a single best is refused."""
    values = np.array([[1.0, 1.1, 1.2], [1.001, 1.102, 1.2], [5.0, 5.1, 5.2]])
    found = told(values, margin=0.5)
    assert found.verdict is Verdict.NOT_SUPPORTED
    assert "2 are within 0.5 s of the best" in found.answer
    assert told(values).verdict is Verdict.INCONCLUSIVE


def test_without_any_noise_equal_ones_are_equal():
    """Constant values: exact ties are said to be ties, and that nothing varies."""
    found = told(np.repeat([[2.0], [1.0], [1.0]], 4, axis=1))
    assert found.verdict is Verdict.NOT_SUPPORTED
    assert levels(one for one in found.candidates if one.best) == [1, 2]
    assert "2 are exactly equal" in found.answer
    assert CautionKind.DEGENERATE in [one.kind for one in found.cautions]


def test_a_crashed_condition_leaves_the_question_open():
    """The best mean of a condition that lost a trial wins nothing, and nothing is concluded."""
    values = world(3, gap=20)
    values[0, 2] = np.nan
    found = told(values)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert (levels(found.candidates)[-1], found.candidates[-1].best) == (0, False)
    assert "values are missing in 1 of 5 conditions" in found.answer
    assert found.needed.replicates is None
    assert CautionKind.INCOMPLETE in [one.kind for one in found.cautions]


def test_a_tolerated_loss_is_never_called_the_best():
    """Within the declared completeness it stays a candidate, behind those that lost nothing."""
    values = world(4, gap=20)
    values[0, 2] = np.nan
    found = told(values, completeness=0.8)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert (levels(found.candidates)[-1], found.candidates[-1].best) == (0, True)
    assert CautionKind.CENSORED in [one.kind for one in found.cautions]


def test_nothing_measured_is_said():
    """No condition with a value: no candidate, no numbers, a sentence."""
    found = told(np.full((3, 2), np.nan))
    assert found.answer == "No condition has enough values, so none is the best in loss."
    assert (found.verdict, found.curse, found.needed.replicates) == (Verdict.INCONCLUSIVE, None, None)
    assert not any(one.best for one in found.candidates)


def test_a_single_condition_is_no_choice():
    """With nothing to compare with, nothing is the best."""
    found = told(world(0, count=1))
    assert (found.verdict, found.cautions) == (Verdict.INCONCLUSIVE, ())
    assert found.answer.startswith("There is nothing to choose from: x = 0")


class TestLevelsOfService:
    """Feasibility: shown, shown to be broken, or neither."""

    CLAUSES = (Clause("errors", "max", 0.5),)
    METRICS = (LOSS, Metric("errors", Direction.MINIMIZE))

    def judge(self, errors, **options):
        noise = np.array([-0.01, 0.0, 0.01, 0.02, -0.02])
        more = {"errors": np.asarray(errors)[:, None] + noise}
        return told(world(5, count=3, gap=20), metrics=self.METRICS, more=more, slo=self.CLAUSES, **options)

    def test_what_breaks_a_level_is_no_candidate(self):
        """The best loss breaks the level: it comes last, and another one is looked for."""
        found = self.judge([0.9, 0.1, 0.1])
        assert found.infeasible == 1
        assert (levels(found.candidates)[-1], found.candidates[-1].feasible, found.candidates[-1].best) == (
            0,
            False,
            False,
        )
        assert all(one.feasible for one in found.candidates[:2])

    def test_what_keeps_it_may_win(self):
        """The best loss keeps the level: supported."""
        found = self.judge([0.1, 0.9, 0.1])
        assert (found.verdict, found.candidates[0].feasible) == (Verdict.SUPPORTED, True)

    def test_what_is_not_shown_to_keep_it_does_not_win(self):
        """The best loss lies on the level: neither is shown, so nothing is supported."""
        found = self.judge([0.5, 0.1, 0.1])
        assert (found.verdict, found.candidates[0].feasible) == (Verdict.INCONCLUSIVE, None)
        assert "not shown to keep the service levels" in found.answer

    def test_none_keeps_it(self):
        """All break the level: no candidate."""
        found = self.judge([0.9, 0.9, 0.9])
        assert found.answer == "No condition keeps the service levels, so none is the best in loss."

    def test_a_lower_bound_is_the_mirror(self):
        """`min` is kept from above."""
        more = {"errors": np.full((3, 5), 0.9)}
        found = told(world(5, count=3), metrics=self.METRICS, more=more, slo=(Clause("errors", "min", 0.95),))
        assert found.infeasible == 3

    def test_an_unknown_metric_is_refused(self):
        """A clause about what nobody measured names the nearest."""
        with pytest.raises(UnknownName, match="did you mean 'errors'"):
            told(world(0), more={"errors": world(1)}, slo=(Clause("error", "max", 1.0),))


def test_the_pareto_set_of_two_metrics():
    """Losing in one metric and winning in the other is in the set; losing in both is not."""
    values = np.repeat([[1.0], [2.0], [3.0]], 2, axis=1)
    more = {"gain": np.repeat([[1.0], [5.0], [2.0]], 2, axis=1)}
    found = told(values, metrics=[LOSS, GAIN, SIZE], more=more)
    assert [one.pareto for one in found.candidates] == [True, True, False]
    assert found.pareto == (0, 1)
    assert [one.others for one in found.candidates] == [{"gain": 1.0}, {"gain": 5.0}, {}]
    assert told(values).pareto == ()


def test_arms_are_candidates_too():
    """Conditions differ by their arm, and its own factors are not invented for the other."""
    table = measured(world(0, count=2, gap=20), variant=["tuned", "default"])
    table = replace(table, factors={"memory": [4, ABSENT] * 5})
    found = optimum(data(table), [LOSS])
    assert [(one.variant, dict(one.assignment)) for one in found.candidates] == [
        ("tuned", {"memory": 4}),
        ("default", {}),
    ]
    assert found.answer.startswith("tuned, memory = 4 is the best")


@pytest.mark.parametrize(
    ("metrics", "metric", "says"),
    [([SIZE], None, "no metric has a direction"), ([LOSS, SIZE], "size", "size has no direction")],
)
def test_a_metric_without_direction_has_no_best(metrics, metric, says):
    """What is better must be declared."""
    with pytest.raises(UserError, match=says):
        told(world(0), metrics=metrics, metric=metric, more={"size": world(0)})


def test_ten_thousand_conditions_are_listed():
    """All are candidates; too many are left for bounds of the gaps."""
    found = told(world(6, count=10_000, replicates=3))
    assert len(found.candidates) == 10_000
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.candidates[0].gap is None


def test_repeated_replicates_are_replicates():
    """Results from elsewhere may all be replicate 0: each counts."""
    table = replace(measured(world(7, gap=20)), replicate=[0] * 25)
    found = optimum(data(table), [LOSS])
    assert found.candidates[0].estimate.n == 5
    assert found.verdict is Verdict.SUPPORTED


def shuffled(table, seed):
    order = np.random.default_rng(seed).permutation(len(table)).tolist()
    pick = lambda column: [column[place] for place in order]  # noqa: E731
    names = ("number", "variant", "replicate", "seed", "status", "failure")
    return replace(
        table,
        **{name: pick(getattr(table, name)) for name in names},
        factors={name: pick(column) for name, column in table.factors.items()},
        metrics={name: np.array(pick(column)) for name, column in table.metrics.items()},
    )


def simple(found):
    """What must not depend on units or order: everything but numbers in the metric's unit."""
    kinds = [one.kind for one in found.cautions]
    placed = [(one.assignment["x"], one.best, one.feasible, one.pareto) for one in found.candidates]
    return found.verdict, placed, found.told, found.needed.replicates, kinds


WORLDS = st.tuples(st.integers(0, 10**6), st.integers(2, 6), st.integers(1, 6), st.sampled_from([0.0, 2.0, 8.0]))


@settings(deadline=None)  # the first call imports scipy
@given(WORLDS, st.integers(0, 99))
def test_the_order_of_trials_does_not_matter(drawn, seed):
    """The same finding, to the last digit, from trials in another order."""
    table = measured(world(*drawn))
    assert optimum(data(shuffled(table, seed)), [LOSS]) == optimum(data(table), [LOSS])


@settings(deadline=None)  # the first call imports scipy
@given(WORLDS, st.floats(1e-150, 1e150))
def test_units_do_not_matter(drawn, unit):
    """The same verdict, places and replicates in another unit; the numbers scale."""
    values = world(*drawn)
    found, scaled = told(values), told(values * unit)
    assert simple(scaled) == simple(found)
    if found.curse is not None:
        assert scaled.curse == pytest.approx(found.curse * unit, rel=1e-6, abs=1e-9 * unit)


@settings(deadline=None)  # the first call imports scipy
@given(WORLDS, st.integers(0, 5), st.integers(0, 5), st.sampled_from([1.0, 0.8, 0.5]))
def test_a_failure_never_helps(drawn, condition, replicate, completeness):
    """A candidate that loses a value is not placed better, and is not the one that is found to be the best."""
    values = world(*drawn)
    condition, replicate = condition % len(values), replicate % values.shape[1]
    before = told(values, completeness=completeness)
    values[condition, replicate] = np.nan
    after = told(values, completeness=completeness)
    place = levels(after.candidates).index(condition)
    assert place >= levels(before.candidates).index(condition)
    if after.verdict is Verdict.SUPPORTED:
        assert after.candidates[0].assignment["x"] != condition


@settings(deadline=None)  # the first call imports scipy
@given(WORLDS)
def test_failures_of_everything_tell_less(drawn):
    """With a whole replicate lost in every condition, nothing is concluded."""
    values = world(*drawn)
    values[:, 0] = np.nan
    assert told(values).verdict is Verdict.INCONCLUSIVE


class TestAgain:
    """What a second measurement on fresh seeds says."""

    def test_conditions_are_matched_and_regression_is_signed(self):
        """+ means that the first mean was too good, whichever way the metric is better."""
        first = data(measured([[1.0, 2.0, 3.0], [5.0, 6.0, 7.0], [9.0, 9.0, 9.0]]))
        second = data(replace(measured([[4.0, 5.0, 6.0], [5.0, 6.0, 7.0]]), run=2))
        found = compare_again(first, second, [LOSS], run=2)
        assert [(dict(one.assignment), one.regression, one.run) for one in found] == [
            ({"x": 0}, 3, 2),
            ({"x": 1}, 0, 2),
        ]
        assert found[0].interval.low == pytest.approx(3 - found[0].interval.high + 3)
        gain = Metric("loss", Direction.MAXIMIZE)
        assert [one.regression for one in compare_again(first, second, [gain], run=2)] == [0, -3]

    def test_a_condition_that_crashed_again_is_shown(self):
        """Its regression is unknown, not left out: a crash must not look like a match that never was."""
        first = data(measured([[1.0, 2.0], [5.0, 6.0]]))
        found = compare_again(first, data(measured([[np.nan, np.nan], [5.0, 6.0]])), [LOSS], run=2)
        assert (found[0].regression, found[0].interval, found[0].again.missing) == (None, None, 2)

    def test_levels_match_as_numbers(self):
        """1 and 1.0 are one level."""
        first = data(measured([[1.0, 2.0], [5.0, 6.0]]))
        table = measured([[1.0, 2.0], [5.0, 6.0]])
        second = data(replace(table, factors={"x": [float(level) for level in table.factors["x"]]}))
        assert len(compare_again(first, second, [LOSS], run=2)) == 2

    def test_the_winners_curse_shows_on_fresh_seeds(self):
        """Over 200 null worlds the best of ten loses what it was too good by; the finding foretells a good part."""
        taken, foretold = [], []
        for seed in range(200):
            draws = 10 + np.random.default_rng(seed).normal(size=(2, 10, 5))
            first, again = (data(measured(values)) for values in draws)
            found = compare_again(first, again, [LOSS], run=2)[0]
            taken.append(found.regression)
            foretold.append(optimum(first, [LOSS]).curse)
        expected = 1.54 / math.sqrt(5)  # the mean of the largest of ten standard normal values is 1.54
        assert np.mean(taken) == pytest.approx(expected, abs=3 * np.std(taken) / math.sqrt(200))
        assert 0.4 * expected < np.mean(foretold) < expected


def test_what_was_measured_again_is_part_of_the_finding():
    """The second measurement is handed on as it is."""
    first = data(measured(world(0)))
    again = compare_again(first, data(measured(world(1))), [LOSS], run=2)
    assert optimum(first, [LOSS], again=again).again == again
