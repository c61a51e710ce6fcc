"""The summary of a search: counts, the top, what lies near the best, and what a second measurement says."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.analyse.choice.optimum import compare_again, optimum
from fairtrial.analyse.choice.search import search
from fairtrial.analyse.data import data
from fairtrial.errors import UserError
from fairtrial.model.finding import CautionKind, Verdict
from fairtrial.model.run import Measurements
from fairtrial.model.study import ABSENT, Direction, Metric

LOSS = Metric("loss", Direction.MINIMIZE)
SCORE = Metric("score", Direction.MAXIMIZE)


def searched(values, factors, *, metric="loss", status=None, failure=None, replicate=None):
    """One trial a row."""
    n = len(values)
    return data(
        Measurements(
            run=1,
            number=list(range(1, n + 1)),
            variant=[""] * n,
            replicate=replicate or [0] * n,
            seed=[0] * n,
            status=status or ["done"] * n,
            failure=failure or [""] * n,
            factors=factors,
            metrics={metric: np.asarray(values, dtype=float)},
        )
    )


def planted(n=100, seed=0):
    """A parabola with its minimum at x = 0.3; y does nothing."""
    rng = np.random.default_rng(seed)
    x, y = rng.random(n), rng.choice(["a", "b"], n).tolist()
    return searched((x - 0.3) ** 2 + rng.normal(0, 0.001, n), {"x": x.tolist(), "y": y})


def test_counts_keep_pruned_failed_and_undefined_apart():
    """Only completed trials with a value are counted as completed, and enter means and sds."""
    found = search(
        searched(
            [1.0, 2.0, 4.0, 9.0, 9.0, 9.0, np.nan],
            {"x": [1, 2, 3, 4, 5, 6, 7]},
            status=["done"] * 3 + ["pruned", "failed", "failed", "done"],
            failure=["", "", "", "", "oom", "timeout", ""],
        ),
        [LOSS],
        top=2,
    )
    assert (found.completed, found.pruned, found.failed) == (3, 1, {"oom": 1, "timeout": 1, "undefined": 1})
    assert (found.all_mean, found.all_sd) == (pytest.approx(7 / 3), pytest.approx(statistics.stdev([1, 2, 4])))
    assert (found.top, found.top_mean, found.top_sd) == (2, 1.5, pytest.approx(math.sqrt(0.5)))
    assert (found.best.assignment, found.peak_gap) == ({"x": 1}, -0.5)
    assert CautionKind.CENSORED in [caution.kind for caution in found.cautions]


def drawn_search(seed, unit=1.0, order=None):
    """Twelve conditions of two replicates, some of them failed or pruned; rows may be stored in another order."""
    rng = np.random.default_rng(seed)
    x = np.repeat(rng.random(12), 2)
    y = np.where((status := rng.choice(["done", "done", "done", "failed", "pruned"], 24)) == "done", x, np.nan)
    rows = np.arange(24) if order is None else np.random.default_rng(order).permutation(24)
    return data(
        Measurements(
            run=1,
            number=(rows + 1).tolist(),
            variant=[""] * 24,
            replicate=(rows % 2).tolist(),
            seed=[0] * 24,
            status=status[rows].tolist(),
            failure=["oom" if status[row] == "failed" else "" for row in rows],
            factors={"x": x[rows].tolist()},
            metrics={"loss": unit * (y + rng.normal(0, 0.1, 24))[rows]},
        )
    )


def summed(found, unit=1.0):
    """What a search says, in the first unit."""
    numbers = [found.top_mean, found.top_sd, found.all_mean, found.all_sd, found.peak_gap, found.margin]
    said = (found.verdict, found.completed, found.pruned, found.failed, [one.assignment for one in found.near])
    return (*said, found.ranges), pytest.approx([number if number is None else number / unit for number in numbers])


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(0, 99), st.sampled_from([1e-9, 1e-3, 60.0, 1e6]))
def test_neither_units_nor_the_order_of_trials_matter(seed, order, unit):
    """The same counts, verdict and near-best set; the numbers scale."""
    plain = summed(search(drawn_search(seed), [LOSS], top=5))
    other = search(drawn_search(seed, unit, order), [LOSS], top=5)
    words, numbers = summed(other, unit)
    assert words == plain[0]
    assert numbers.expected == plain[1]


def test_what_would_settle_it_is_that_of_the_optimum():
    """The same question, who is the best, needs the same replicates."""
    rng = np.random.default_rng(1)
    x = [1, 2, 3] * 5
    drawn = searched(rng.normal(0, 1, 15), {"x": x}, replicate=np.repeat(np.arange(5), 3).tolist())
    found = search(drawn, [LOSS])
    assert found.needed == optimum(drawn, [LOSS]).needed
    assert found.needed.replicates > 5


def test_what_was_pruned_was_not_lost():
    """A pruner stops a trial because it is worse: no reason to doubt the best, as a crash is."""
    status = ["done", "done", "pruned", "pruned"]
    found = search(searched([1.0, 2.0, np.nan, np.nan], {"x": [1, 2, 3, 4]}, status=status), [LOSS])
    assert CautionKind.CENSORED not in [caution.kind for caution in found.cautions]
    failed = search(searched([1.0, 2.0, np.nan, np.nan], {"x": [1, 2, 3, 4]}, status=[*status[:3], "failed"]), [LOSS])
    assert "1 condition of 4 lost trials" in " ".join(caution.text for caution in failed.cautions)


def test_near_the_best_is_a_margin_that_is_said():
    """A margin that was asked for, one sd between replicates, or 1 % of the range where there is one replicate."""
    single = searched([0.0, 0.01, 0.02, 1.0], {"x": [1, 2, 3, 4]})
    found = search(single, [LOSS])
    assert (found.margin, [one.assignment["x"] for one in found.near]) == (0.01, [1, 2])
    assert "1 % of the range of all values" in found.answer
    asked = search(single, [LOSS], margin=0.02)
    assert [one.assignment["x"] for one in asked.near] == [1, 2, 3]
    assert "the margin asked for" in asked.answer
    twice = searched([0.0, 2.0, 2.0, 4.0], {"x": [1, 1, 2, 2]}, replicate=[0, 1, 0, 1])
    assert search(twice, [LOSS]).margin == pytest.approx(math.sqrt(2))
    assert "one sd between replicates" in search(twice, [LOSS]).answer


def test_ranges_span_the_near_best_and_importance_finds_what_matters():
    """The planted minimum lies in the range of x, every level of y is in, and x explains the loss."""
    found = search(planted(), [LOSS])
    span = found.ranges["x"]
    assert span.low < 0.3 < span.high
    assert span.high - span.low < 0.25
    assert set(found.ranges["y"].levels) <= {"a", "b"}
    assert found.importance["x"] > 0.8
    assert found.importance["y"] < 0.2


def test_a_factor_that_only_some_conditions_have():
    """Ranges are over the near-best conditions that have it."""
    found = search(searched([1.0, 1.0, 9.0], {"x": [1, 2, 3], "rate": [0.1, ABSENT, 0.5]}), [LOSS], margin=0.5)
    assert (found.ranges["rate"].low, found.ranges["rate"].high) == (0.1, 0.1)


def test_a_condition_that_lost_a_replicate_is_not_in_the_top():
    """A lucky survivor of a crash is neither the best nor near it."""
    found = search(
        searched(
            [0.1, 9.0, 1.0, 1.2, 1.1, 1.3],
            {"x": [1, 1, 2, 2, 3, 3]},
            status=["done", "failed", "done", "done", "done", "done"],
            failure=["", "crash", "", "", "", ""],
            replicate=[0, 1] * 3,
        ),
        [LOSS],
        margin=5.0,
    )
    assert [one.assignment["x"] for one in found.near] == [2, 3]
    assert (found.verdict, found.best.assignment) == (Verdict.INCONCLUSIVE, {"x": 2})


def test_one_measurement_each_supports_nothing():
    """The best of many single measurements was picked by looking."""
    found = search(planted(), [LOSS])
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "it is not shown to be the best" in found.answer
    kinds = [caution.kind for caution in found.cautions]
    assert kinds == [CautionKind.FEW_REPLICATES, CautionKind.SELECTION]


class TestSecondMeasurement:
    """What fresh seeds say of the best."""

    def runs(self, again):
        """Three conditions of five replicates, the first clearly best; again: their means on fresh seeds."""
        noise = np.array([-0.1, 0.0, 0.1, 0.05, -0.05])
        factors, replicate = {"x": [1] * 5 + [2] * 5 + [3] * 5}, list(range(5)) * 3
        make = lambda means: searched(np.add.outer(means, noise).ravel(), factors, metric="score", replicate=replicate)  # noqa: E731
        first = make([9.0, 5.0, 4.0])
        return first, compare_again(first, make(again), [SCORE], run=2)

    def test_agreement_is_kept(self):
        """The best is the best again: supported."""
        first, again = self.runs([8.0, 5.0, 4.0])
        found = search(first, [SCORE], again=again)
        assert found.verdict is Verdict.SUPPORTED
        assert "on fresh seeds it is number 1 of 3, 0 behind the first" in found.answer
        assert found.again == again

    def test_contradiction_leaves_it_open(self):
        """Another one is the best on fresh seeds: not supported any more, and the regret is said."""
        first, again = self.runs([3.0, 5.0, 4.0])
        found = search(first, [SCORE], again=again)
        assert found.verdict is Verdict.INCONCLUSIVE
        assert "on fresh seeds it is number 3 of 3, 2 behind the first" in found.answer


def test_nothing_completed_is_said():
    """All failed: no best, no numbers, a sentence."""
    found = search(searched([np.nan] * 2, {"x": [1, 2]}, status=["failed"] * 2, failure=["oom"] * 2), [LOSS])
    assert (found.completed, found.best, found.near, found.top_mean, found.peak_gap) == (0, None, (), None, None)
    assert found.answer == "No condition of the search has a value of loss in each of its trials."


def test_order_and_units_do_not_matter():
    """Trials in another order give the same summary; in another unit the same places."""
    found = planted()
    table = found.measured
    order = np.random.default_rng(1).permutation(len(table)).tolist()
    moved = replace(
        table,
        number=[table.number[place] for place in order],
        factors={name: [column[place] for place in order] for name, column in table.factors.items()},
        metrics={"loss": np.asarray(table.metrics["loss"])[order]},
    )
    assert search(data(moved), [LOSS]) == search(found, [LOSS])
    scaled = search(data(replace(table, metrics={"loss": np.asarray(table.metrics["loss"]) * 1e-9})), [LOSS])
    assert [one.assignment for one in scaled.near] == [one.assignment for one in search(found, [LOSS]).near]
    assert scaled.ranges == search(found, [LOSS]).ranges


def test_a_metric_without_direction_is_refused():
    """What is better must be declared."""
    with pytest.raises(UserError, match="no metric has a direction"):
        search(planted(), [Metric("loss")])


@pytest.mark.parametrize("count", [12, 15, 40])
def test_a_valley_matters(count):
    """What falls and then rises again explains the metric, also over few conditions; the interval holds the share."""
    rng = np.random.default_rng(count)
    x, noise = rng.random((2, count)).tolist()
    loss = [abs(at - 0.5) + 0.01 * rng.normal() for at in x]
    found = search(searched(loss, {"x": x, "noise": noise}), [LOSS])
    assert found.importance["x"] > 0.4
    assert found.importance["x"] > 2 * found.importance["noise"]
    span = found.importance_interval["x"]
    assert span.low <= found.importance["x"] <= span.high


def test_levels_that_repeat_are_not_put_together():
    """A factor of five levels, three conditions of each, is taken level by level."""
    levels = [1, 2, 3, 4, 5] * 3
    loss = [abs(level - 3) + 0.01 * at for at, level in enumerate(levels)]
    found = search(searched(loss, {"x": levels, "at": [at // 5 for at in range(15)]}), [LOSS])
    assert found.importance["x"] > 0.95


def test_too_few_conditions_have_no_importance():
    """Eight conditions cannot tell a valley from nothing: no share is given, rather than 0."""
    x = [0.0, 0.1, 0.2, 0.3, 0.7, 0.8, 0.9, 1.0]
    assert dict(search(searched([abs(at - 0.5) for at in x], {"x": x}), [LOSS]).importance) == {}
