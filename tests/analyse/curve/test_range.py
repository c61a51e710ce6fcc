"""The operating range: safe only where shown, never beyond a level that is not, never better for failures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.analyse.curve.range import operating_range
from fairtrial.errors import UnknownName, UserError
from fairtrial.flow.selftest.threshold import FACTOR, measured
from fairtrial.model.claim import Clause
from fairtrial.model.finding import CautionKind, Needed, Verdict

X = 2.0 ** np.arange(5)
P99, SUCCESS = Clause("p99", "max", 0.02), Clause("success", "min", 0.99)
SPREAD = np.array([0.98, 1.0, 1.02, 1.01, 0.99])


def sweep(p99, success=None, *, spread=SPREAD, x=X):
    tables = {"p99": np.asarray(p99)[:, None] * spread}
    if success is not None:
        tables["success"] = np.repeat(np.asarray(success)[:, None], len(spread), axis=1)
    return measured(x, tables)


def look(found, *clauses, **how):
    return operating_range(found, factor=FACTOR, clauses=clauses or (P99,), **how)


def test_the_range_ends_where_the_limit_is_broken():
    """The edge is the last safe level, with headroom, what fails first and a recommended level below."""
    found = look(sweep([0.01, 0.011, 0.015, 0.03, 0.05]))
    assert (found.edge, found.reached, found.recommended) == (4.0, True, pytest.approx(3.2))
    assert (found.verdict, found.first_failing) == (Verdict.SUPPORTED, "p99 <= 0.02")
    bound = found.levels[2].bounds["p99 <= 0.02"]
    assert 0.015 < bound < 0.016
    assert found.headroom["p99 <= 0.02"] == pytest.approx((0.02 - bound) / 0.02)
    assert "p99 <= 0.02 up to load = 4" in found.answer
    assert "is broken" in found.answer


def test_a_mean_below_the_limit_is_not_enough():
    """A level whose bound misses the limit is not safe although its mean keeps it."""
    found = look(sweep([0.01, 0.0198, 0.03, 0.04, 0.05], spread=np.array([0.9, 1.0, 1.1])))
    assert found.edge == 1.0
    assert "is not shown" in found.answer


def test_the_range_is_contiguous():
    """A level above a failing one is not safe, however well it does."""
    found = look(sweep([0.01, 0.05, 0.01, 0.01, 0.05]))
    assert found.edge == 1.0
    assert [level.safe for level in found.levels] == [True, False, False, False, False]
    assert found.levels[2].failing == ()


def test_every_clause_must_be_kept():
    """The clause that fails first ends the range; the one that misses most is named."""
    found = look(sweep([0.01, 0.011, 0.012, 0.013, 0.05], [1.0, 0.995, 0.8, 0.7, 0.6]), P99, SUCCESS)
    assert (found.edge, found.first_failing) == (2.0, "success >= 0.99")
    assert set(found.headroom) == {"p99 <= 0.02", "success >= 0.99"}
    both = look(sweep([0.01, 0.011, 0.5, 0.6, 0.7], [1.0, 0.995, 0.98, 0.7, 0.6]), SUCCESS, P99)
    assert both.levels[2].failing == ("p99 <= 0.02", "success >= 0.99")


def test_the_edge_may_not_be_reached():
    """Where every level is safe the edge lies beyond what was tested, and the finding says so."""
    found = look(sweep([0.01, 0.011, 0.012, 0.013, 0.014]))
    assert (found.edge, found.reached, found.first_failing) == (16.0, False, "")
    assert "edge not reached" in found.answer
    assert CautionKind.EDGE in {caution.kind for caution in found.cautions}


def test_no_level_is_safe():
    """A lowest level that is shown to break a clause refutes the range; one that is unclear leaves it open."""
    broken, unclear = look(sweep([0.03] * 5)), look(sweep([0.0199] * 5))
    assert (broken.edge, broken.recommended, broken.headroom) == (None, None, {})
    assert (broken.verdict, unclear.verdict) == (Verdict.NOT_SUPPORTED, Verdict.INCONCLUSIVE)
    assert unclear.edge is None


def test_one_replicate_is_inconclusive():
    """With one replicate there is no bound, so nothing is safe."""
    found = look(sweep([0.001] * 5, spread=np.ones(1)))
    assert (found.edge, found.verdict) == (None, Verdict.INCONCLUSIVE)
    assert found.levels[0].bounds == {"p99 <= 0.02": None}
    assert CautionKind.FEW_REPLICATES in {caution.kind for caution in found.cautions}


def test_equal_values_are_doubted():
    """A rate of 1 in every replicate keeps its limit, with a caution that no variation was seen."""
    found = look(sweep([0.01] * 5, [1.0] * 5), SUCCESS)
    assert found.edge == 16.0
    caution = next(caution for caution in found.cautions if caution.kind is CautionKind.DEGENERATE)
    assert "success is the same in every replicate" in caution.text


def test_a_failed_trial_ends_the_range():
    """A level with a failed trial is not safe, however good the others were."""
    table = np.full((5, 5), 0.001) * SPREAD
    table[2, 0] = np.nan
    found = look(measured(X, {"p99": table}))
    assert found.edge == 2.0
    assert found.levels[2].missing == 1
    assert "1 trial gave no value" in found.answer
    assert "5 replicates" in found.answer
    assert CautionKind.CENSORED in {caution.kind for caution in found.cautions}


def test_a_limit_of_zero_has_no_headroom():
    """No share of a limit of 0 is left."""
    found = look(sweep([0.01] * 5), Clause("p99", "min", 0.0))
    assert (found.edge, found.headroom) == (16.0, {})


def test_what_would_settle_it():
    """With as many replicates as are asked for, an open level that keeps its limit is safe in 80 % of sweeps."""
    spread = 1 + 0.05 * np.array([-1, 1, -1, 1]) * math.sqrt(3 / 4)
    found = look(sweep([0.01, 0.0195], spread=spread, x=X[:2]))
    assert (found.edge, found.verdict) == (1.0, Verdict.SUPPORTED)
    count = found.needed.replicates
    rng = np.random.default_rng(0)
    draws = (look(measured(X[:1], {"p99": 0.0195 * (1 + 0.05 * rng.standard_normal((1, count)))})) for _ in range(300))
    assert 0.73 < sum(draw.edge is not None for draw in draws) / 300 < 0.9
    assert 0 < found.needed.smallest_effect < 0.01


def test_nothing_settles_what_is_shown():
    """A level that is broken needs no replicates, one that failed needs none either; one replicate needs another."""
    assert look(sweep([0.01, 0.03], x=X[:2])).needed.replicates is None
    lost = np.full((2, 5), 0.0199) * SPREAD
    lost[1, 0] = np.nan
    assert look(measured(X[:2], {"p99": lost})).needed.replicates is not None
    assert look(sweep([0.001] * 5, spread=np.ones(1))).needed == Needed(None, 2)
    assert look(sweep([0.01] * 5)).needed.replicates is None
    assert look(sweep([0.01] * 5, [1.0] * 5), SUCCESS).needed == Needed(None)


def test_refuses_nonsense():
    """No clause and unknown metrics are the user's mistakes."""
    with pytest.raises(UserError, match="no service level"):
        operating_range(sweep([0.01] * 5), factor=FACTOR, clauses=())
    with pytest.raises(UnknownName, match="unknown metric"):
        look(sweep([0.01] * 5), Clause("p999", "max", 1.0))


tables = st.integers(0, 1000).map(
    lambda seed: (
        np.sort(np.random.default_rng(seed).uniform(0.005, 0.03, 5))[:, None]
        * (1 + 0.1 * np.random.default_rng(seed + 1).standard_normal((5, 5)))
    )
)


def edge(found):
    return -math.inf if found.edge is None else found.edge


@settings(max_examples=60, deadline=None)
@given(tables, st.sets(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=10))
def test_failures_never_widen_the_range(table, lost):
    """However values are lost, the edge does not move up and no level becomes safe."""
    failed = table.copy()
    for place in lost:
        failed[place] = np.nan
    whole, censored = look(measured(X, {"p99": table})), look(measured(X, {"p99": failed}))
    assert edge(censored) <= edge(whole)
    assert all(one.safe >= other.safe for one, other in zip(whole.levels, censored.levels, strict=True))


@settings(max_examples=40, deadline=None)
@given(tables, st.integers(1, 5))
def test_a_shorter_sweep_has_the_same_range(table, levels):
    """Levels added above do not move the range found below."""
    whole, short = look(measured(X, {"p99": table})), look(measured(X[:levels], {"p99": table[:levels]}))
    assert short.levels == whole.levels[:levels]
    assert edge(short) == min(edge(whole), X[levels - 1])


@settings(max_examples=40, deadline=None)
@given(tables, st.sampled_from([1e-6, 1000.0]))
def test_units_change_nothing(table, scale):
    """Seconds or milliseconds: the same levels are safe, with the same headroom."""
    one = look(measured(X, {"p99": table}))
    other = look(measured(X, {"p99": scale * table}), Clause("p99", "max", scale * 0.02))
    assert [level.safe for level in one.levels] == [level.safe for level in other.levels]
    assert list(one.headroom.values()) == pytest.approx(list(other.headroom.values()))


@settings(max_examples=20, deadline=None)
@given(tables)
def test_the_order_of_levels_changes_nothing(table):
    """A sweep from the highest load down gives the same finding."""
    assert look(measured(X, {"p99": table})) == look(measured(X[::-1], {"p99": table[::-1]}))
