"""Verdicts of two runs: what passes, fails, stays open or cannot be judged, and what may not move them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.compare.sample import Sample
from fairtrial.compare.verdict import compare
from fairtrial.errors import NothingMeasured, UserError
from fairtrial.model.claim import Margin, Tolerance
from fairtrial.model.comparison import Comparison, Gate, Status
from fairtrial.model.study import Direction, Metric
from fairtrial.stats.resample import generator

Make = Callable[..., Sample]
RANK = {Gate.PASS: 0, Gate.INCONCLUSIVE: 1, Gate.FAIL: 2, Gate.INVALID: 2}


def noisy(name: str, level: float, *, rounds: int = 10, sd: float = 0.03, conditions: int = 1) -> list[list[float]]:
    """Draw log-normal values: condition -> round."""
    rng = generator(0, name)
    return [(level * np.exp(rng.normal(0.0, sd, rounds))).tolist() for _ in range(conditions)]


def pair(
    make: Make, shift: float = 1.0, *, failures: dict[int, str] | None = None, **more: Any
) -> tuple[Sample, Sample]:
    """Make a baseline and a current run whose latency is `shift` times as large."""
    one = {"latency_s": noisy("a", 0.1, **more), "throughput_per_s": noisy("b", 50.0, **more)}
    other = {"latency_s": noisy("c", 0.1 * shift, **more), "throughput_per_s": noisy("d", 50.0, **more)}
    return make(one, run=1), make(other, run=2, failures=failures)


def test_an_unchanged_run_passes(make: Make) -> None:
    """Every upper bound lies below its margin."""
    found = compare(*pair(make), mode="interleaved")
    assert found.verdict is Gate.PASS
    assert {change.status for change in found.changes} == {Status.OK}
    assert "no worse" in found.answer


def test_what_is_better_is_said_to_be_better(make: Make) -> None:
    """A pass whose every bound lies below 0 says by how much it is better at least."""
    better = make({"latency_s": noisy("a", 0.1)}, run=1), make({"latency_s": noisy("c", 0.05)}, run=2)
    found = compare(*better, mode="interleaved")
    assert found.verdict is Gate.PASS
    said = found.answer
    assert re.search(r"at least \d+(\.\d+)? % better, in latency_s at load = 0", said), said


def test_a_shift_beyond_the_margin_fails(make: Make) -> None:
    """The estimate is beyond the margin and Holm rejects that it is no worse."""
    found = compare(*pair(make, 1.3), mode="interleaved")
    assert found.verdict is Gate.FAIL
    latency, throughput = found.changes
    assert (latency.status, throughput.status) == (Status.REGRESS, Status.OK)
    assert latency.worse is not None
    assert 0.2 < latency.worse.low < latency.worse.high < 0.35
    assert latency.worse.level == pytest.approx(0.9)
    assert latency.p_adjusted == pytest.approx(2 * (latency.p or 0))
    assert latency.superiority == 1.0
    assert "latency_s at load = 0 is worse by" in found.answer


def test_runs_of_different_times_never_fail(make: Make) -> None:
    """The row says REGRESS, and the verdict is open."""
    found = compare(*pair(make, 1.5))
    assert found.changes[0].status is Status.REGRESS
    assert found.verdict is Gate.INCONCLUSIVE
    assert found.mode == "cross-time"


def test_noise_leaves_it_open_and_says_what_would_settle_it(make: Make) -> None:
    """An interval beyond the margin is inconclusive, with the smallest effect seen and the rounds needed."""
    found = compare(*pair(make, rounds=5, sd=0.3), mode="interleaved")
    assert found.verdict is Gate.INCONCLUSIVE
    open_ = next(change for change in found.changes if change.status is Status.UNCLEAR)
    assert open_.needed.replicates is not None
    assert open_.needed.replicates > 5
    assert (open_.needed.smallest_effect or 0) > 0
    assert "rounds would settle it" in found.answer


def test_other_open_comparisons_are_not_other_rounds(make: Make) -> None:
    """The sentence says of what there are more, so that nobody reads one more round."""
    found = compare(*pair(make, rounds=5, sd=0.3), mode="interleaved")
    assert [change.status for change in found.changes] == [Status.UNCLEAR] * 2
    assert found.answer.endswith(" rounds would settle it; 1 other comparison is open too.")
    many = compare(*pair(make, rounds=5, sd=0.3, conditions=2), mode="interleaved")
    others = sum(change.status is Status.UNCLEAR for change in many.changes) - 1
    assert others > 1
    assert many.answer.endswith(f"; {others} other comparisons are open too.")


def test_changes_that_are_not_named_are_counted(make: Make) -> None:
    """A sentence names three; the others are comparisons too."""
    answer = compare(*pair(make, 1.5, conditions=5), mode="interleaved").answer
    assert "; and 2 other comparisons." in answer


def test_one_round_is_never_a_verdict(make: Make) -> None:
    """However large the difference, a single pair says nothing of noise."""
    found = compare(*pair(make, 10.0, rounds=1), mode="interleaved")
    assert found.verdict is Gate.INCONCLUSIVE
    assert found.changes[0].why == "one round says nothing about noise"


@pytest.mark.parametrize(("rounds", "verdict"), [(3, Gate.INCONCLUSIVE), (5, Gate.PASS)])
def test_metrics_that_never_vary_need_five_rounds(make: Make, rounds: int, verdict: Gate) -> None:
    """Equal constants pass once a sign test could have spoken."""
    metrics = (Metric("errors", Direction.MINIMIZE),)
    sides = [make({"errors": [[0.0] * rounds]}, run=run, metrics=metrics) for run in (1, 2)]
    assert compare(*sides, mode="interleaved").verdict is verdict


def test_a_constant_shift_of_six_rounds_fails(make: Make) -> None:
    """Noiseless systems are judged by the sign test."""
    metrics = (Metric("bytes", Direction.MINIMIZE, "B"),)
    sides = [make({"bytes": [[size] * 6]}, run=run, metrics=metrics) for run, size in ((1, 100.0), (2, 130.0))]
    assert compare(*sides, mode="interleaved").verdict is Gate.FAIL


def test_a_failure_that_the_baseline_did_not_have_is_never_a_pass(make: Make) -> None:
    """What survived looks better than ever; the run is invalid and says what was lost."""
    found = compare(*pair(make, 0.5, failures={3: "timeout"}), mode="interleaved")
    assert found.verdict is Gate.INVALID
    assert "1 of 10 rounds have no value in run 2 and one in run 1 (1 timeout)" in found.answer


def test_failures_of_the_same_trials_are_judged_where_that_is_declared(make: Make) -> None:
    """With a declared completeness of 0.8 the rounds that both lack are left out."""
    lost = {4: "crash"}
    values = {"latency_s": noisy("a", 0.1), "throughput_per_s": noisy("b", 50.0)}
    sides = [make(values, run=run, failures=lost, completeness=0.8) for run in (1, 2)]
    found = compare(*sides, mode="interleaved")
    assert found.verdict is Gate.PASS
    assert {change.rounds for change in found.changes} == {9}
    strict = [replace(side, study=replace(side.study, completeness=1.0)) for side in sides]
    assert compare(*strict, mode="interleaved").verdict is Gate.INVALID


def test_a_condition_that_only_one_run_has_is_invalid(make: Make) -> None:
    """A run that was broken off is not judged by what it had."""
    whole, part = noisy("a", 0.1, conditions=2), noisy("c", 0.1)
    metrics = (Metric("latency_s", Direction.MINIMIZE, "s"),)
    sides = [make({"latency_s": values}, run=run, metrics=metrics) for run, values in ((1, whole), (2, part))]
    found = compare(*sides, mode="interleaved")
    assert found.verdict is Gate.INVALID
    assert "run 2 is incomplete here: 0 of 10 rounds" in found.answer


def test_margins_may_be_amounts(make: Make) -> None:
    """An absolute margin is judged in the metric's unit, whatever the sign of the values."""
    metrics = (Metric("profit", Direction.MAXIMIZE, "EUR"),)
    rng = generator(0, "profit")
    values = [[(shift + rng.normal(0, 1, 10)).tolist()] for shift in (-5.0, -9.0)]
    gate = (Tolerance("profit", Margin(2.0, relative=False)),)
    sides = [make({"profit": rows}, run=run, metrics=metrics, gate=gate) for run, rows in enumerate(values, 1)]
    found = compare(*sides, mode="interleaved")
    assert found.verdict is Gate.FAIL
    assert found.changes[0].absolute
    assert found.changes[0].worse is not None
    assert found.changes[0].worse.low > 2
    assert "EUR" in found.answer


def test_shares_of_what_is_not_positive_are_refused(make: Make) -> None:
    """The row says what to declare instead."""
    metrics = (Metric("profit", Direction.MAXIMIZE),)
    sides = [make({"profit": [[-1.0, 1.0, 2.0]]}, run=run, metrics=metrics) for run in (1, 2)]
    sides[1].measured.metrics["profit"][0] = 3.0  # type: ignore[index]
    found = compare(*sides, mode="interleaved")
    assert found.verdict is Gate.INCONCLUSIVE
    assert "declare gate: {profit: {worse_by: AMOUNT}}" in found.changes[0].why


def test_only_what_is_declared_gates(make: Make) -> None:
    """A metric outside `gate:` is shown, corrected by its own family, and fails nothing."""
    one, other = pair(make, 1.5)
    gate = (Tolerance("throughput_per_s", Margin(0.1, relative=True)),)
    sides = [replace(side, study=replace(side.study, gate=gate)) for side in (one, other)]
    found = compare(*sides, mode="interleaved")
    assert found.verdict is Gate.PASS
    shown = next(change for change in found.changes if change.metric == "latency_s")
    assert (shown.gating, shown.status) == (False, Status.REGRESS)


def test_an_improvement_passes_and_is_named(make: Make) -> None:
    """What is better beyond noise is IMPROVED."""
    found = compare(*pair(make, 0.7), mode="interleaved")
    assert found.verdict is Gate.PASS
    assert found.changes[0].status is Status.IMPROVED


def test_fewer_declared_rounds_compare_the_common_ones(make: Make) -> None:
    """Five replicates against ten: the first five are paired, and nothing is missing."""
    metrics = (Metric("latency_s", Direction.MINIMIZE, "s"),)
    sides = [
        make({"latency_s": noisy(name, 0.1, rounds=rounds)}, run=run, metrics=metrics)
        for run, name, rounds in ((1, "a", 10), (2, "c", 5))
    ]
    found = compare(*sides, mode="interleaved")
    assert found.verdict is Gate.PASS
    assert found.changes[0].rounds == 5


def test_without_a_direction_nothing_can_be_worse(make: Make) -> None:
    """A study without directed metrics is refused with what to declare."""
    metrics = (Metric("latency_s"),)
    sides = [make({"latency_s": noisy("a", 0.1)}, run=run, metrics=metrics) for run in (1, 2)]
    with pytest.raises(UserError, match="no metric says which way is better"):
        compare(*sides)


def test_metrics_that_nobody_measured_are_no_verdict(make: Make) -> None:
    """Undefined in both runs everywhere: there is nothing to judge."""
    metrics = (Metric("latency_s", Direction.MINIMIZE),)
    sides = [make({"latency_s": [[None, None]]}, run=run, metrics=metrics) for run in (1, 2)]
    with pytest.raises(NothingMeasured):
        compare(*sides)


def verdicts(found: Comparison) -> tuple[Any, ...]:
    """Return what units and order must not move."""
    return found.verdict, tuple((change.metric, change.assignment["load"], change.status) for change in found.changes)


WORLDS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10_000),
        "shift": st.sampled_from([0.8, 1.0, 1.08, 1.12, 1.3]),
        "sd": st.sampled_from([0.0, 0.02, 0.1, 0.4]),
        "rounds": st.integers(1, 8),
        "mode": st.sampled_from(["interleaved", "cross-time"]),
    }
)


def drawn(make: Make, world: dict[str, Any], *, scale: float = 1.0, **more: Any) -> list[Sample]:
    """Make the two runs of a world, values times `scale`."""
    rng = np.random.default_rng(world["seed"])
    logs = rng.normal(0.0, world["sd"], (2, 2, 2, world["rounds"]))
    levels = ((3.0, 3.0 * world["shift"]), (20.0, 20.0))
    sides = []
    for run in (0, 1):
        values = [
            [(scale * levels[metric][run] * np.exp(logs[run, metric, c])).tolist() for c in range(2)]
            for metric in range(2)
        ]
        named = dict(zip(("latency_s", "throughput_per_s"), values, strict=True))
        sides.append(make(named, run=run + 1, **(more if run else {})))
    return sides


@settings(max_examples=60, deadline=None)
@given(world=WORLDS, scale=st.sampled_from([1e-9, 1e-3, 7.0, 1e6]))
def test_units_do_not_move_a_verdict(make: Make, world: dict[str, Any], scale: float) -> None:
    """All values times a constant: the same statuses, the same shares."""
    plain, scaled = (compare(*drawn(make, world, scale=by), mode=world["mode"]) for by in (1.0, scale))
    assert verdicts(plain) == verdicts(scaled)


@settings(max_examples=60, deadline=None)
@given(world=WORLDS, seed=st.integers(0, 1000))
def test_the_order_of_trials_does_not_move_a_verdict(make: Make, world: dict[str, Any], seed: int) -> None:
    """Trials of the current run in any order."""
    one, other = drawn(make, world)
    order = np.random.default_rng(seed).permutation(len(other.measured)).tolist()
    measured = other.measured
    mixed = replace(
        measured,
        **{
            name: [getattr(measured, name)[row] for row in order]
            for name in ("number", "variant", "replicate", "seed", "status", "failure", "attempt")
        },
        factors={path: [column[row] for row in order] for path, column in measured.factors.items()},
        metrics={name: [column[row] for row in order] for name, column in measured.metrics.items()},
    )
    shuffled = replace(other, measured=mixed)
    assert compare(one, other, mode=world["mode"]).changes == compare(one, shuffled, mode=world["mode"]).changes


@settings(max_examples=60, deadline=None)
@given(world=WORLDS, rows=st.sets(st.integers(0, 15), min_size=1), completeness=st.sampled_from([0.0, 0.5, 1.0]))
def test_failures_never_improve_a_result(
    make: Make, world: dict[str, Any], rows: set[int], completeness: float
) -> None:
    """Whatever trials of the current run fail, the verdict is no better than without."""
    one, other = drawn(make, world, completeness=completeness)
    lost = {row: "crash" for row in rows if row < len(other.measured)}
    if not lost:
        return
    failed = drawn(make, world, completeness=completeness, failures=lost)[1]
    before, after = compare(one, other, mode=world["mode"]), compare(one, failed, mode=world["mode"])
    assert RANK[after.verdict] >= RANK[before.verdict]
    assert after.verdict is not Gate.PASS
