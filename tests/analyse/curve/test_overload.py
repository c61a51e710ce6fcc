"""Levels at which the subject was left behind: they are in no fit, and the capacity lies below them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from fairtrial.analyse.curve.limited import limited
from fairtrial.analyse.curve.overload import bracketed, overload
from fairtrial.analyse.curve.saturation import saturation
from fairtrial.flow.selftest.threshold import FACTOR, METRIC, measured
from fairtrial.model.finding import CautionKind, Verdict

RATES = np.array([20.0, 50.0, 100.0, 150.0, 180.0, 220.0])
KEPT = {"stable": 1.0}
STABLE = [[1] * 5] * 5 + [[0] * 5]


def sweep(stable, *, law=None, replicates=5):
    """Plant a good rate that follows the load and is lost where the subject is left behind."""
    rng = np.random.default_rng(0)
    rise = (RATES if law is None else law)[:, None] * (1 + 0.001 * rng.standard_normal((len(RATES), replicates)))
    told = np.asarray(stable, dtype=float)
    return measured(RATES, {METRIC: np.where(told == 0, 0.0, rise), "stable": told})


def look(found, limits=KEPT, **how):
    over = overload(found, limits, FACTOR)
    below = math.inf if over is None else over.first
    one = saturation(found, metric=METRIC, factor=FACTOR, below=below)
    return one if over is None else bracketed(one, over, found, **how)


def test_the_capacity_lies_between_the_last_that_was_kept_up_with_and_the_next():
    """No number is put on what lies there; through the levels below goes a straight line without a knee."""
    found = look(sweep(STABLE))
    assert found.bracket == (180.0, 220.0)
    assert (found.knee, found.capacity, found.capacity_interval, found.chosen) == (None, None, None, "line")
    assert found.verdict is Verdict.SUPPORTED
    assert found.answer == (
        "The capacity lies between load = 180 and 220: every replicate kept up with 180, none with 220 "
        "(stable below 1)."
    )
    assert [point.x for point in found.points] == RATES.tolist()
    assert max(found.curve.x) == 180.0


def test_without_it_the_break_is_put_where_no_level_is():
    """What is guarded against: a line through the over-saturated level claims a capacity to four digits."""
    plain = look(sweep(STABLE, law=np.where(RATES == 180, 178.5, RATES)), {})
    assert plain.bracket is None
    assert plain.verdict is Verdict.SUPPORTED
    assert plain.capacity_interval.high < 182


def test_a_knee_below_stays_the_answer():
    """Where the metric bends before the subject is left behind, both are told."""
    found = look(sweep(STABLE, law=np.minimum(RATES, 100.0)))
    assert found.knee == pytest.approx(100.0, rel=0.02)
    assert found.capacity == pytest.approx(100.0, rel=0.02)
    assert found.answer.endswith(" Every replicate kept up with 180, none with 220 (stable below 1).")
    assert found.verdict is Verdict.SUPPORTED


@pytest.mark.parametrize(
    ("stable", "bracket", "said"),
    [
        (
            [*STABLE[:5], [1, 0, 1, 0, 1]],
            (180.0, None),
            (
                "Inconclusive: where the capacity lies along load is open: every replicate kept up with 180, "
                "2 of 5 replicates did not keep up with 220 (stable below 1)."
            ),
        ),
        (
            [*STABLE[:4], [1, 0, 1, 1, 1], [0] * 5],
            (150.0, 220.0),
            (
                "The capacity lies between load = 150 and 220: every replicate kept up with 150, "
                "1 of 5 replicates did not keep up with 180, none with 220 (stable below 1)."
            ),
        ),
        (
            [*STABLE[:3], [0] * 5, [1] * 5, [0] * 5],
            (100.0, 220.0),
            (
                "The capacity lies between load = 100 and 220: every replicate kept up with 100, "
                "5 of 5 replicates did not keep up with 150, none with 220 (stable below 1)."
            ),
        ),
        (
            [[0] * 5] * 6,
            (None, 20.0),
            "Inconclusive: the capacity lies below load = 20: no replicate kept up with 20 (stable below 1).",
        ),
    ],
    ids=["some", "between", "twice", "all"],
)
def test_what_replicates_do_not_agree_on_widens_the_bracket(stable, bracket, said):
    """Its ends are levels at which all replicates say the same, and at which none above says otherwise."""
    found = look(sweep(stable))
    assert (found.bracket, found.answer) == (bracket, said)
    assert (found.verdict is Verdict.SUPPORTED) is (None not in bracket)


def test_one_replicate_is_no_evidence():
    """A level that only one replicate was left behind by does not end the bracket."""
    stable = np.array([[1.0, 1.0]] * 5 + [[0.0, 0.0]])
    found = sweep(stable, replicates=2)
    done = ~((found.factors[FACTOR].codes == 5) & (found.replicate == 1))
    one = replace(found, metrics={name: np.where(done, v, np.nan) for name, v in found.metrics.items()})
    assert look(one).bracket == (180.0, None)
    assert look(found).bracket == (180.0, 220.0)


def test_levels_that_nobody_knows_of_are_neither():
    """INVALID levels end no bracket; with too many of them nothing is supported."""
    found = sweep(STABLE)
    known = found.factors[FACTOR].codes != 4
    gap = replace(found, metrics={name: np.where(known, v, np.nan) for name, v in found.metrics.items()})
    made = look(gap)
    assert (made.bracket, made.verdict) == ((150.0, 220.0), Verdict.INCONCLUSIVE)
    assert made.answer.endswith(", but only 83.3 % of the trials tell.")
    assert look(gap, completeness=0.8).verdict is Verdict.SUPPORTED


def test_where_to_test_more():
    """Higher levels would not help where the highest is over-saturated; where all are, lower ones do."""
    broken = np.where(RATES == 180, 165.0, RATES)
    doubts = look(sweep(STABLE, law=broken)).cautions
    assert "Test levels of load between 180 and 220." in {doubt.advice for doubt in doubts}
    (only,) = look(sweep([[0] * 5] * 6)).cautions
    assert (only.kind, only.advice) == (CautionKind.EDGE, "Test levels of load below 20.")


def test_where_all_kept_up_nothing_changes():
    """Nor where the metric was not measured, as in a closed loop."""
    found = sweep([[1] * 5] * 6)
    assert overload(found, KEPT, FACTOR) is None
    assert overload(found, {"other": 1.0}, FACTOR) is None
    assert look(found) == saturation(found, metric=METRIC, factor=FACTOR)


def test_a_harness_that_was_the_limit_takes_the_bracket_back():
    """What was left behind there may have been the harness."""
    found = sweep(STABLE)
    busy = replace(found, metrics={**found.metrics, "busy": np.where(found.metrics["stable"] == 0, 0.95, 0.1)})
    made = limited(look(busy), busy, {"busy": 0.9})
    assert (made.bracket, made.verdict) == (None, Verdict.INCONCLUSIVE)
    assert "generator-bound from load = 220" in made.answer
    quiet = look(busy)
    assert limited(quiet, busy, {"busy": 0.99}) is quiet
