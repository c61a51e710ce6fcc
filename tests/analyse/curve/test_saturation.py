"""Saturation: knees where they are, none on lines and flats, and nothing that units, order or a longer sweep move."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.analyse.curve.saturation import saturation
from fairtrial.errors import UnknownName, UserError
from fairtrial.flow.selftest.threshold import FACTOR, METRIC, measured
from fairtrial.model.finding import CautionKind, Verdict
from fairtrial.model.study import Direction
from fairtrial.stats.interval import rate_interval

X = 2.0 ** np.arange(6)


def sweep(law, *, noise=0.03, replicates=3, seed=0, x=X, **others):
    rng = np.random.default_rng(seed)
    table = law(x)[:, None] * (1 + noise * rng.standard_normal((len(x), replicates)))
    return measured(x, {METRIC: table, **{name: other(x, table) for name, other in others.items()}})


def look(found, **how):
    return saturation(found, **{"metric": METRIC, "factor": FACTOR} | how)


def ideal(x):
    return 100 * np.minimum(x, 8.0)


def line(x):
    return 20 + 30 * x


def test_an_ideal_system_has_its_knee():
    """Without noise a system that saturates at 8 has its knee at 8 and its capacity there."""
    found = look(sweep(ideal, noise=0.0))
    assert (found.chosen, found.verdict) == ("hinge", Verdict.SUPPORTED)
    assert (found.knee, found.capacity) == (pytest.approx(8.0), pytest.approx(800.0))
    assert found.saturation_level == 8.0
    assert found.peak is None


def test_a_noisy_knee_is_told_with_its_curve():
    """With noise the knee is found, the curve has a band, and the models share the evidence."""
    found = look(sweep(ideal))
    assert found.verdict is Verdict.SUPPORTED
    assert found.knee == pytest.approx(8.0, rel=0.1)
    assert found.knee_interval.low < found.knee < found.knee_interval.high
    assert all(low <= high for low, high in zip(found.curve.low, found.curve.high, strict=True))
    assert sum(fit.weight for fit in found.fits) == pytest.approx(1.0)
    assert "stops growing as before at load = " in found.answer


def holds(interval, truth):
    return interval is not None and interval.low <= truth <= interval.high


def test_intervals_hold_the_truth():
    """Over 80 noisy sweeps the 95 % intervals of knee and capacity hold the truth in a share that 90 % may be."""
    listed = [look(sweep(ideal, seed=seed)) for seed in range(80)]
    knees = sum(holds(found.knee_interval, 8.0) for found in listed)
    capacities = sum(holds(found.capacity_interval, 800.0) for found in listed)
    assert rate_interval(knees, 80)[1] >= 0.9
    assert rate_interval(capacities, 80)[1] >= 0.9


@pytest.mark.parametrize("law", [line, lambda x: np.full(len(x), 100.0), lambda x: 100 * x])
def test_lines_and_flats_have_no_knee(law):
    """A straight line, a flat one and an ideal system answer: no knee in range."""
    found = look(sweep(law))
    assert (found.knee, found.capacity, found.saturation_level, found.peak) == (None, None, None, None)
    assert found.verdict is not Verdict.SUPPORTED
    assert "No knee in range" in found.answer


def test_a_capacity_beyond_the_range_is_extrapolated():
    """A curve that is far from its plateau says so."""
    found = look(sweep(lambda x: 1000 * x / (12 + x), replicates=5, noise=0.01))
    assert found.chosen == "saturating"
    assert found.capacity == pytest.approx(1000.0, rel=0.1)
    assert CautionKind.EXTRAPOLATION in {caution.kind for caution in found.cautions}


def test_a_break_at_the_last_levels_has_no_capacity():
    """Growth that slows between the last two levels is a bend whose plateau was not seen."""
    found = look(sweep(lambda x: 100 * np.minimum(x, 24.0), noise=0.005))
    assert found.verdict is Verdict.SUPPORTED
    assert found.knee_interval.low <= 24.0 <= found.knee_interval.high
    assert (found.capacity, found.saturation_level) == (None, None)
    assert CautionKind.EDGE in {caution.kind for caution in found.cautions}


def test_retrograde_is_seen_only_inside_the_range():
    """The law's peak is told where throughput falls behind it in the tested range, and only there."""

    def law(x):
        return 100 * x / (1 + 0.05 * (x - 1) + 0.004 * x * (x - 1))

    found = look(sweep(law, replicates=5))
    assert found.chosen == "usl"
    assert found.peak == pytest.approx(np.sqrt(0.95 / 0.004), rel=0.1)
    assert found.peak_interval.low < 15.41 < found.peak_interval.high
    assert found.fits[0].parameters["kappa"] == pytest.approx(0.004, rel=0.3)
    assert look(sweep(law, replicates=5, x=X[:5])).peak is None


def test_closed_loop_knee():
    """N* is X_max times R_min plus think time; by Little's law an ideal closed loop gives the true knee."""
    found = look(
        sweep(ideal, response_s=lambda x, table: x[:, None] / table - 0.002, other_s=lambda x, table: table * 0 + 0.01),
        response="response_s",
        think_s=0.002,
    )
    assert found.asymptotic_knee == pytest.approx(8.0, rel=0.1)
    assert found.asymptotic_interval.low < found.asymptotic_knee < found.asymptotic_interval.high
    assert look(sweep(ideal)).asymptotic_knee is None


def test_a_latency_starts_to_grow():
    """Of a metric to minimise the knee is where it starts to grow; its mirror image has none."""
    found = look(sweep(lambda x: 0.01 * np.maximum(1.0, x / 8)), direction=Direction.MINIMIZE)
    assert (found.verdict, found.chosen) == (Verdict.SUPPORTED, "hinge")
    assert found.knee == pytest.approx(8.0, rel=0.1)
    assert found.capacity is None
    assert "starts to grow" in found.answer
    assert look(sweep(ideal), direction=Direction.MINIMIZE).knee is None


@pytest.mark.parametrize(("levels", "replicates"), [(6, 1), (3, 5)])
def test_too_little_is_inconclusive(levels, replicates):
    """One replicate, or three levels, show no knee and refute none."""
    found = look(sweep(ideal, x=X[:levels], replicates=replicates))
    assert (found.verdict, found.knee, found.fits) == (Verdict.INCONCLUSIVE, None, ())
    assert "Inconclusive" in found.answer


def test_declared_completeness_not_reached():
    """A clear knee with a failed trial is inconclusive at completeness 1, and supported where less was declared."""
    table = ideal(X)[:, None] * np.array([1.0, 1.01, 0.99, 1.02])
    table[5, 1] = np.nan
    assert look(measured(X, {METRIC: table})).verdict is Verdict.INCONCLUSIVE
    lenient = look(measured(X, {METRIC: table}), completeness=0.9)
    assert lenient.verdict is Verdict.SUPPORTED
    assert CautionKind.CENSORED in {caution.kind for caution in lenient.cautions}


def test_a_dead_level_ends_the_sweep():
    """A level where everything failed is no level; the others still tell, with a caution, if the user allows it."""
    table = ideal(X)[:, None] * np.array([1.0, 1.01, 0.99])
    table[5] = np.nan
    found = look(measured(X, {METRIC: table}), completeness=0.8)
    assert found.points[-1].n == 0
    assert found.curve.x[-1] == 16.0


def test_refuses_nonsense():
    """A negative think time and unknown names are the user's mistakes."""
    with pytest.raises(UserError, match="think time"):
        look(sweep(ideal), think_s=-1.0)
    with pytest.raises(UnknownName, match="unknown metric"):
        look(sweep(ideal), response="nothing")


laws = st.sampled_from([ideal, line, lambda x: 900 * x / (5 + x)])


@settings(max_examples=15, deadline=None)
@given(laws, st.integers(0, 30), st.sampled_from([1e-9, 1e-3, 1e6]), st.sampled_from([0.25, 1000.0]))
def test_units_change_nothing(law, seed, scale, stretch):
    """Another unit of throughput or of load moves neither the verdict nor, in its unit, knee and capacity."""
    one = look(sweep(law, seed=seed))
    other = look(sweep(lambda x: scale * law(x / stretch), seed=seed, x=stretch * X))
    assert (one.verdict, one.chosen, one.knee is None) == (other.verdict, other.chosen, other.knee is None)
    if one.knee is not None:
        assert other.knee == pytest.approx(stretch * one.knee, rel=1e-4)
        assert other.knee_interval.high == pytest.approx(stretch * one.knee_interval.high, rel=1e-4)
    if one.capacity is not None:
        assert other.capacity == pytest.approx(scale * one.capacity, rel=1e-4)


@settings(max_examples=10, deadline=None)
@given(laws, st.integers(0, 30))
def test_the_order_of_levels_changes_nothing(law, seed):
    """A sweep from the highest load down gives the same finding."""
    rng = np.random.default_rng(seed)
    table = law(X)[:, None] * (1 + 0.05 * rng.standard_normal((6, 3)))
    one, other = look(measured(X, {METRIC: table})), look(measured(X[::-1], {METRIC: table[::-1]}))
    assert one == other


@settings(max_examples=15, deadline=None)
@given(st.sampled_from([4.0, 6.0, 8.0]), st.integers(1, 4), st.floats(10, 1e4))
def test_a_longer_sweep_does_not_move_the_knee(place, more, slope):
    """Levels added far beyond saturation leave knee and capacity where they were."""

    def law(x):
        return slope * np.minimum(x, place)

    short = look(sweep(law, noise=0.0))
    long = look(sweep(law, noise=0.0, x=2.0 ** np.arange(6 + more)))
    assert short.knee == pytest.approx(place, rel=1e-4)
    assert long.knee == pytest.approx(short.knee, rel=1e-4)
    assert long.capacity == pytest.approx(short.capacity, rel=1e-4)


def test_a_longer_noisy_sweep_stays_within_the_interval():
    """With noise the knee of the longer sweep lies in the interval of the shorter one."""
    rng = np.random.default_rng(0)
    x = 2.0 ** np.arange(9)
    table = ideal(x)[:, None] * (1 + 0.03 * rng.standard_normal((9, 5)))
    short, long = look(measured(x[:6], {METRIC: table[:6]})), look(measured(x, {METRIC: table}))
    assert short.knee_interval.low <= long.knee <= short.knee_interval.high
