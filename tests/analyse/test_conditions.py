"""Conditions: grouping, ranking, and that nothing that failed becomes a number."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.analyse.conditions import conditions, ranking, table
from fairtrial.errors import UserError
from fairtrial.model.run import Measurements
from fairtrial.model.study import ABSENT, Direction, Metric
from fairtrial.stats.interval import t_interval

ACCURACY = Metric("accuracy", Direction.MAXIMIZE)
LOSS = Metric("loss", Direction.MINIMIZE)
SIZE = Metric("size")


def measured(factors, metrics, *, variant=None, status=None, failure=None):
    """Make measurements with one entry a trial; everything is done unless said otherwise."""
    n = len(next(iter([*factors.values(), *metrics.values()])))
    return Measurements(
        run=1,
        number=range(1, n + 1),
        variant=variant or [""] * n,
        replicate=[0] * n,
        seed=[0] * n,
        status=status or ["done"] * n,
        failure=failure or [""] * n,
        factors=factors,
        metrics=metrics,
    )


def means(findings, metric):
    return [finding.estimates[metric].mean for finding in findings]


def test_replicates_of_a_condition_are_one_finding():
    """Mean, spread, range and interval are over the replicates of an assignment."""
    found = conditions(measured({"C": [1, 10, 1, 10]}, {"accuracy": [0.5, 0.9, 0.7, 0.8]}), [ACCURACY])
    assert [finding.assignment for finding in found] == [{"C": 10}, {"C": 1}]
    estimate = found[0].estimates["accuracy"]
    assert (estimate.n, estimate.missing, found[0].trials) == (2, 0, 2)
    assert estimate.mean == pytest.approx(0.85)
    assert estimate.sd == pytest.approx(0.1 / math.sqrt(2))
    assert (estimate.median, estimate.minimum, estimate.maximum) == (pytest.approx(0.85), 0.8, 0.9)
    assert (estimate.interval.low, estimate.interval.high) == pytest.approx(t_interval([0.9, 0.8]))
    assert (estimate.interval.level, estimate.interval.method) == (0.95, "Student's t")


@pytest.mark.parametrize(
    ("unit", "values", "ends", "method"),
    [
        ("s", [0.001, 0.003, 0.009], (0.0, None), "Student's t, cut at 0"),
        ("share", [0.9, 1.0, 1.0], (None, 1.0), "Student's t, cut at 1"),
        ("s", [1.0, 1.1, 1.2], (None, None), "Student's t"),
        ("", [0.001, 0.003, 0.009], (None, None), "Student's t"),
    ],
    ids=["time", "share", "far", "none"],
)
def test_intervals_end_at_what_is_possible(unit, values, ends, method):
    """No time is negative and no share above 1; what a number without a unit can be, nobody knows."""
    data = measured({"x": [1, 1, 1]}, {"metric": values})
    interval = conditions(data, [Metric("metric", unit=unit)])[0].estimates["metric"].interval
    plain = t_interval(values)
    wanted = [end if end is not None else plain[place] for place, end in enumerate(ends)]
    assert (interval.low, interval.high) == pytest.approx(wanted)
    assert interval.method == method


def test_a_negative_value_anywhere_in_the_run_shows_that_the_unit_is_of_a_change():
    """Then no condition's interval is cut."""
    data = measured({"x": [1, 1, 1, 2]}, {"shift_s": [0.001, 0.003, 0.009, -0.002]})
    interval = conditions(data, [Metric("shift_s", unit="s")])[0].estimates["shift_s"].interval
    assert interval.low < 0


def test_best_is_first_in_the_metrics_own_direction():
    """A minimised metric ranks upwards, and the first metric with a direction decides."""
    data = measured({"x": [1, 2, 3]}, {"size": [3, 1, 2], "loss": [0.3, 0.1, 0.2], "accuracy": [3, 1, 2]})
    assert means(conditions(data, [SIZE, LOSS, ACCURACY]), "loss") == [0.1, 0.2, 0.3]
    assert means(conditions(data, [ACCURACY, LOSS]), "accuracy") == [3, 2, 1]


def test_without_a_direction_the_trials_order_holds():
    """Nothing is called best where nobody said what better means."""
    assert means(conditions(measured({"x": [3, 1, 2]}, {"size": [3, 1, 2]}), [SIZE]), "size") == [3, 1, 2]


def test_equals_keep_their_order_and_unmeasured_come_last():
    """Ties are not broken by chance, and a condition without a mean is never best, whatever the direction."""
    data = measured({"x": list("abcd")}, {"loss": [math.nan, 1.0, 1.0, 0.5]})
    assert [finding.assignment["x"] for finding in conditions(data, [LOSS])] == ["d", "b", "c", "a"]


def test_failures_are_counted_by_class_and_never_become_numbers():
    """A sentinel left in a failed row does not reach the mean."""
    data = measured(
        {"x": [1, 1, 1, 1]},
        {"accuracy": [0.8, 0.0, 10000.0, 0.6]},
        status=["done", "failed", "failed", "done"],
        failure=["", "timeout", "oom", ""],
    )
    (finding,) = conditions(data, [ACCURACY])
    assert finding.failures == {"timeout": 1, "oom": 1}
    assert (finding.trials, finding.estimates["accuracy"].n, finding.estimates["accuracy"].missing) == (4, 2, 2)
    assert finding.estimates["accuracy"].mean == pytest.approx(0.7)


def test_what_is_neither_done_nor_failed_is_counted_by_its_status():
    """A pruned or cancelled trial is missing for that reason, even where it left a value."""
    data = measured({"x": [1, 1]}, {"accuracy": [0.9, 0.5]}, status=["pruned", "done"])
    (finding,) = conditions(data, [ACCURACY])
    assert finding.failures == {"pruned": 1}
    assert finding.estimates["accuracy"].mean == 0.5


@pytest.mark.parametrize("undefined", [math.nan, math.inf])
def test_undefined_values_are_missing_without_a_failure(undefined):
    """A done trial may leave a metric undefined: it is counted for that metric alone."""
    data = measured({"x": [1, 1]}, {"accuracy": [undefined, 0.5], "loss": [1.0, 2.0]})
    (finding,) = conditions(data, [ACCURACY, LOSS])
    assert (finding.estimates["accuracy"].n, finding.estimates["accuracy"].missing) == (1, 1)
    assert finding.estimates["loss"].missing == 0
    assert finding.failures == {}


def test_one_value_has_a_mean_and_no_interval():
    """With one replicate nothing is known of the noise."""
    (finding,) = conditions(measured({"x": [1]}, {"accuracy": [0.5]}), [ACCURACY])
    estimate = finding.estimates["accuracy"]
    assert (estimate.mean, estimate.sd, estimate.interval) == (0.5, None, None)


def test_nothing_measured_has_no_numbers_at_all():
    """A condition whose trials all failed, and a metric that nobody measured, have only counts."""
    data = measured({"x": [1]}, {"accuracy": [1.0]}, status=["failed"], failure=["crash"])
    (finding,) = conditions(data, [ACCURACY, LOSS])
    for name in ("accuracy", "loss"):
        estimate = finding.estimates[name]
        assert (estimate.n, estimate.missing, estimate.mean, estimate.interval) == (0, 1, None, None)


def test_an_empty_run_has_no_conditions():
    """No trials, no findings, no error."""
    assert conditions(measured({"x": []}, {"accuracy": []}), [ACCURACY]) == []


def test_variants_are_told_apart_and_factors_they_lack_are_left_out():
    """The same assignment in two variants is two conditions; an absent factor is not None."""
    data = measured({"x": [1, 1, 1], "own": [ABSENT, None, ABSENT]}, {"accuracy": [1, 2, 3]}, variant=["a", "b", "a"])
    found = conditions(data, [ACCURACY])
    assert [(finding.variant, finding.assignment) for finding in found] == [
        ("a", {"x": 1}),
        ("b", {"x": 1, "own": None}),
    ]


def test_values_that_python_calls_equal_are_told_apart():
    """1 and true, null and absent, the word absent and its absence are all different levels; 1 and 1.0 are one."""
    levels = [1, True, 1.0, "1", None, ABSENT, "absent", 0, False]
    found = conditions(measured({"x": levels}, {"size": [1] * len(levels)}), [SIZE])
    assert [finding.assignment.get("x", ABSENT) for finding in found] == [
        1,
        True,
        "1",
        None,
        ABSENT,
        "absent",
        0,
        False,
    ]
    assert [type(finding.assignment.get("x", ABSENT)) for finding in found][:2] == [int, bool]


def test_lists_and_mappings_are_levels_too():
    """Levels that cannot be hashed are compared by their content, whatever the order of keys."""
    levels = [{"a": 1, "b": [2]}, {"b": [2], "a": 1}, [1, 2], {"a": 1}, ABSENT]
    found = conditions(measured({"x": levels}, {"size": [1] * 5}), [SIZE])
    assert [finding.trials for finding in found] == [2, 1, 1, 1]


def test_many_wide_factors_do_not_overflow():
    """Twenty factors of a hundred levels each span 1e40 cells; the few that occur are told apart."""
    factors = {f"f{k}": [(row * (k + 3)) % 100 for row in range(100)] * 2 for k in range(20)}
    found = conditions(measured(factors, {"size": [1.0] * 200}), [SIZE])
    assert [finding.trials for finding in found] == [2] * 100


def test_top_stops_early():
    """Of many conditions only the best are made."""
    found = conditions(measured({"x": range(100)}, {"accuracy": range(100)}), [ACCURACY], top=2)
    assert means(found, "accuracy") == [99, 98]


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.sampled_from([1, True, None, "s"]), st.floats(0, 1)), max_size=40
    )
)
def test_grouping_is_that_of_a_plain_loop(rows):
    """Vectorised grouping agrees with a dictionary of lists, order of first trials included."""
    variant, level, value = ([row[k] for row in rows] for k in range(3))
    expected = {}
    for row in rows:
        expected.setdefault((row[0], type(row[1]), row[1]), []).append(row[2])
    found = conditions(measured({"x": level}, {"size": value}, variant=variant), [SIZE]) if rows else []
    assert [(f.variant, type(f.assignment["x"]), f.assignment["x"]) for f in found] == list(expected)
    assert [f.estimates["size"].mean for f in found] == [pytest.approx(sum(v) / len(v)) for v in expected.values()]


@given(st.lists(st.tuples(st.sampled_from([1, 1.0, True, None, "1", ABSENT]), st.booleans()), min_size=1, max_size=30))
def test_numbered_conditions_give_the_same_findings(rows):
    """Numbers of conditions save time and change nothing, also where one condition has two numbers."""
    levels, arms = [level for level, _ in rows], ["ab"[arm] for _, arm in rows]
    data = measured({"x": levels}, {"loss": [float(place) for place in range(len(rows))]}, variant=arms)
    known = [(type(level), str(level), arm) for level, arm in zip(levels, arms, strict=True)]
    numbers = [known.index(key) + (100 if place % 2 else 0) for place, key in enumerate(known)]
    assert conditions(replace(data, condition=numbers), [LOSS]) == conditions(data, [LOSS])


def test_a_ranking_counts_what_it_leaves_out():
    """`top` cuts the findings, and the count is of all conditions."""
    found, count = ranking(measured({"x": [1, 2, 3, 3]}, {"loss": [3, 1, 2, 2]}), [LOSS], top=1)
    assert [finding.assignment for finding in found] == [{"x": 2}]
    assert count == 3


def test_quantiles_on_request():
    """A quantile is a value of the condition, under its probability; without asking there is none."""
    data = measured({"x": [1] * 4}, {"accuracy": [0.1, 0.4, 0.2, 0.3]})
    assert conditions(data, [ACCURACY])[0].estimates["accuracy"].quantiles == {}
    found = conditions(data, [ACCURACY], quantiles=(0.5, 0.9))[0].estimates["accuracy"]
    assert found.quantiles == {0.5: 0.2, 0.9: 0.4}
    nothing = measured({"x": [1]}, {"accuracy": [math.nan]})
    assert conditions(nothing, [ACCURACY], quantiles=(0.5,))[0].estimates["accuracy"].quantiles == {}


@pytest.mark.parametrize("quantile", [-0.1, 1.5, math.nan])
def test_a_quantile_beyond_the_values_is_refused(quantile):
    """Percentages are a mistake that is easily made."""
    with pytest.raises(UserError, match="between 0 and 1"):
        conditions(measured({"x": [1]}, {"accuracy": [1.0]}), [ACCURACY], quantiles=(quantile,))


def test_a_table_writes_out_what_is_asked_for():
    """Columns hold every condition; findings are made for the places that are named, in their order."""
    found = table(measured({"x": [1, 2, 3, 1]}, {"accuracy": [0.1, 0.9, 0.5, 0.3]}), [ACCURACY])
    assert len(found) == 3
    assert found.columns["accuracy"].summary.mean.tolist() == pytest.approx([0.2, 0.9, 0.5])
    assert (found.ranked(ACCURACY), found.ranked(None)) == ([1, 2, 0], [0, 1, 2])
    assert [one.assignment for one in found.findings([2, 0])] == [{"x": 3}, {"x": 1}]
