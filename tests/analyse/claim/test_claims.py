"""Claims: each kind of `expect` supported, denied, left open; judged together; never by failures or one replicate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.analyse.claim.claims import claims
from fairtrial.analyse.data import data
from fairtrial.model.claim import Claim, ClaimKind, Margin, Tolerance
from fairtrial.model.finding import Verdict
from fairtrial.model.rule import parse
from fairtrial.model.run import Measurements
from fairtrial.model.study import ABSENT, Direction, Metric, Study, SystemRef
from fairtrial.stats.multiplicity import holm

SUPPORTED, DENIED, OPEN = Verdict.SUPPORTED, Verdict.NOT_SUPPORTED, Verdict.INCONCLUSIVE
LOADS = (1, 2, 4, 8)


def study(*expect, **settings_):
    metrics = (Metric("y", Direction.MINIMIZE, "s"),)
    return Study("s", SystemRef("x"), metrics=metrics, expect=tuple(expect), **settings_)


def measured(mean, *, replicates=6, sd=0.1, seed=0, failed=(), order=None):
    """Two arms over `load`; the arm `tuned` has a factor `w` of its own. Rows may be stored in another order."""
    rng = np.random.default_rng(seed)
    rows = [("tuned", load, w, r) for load in LOADS for w in (4, 64) for r in range(replicates)]
    rows += [("plain", load, ABSENT, r) for load in LOADS for r in range(replicates)]
    n = len(rows)
    y = [mean(*row[:3]) + sd * rng.normal() for row in rows]
    order = range(n) if order is None else np.random.default_rng(order).permutation(n).tolist()
    rows = [rows[i] for i in order]
    return data(
        Measurements(
            run=1,
            number=[i + 1 for i in order],
            variant=[row[0] for row in rows],
            replicate=[row[3] for row in rows],
            seed=[0] * n,
            status=["failed" if i in failed else "done" for i in order],
            failure=["oom" if i in failed else "" for i in order],
            factors={"load": [row[1] for row in rows], "w": [row[2] for row in rows]},
            metrics={"y": [y[i] for i in order]},
        )
    )


def verdict(found, claim, **settings_):
    return claims(found, study(claim, **settings_))[0]


INCREASES = Claim("y increases with load", ClaimKind.INCREASES, "y", "load")
DECREASES = Claim("y decreases with load", ClaimKind.DECREASES, "y", "load")
FLAT = Claim("y is flat with load", ClaimKind.FLAT, "y", "load")


def rising(arm, load, w):
    return 10 + load


def level(arm, load, w):
    return 10.0


def test_a_trend_is_supported_in_its_direction_only():
    """What rises increases, does not decrease, and is not flat."""
    found = measured(rising)
    assert verdict(found, INCREASES).verdict is SUPPORTED
    assert verdict(found, DECREASES).verdict is verdict(found, FLAT).verdict is DENIED
    seen = verdict(found, INCREASES)
    assert seen.interval.low < seen.estimate < seen.interval.high
    assert seen.answer.startswith("Supported: y rises by")
    assert "6 replicates" in seen.answer


def test_a_trend_that_turns_back_is_denied():
    """A rise over most levels that is shown to fall back at the last one is no increase."""
    found = measured(lambda arm, load, w: {1: 1, 2: 3, 4: 6, 8: 5}[load])
    assert verdict(found, INCREASES).verdict is DENIED
    assert "turns back" in verdict(found, INCREASES).answer


def test_flat_needs_equivalence():
    """Level means within the margin are flat; too noisy to say, it stays open; the margin is the gate's, or 5 %."""
    assert verdict(measured(level), FLAT).verdict is SUPPORTED
    noisy = verdict(measured(level, sd=5), FLAT)
    assert noisy.verdict is OPEN
    assert "0.5 s" in verdict(measured(level, sd=0.01), FLAT).answer
    gate = (Tolerance("y", Margin(1e-4, relative=True)),)
    assert verdict(measured(level), FLAT, gate=gate).verdict is OPEN


def test_flat_over_levels_without_order():
    """Arms are a factor without order, and may be flat."""
    claim = Claim("y is flat with variant", ClaimKind.FLAT, "y", "variant")
    assert verdict(measured(level), claim).verdict is SUPPORTED
    assert verdict(measured(lambda arm, load, w: 10 + 5 * (arm == "tuned")), claim).verdict is DENIED


def better(arm, load, w):
    return load + (1.0 if arm == "tuned" else 0.0) + (0.5 if w == 64 else 0.0)


def exceeds(first, second, margin=None):
    return Claim("…", ClaimKind.EXCEEDS, "y", arms=(first, second), margin=margin)


def test_an_arm_exceeds_another_beyond_the_margin():
    """Arms are paired on what they share, own factors averaged: the difference is 1.25."""
    found = measured(better)
    seen = verdict(found, exceeds("tuned", "plain"))
    assert seen.verdict is SUPPORTED
    assert seen.estimate == pytest.approx(1.25, abs=0.1)
    assert verdict(found, exceeds("plain", "tuned")).verdict is DENIED
    assert verdict(found, exceeds("tuned", "plain", Margin(1.0, relative=False))).verdict is SUPPORTED
    assert verdict(found, exceeds("tuned", "plain", Margin(1.5, relative=False))).verdict is DENIED
    assert verdict(found, exceeds("tuned", "plain", Margin(1.25, relative=False))).verdict is OPEN
    assert verdict(found, exceeds("tuned", "plain", Margin(0.2, relative=True))).verdict is SUPPORTED
    assert verdict(found, exceeds("tuned", "plain", Margin(0.5, relative=True))).verdict is DENIED


def test_a_paired_difference_agrees_with_scipy():
    """P of `A.M > B.M` is that of scipy's paired t test on the replicates' means."""
    from scipy.stats import ttest_rel

    found = measured(better, sd=2.0)
    values = found.metric("y")
    arms = np.asarray(found.measured.variant)
    means = {
        arm: [values[(arms == arm) & (found.replicate == r)].mean() for r in range(6)] for arm in ("tuned", "plain")
    }
    known = ttest_rel(means["tuned"], means["plain"], alternative="greater").pvalue
    assert verdict(found, exceeds("tuned", "plain")).p == pytest.approx(known)


def below(limit, rule=None):
    return Claim("…", ClaimKind.BELOW, "y", limit=limit, when=parse(rule) if rule else None)


def test_below_must_hold_in_every_condition_of_the_rule():
    """The worst condition decides; a rule narrows; one that names an absent factor is false there."""
    found = measured(rising)
    assert verdict(found, below(20.0)).verdict is SUPPORTED
    assert verdict(found, below(17.0)).verdict is DENIED
    assert verdict(found, below(17.0, "load < 8")).verdict is SUPPORTED
    assert verdict(found, below(17.0, "load < 8 and variant == 'plain'")).verdict is SUPPORTED
    assert verdict(found, below(18.0)).verdict is OPEN
    only = verdict(found, below(17.0, "w == 64 and load < 8"))
    assert only.verdict is SUPPORTED
    assert "of 3" in only.answer


def test_a_rule_that_nothing_meets_is_inconclusive():
    """Nothing measured is nothing shown."""
    seen = verdict(measured(rising), below(17.0, "load > 100"))
    assert seen.verdict is OPEN
    assert seen.answer == "Inconclusive: no condition with load > 100 was measured (0 trials)."


def stepped(arm, load, w):
    return 1.0 if load < 4 else 3.0


def test_a_threshold_and_its_place():
    """The detector's verdict counts, and a place outside its interval denies the claim."""
    found = measured(stepped, replicates=8, sd=0.3)
    plain = Claim("…", ClaimKind.THRESHOLD, "y", "load")
    assert verdict(found, plain).verdict is SUPPORTED
    assert verdict(found, Claim("…", ClaimKind.THRESHOLD, "y", "load", near=3.0)).verdict is SUPPORTED
    far = verdict(found, Claim("…", ClaimKind.THRESHOLD, "y", "load", near=7.5))
    assert far.verdict is DENIED
    assert "outside the interval" in far.answer


def test_a_crossing():
    """Two arms that change places cross; two that stay apart do not."""
    claim = Claim("…", ClaimKind.CROSS, "y", "load", arms=("tuned", "plain"))
    crossing = measured(lambda arm, load, w: 10 - np.log2(load) * (3 if arm == "tuned" else 1) + 2 * (arm == "tuned"))
    assert verdict(crossing, claim).verdict is SUPPORTED
    apart = measured(lambda arm, load, w: 10 - np.log2(load) + 5 * (arm == "tuned"))
    assert verdict(apart, claim).verdict is DENIED


def test_claims_are_judged_together():
    """P values are corrected by Holm over all claims, in their order."""
    found = measured(better, sd=3.0, seed=2)
    family = (INCREASES, exceeds("tuned", "plain"), below(9.0), DECREASES)
    seen = claims(found, study(*family))
    assert [one.p_adjusted for one in seen] == holm([one.p for one in seen])
    alone = [verdict(found, claim) for claim in family]
    assert [one.p for one in alone] == [one.p for one in seen]
    assert "by Holm over 4 claims" in seen[0].answer


def test_one_replicate_supports_nothing():
    """With one replicate every claim is inconclusive, and two replicates are asked for."""
    found = measured(rising, replicates=1)
    family = (INCREASES, FLAT, exceeds("tuned", "plain"), below(100.0), below(0.0))
    seen = claims(found, study(*family))
    assert {one.verdict for one in seen} == {OPEN}
    assert {one.needed.replicates for one in seen} == {2}


@given(st.integers(0, 1000), st.sets(st.integers(0, 71), min_size=1, max_size=12))
@settings(max_examples=20, deadline=None)
def test_failures_never_support(seed, failed):
    """A failed trial leaves a claim open, whatever the others say, until the study tolerates it."""
    found = measured(rising, seed=seed, failed=failed)
    assert {one.verdict for one in claims(found, study(INCREASES, below(1000.0)))} == {OPEN}


def test_a_tolerated_failure_is_left_out_with_its_replicate():
    """With completeness 0.9 one failure takes one replicate away from a trend."""
    found = measured(rising, failed={5})
    seen = verdict(found, INCREASES, completeness=0.9)
    assert seen.verdict is SUPPORTED
    assert "5 replicates" in seen.answer


@given(st.integers(0, 1000), st.sampled_from([1e-9, 0.25, 1e9]))
@settings(max_examples=20, deadline=None)
def test_units_do_not_change_a_verdict(seed, scale):
    """Values, limits and margins in another unit give the same p and verdict."""
    one = measured(better, sd=2.0, seed=seed)
    other = measured(lambda *at: better(*at) * scale, sd=2.0 * scale, seed=seed)
    first = claims(one, study(INCREASES, FLAT, exceeds("tuned", "plain", Margin(1.0, relative=False)), below(9.0)))
    second = claims(
        other, study(INCREASES, FLAT, exceeds("tuned", "plain", Margin(scale, relative=False)), below(9.0 * scale))
    )
    for left, right in zip(first, second, strict=True):
        assert left.verdict is right.verdict
        assert left.p == pytest.approx(right.p, rel=1e-6, abs=1e-12)


FOUR = (INCREASES, FLAT, exceeds("tuned", "plain", Margin(1.0, relative=False)), below(9.0))


@given(st.integers(0, 1000), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_the_order_of_trials_does_not_matter(seed, order):
    """Rows stored in another order give the same verdicts, and numbers equal but for rounding."""
    plain, shuffled = (claims(measured(better, sd=2.0, seed=seed, order=how), study(*FOUR)) for how in (None, order))
    assert [one.verdict for one in plain] == [one.verdict for one in shuffled]
    assert [one.p for one in plain] == pytest.approx([one.p for one in shuffled], rel=1e-9)
    assert [one.estimate for one in plain] == pytest.approx([one.estimate for one in shuffled], rel=1e-9)


@given(st.integers(0, 1000), st.sets(st.integers(0, 71), min_size=1, max_size=30), st.sampled_from([1.0, 0.5]))
@settings(max_examples=40, deadline=None)
def test_failures_never_improve_a_claim_below_what_was_declared(seed, failed, completeness):
    """Where fewer trials gave a value than the study asks for, no claim is supported."""
    wanted = study(*FOUR, completeness=completeness)
    n = len(measured(better, seed=seed))
    found = claims(measured(better, sd=0.5, seed=seed, failed=failed), wanted)
    if 1 - len(failed) / n < completeness:
        assert SUPPORTED not in [one.verdict for one in found]
    everything = claims(measured(better, sd=0.5, seed=seed, failed=set(range(n))), wanted)
    assert {one.verdict for one in everything} == {OPEN}


def test_an_open_claim_says_what_it_needs():
    """An open question comes with the smallest effect that would be seen and the replicates that would settle it."""
    open_ = verdict(measured(better, sd=8.0, replicates=4, seed=3), exceeds("tuned", "plain"))
    assert open_.verdict is OPEN
    assert open_.needed.replicates > 4
    assert open_.needed.smallest_effect > abs(open_.estimate)
    assert f"{open_.needed.replicates:,} replicates would settle it" in open_.answer


def at_random(mean, *, conditions=60, replicates=3, sd=0.2, seed=0):
    """Conditions drawn at random over `load` and `w`, both from 0 to 1."""
    rng = np.random.default_rng(seed)
    load, w = rng.random((2, conditions))
    n = conditions * replicates
    values = np.repeat([mean("", *at) for at in zip(load, w, strict=True)], replicates) + sd * rng.normal(size=n)
    return data(
        Measurements(
            run=1,
            number=range(1, n + 1),
            variant=[""] * n,
            replicate=np.tile(np.arange(replicates), conditions).tolist(),
            seed=[0] * n,
            status=["done"] * n,
            failure=[""] * n,
            factors={"load": np.repeat(load, replicates).tolist(), "w": np.repeat(w, replicates).tolist()},
            metrics={"y": values.tolist()},
        )
    )


def test_trends_and_flatness_over_drawn_conditions():
    """Where values were drawn the other factors are held by the additive model, and no replicates are asked for."""
    found = at_random(lambda arm, load, w: 10 + 2 * load - 5 * w)
    rises = verdict(found, INCREASES)
    assert rises.verdict is SUPPORTED
    assert "60 conditions x 3 replicates" in rises.answer
    assert verdict(found, DECREASES).verdict is verdict(found, FLAT).verdict is DENIED
    even = at_random(lambda arm, load, w: 10 + 2 * w)
    assert verdict(even, FLAT).verdict is SUPPORTED
    assert verdict(even, INCREASES).needed.replicates is None
    assert verdict(even, INCREASES).needed.smallest_effect > 0
    assert verdict(at_random(lambda arm, load, w: 10 + 2 * load, replicates=1), INCREASES).verdict is OPEN


def test_a_threshold_over_drawn_conditions_needs_a_grid():
    """Levels that met different settings are not compared with each other: the answer says what is missing."""
    threshold = Claim("y has a threshold in load", ClaimKind.THRESHOLD, "y", "load")
    found = verdict(at_random(lambda arm, load, w: 10 + 5 * (load > 0.5)), threshold)
    assert (found.verdict, found.p, found.needed.replicates) == (OPEN, None, None)
    assert "needs a grid over load" in found.answer


def test_a_fall_is_said_with_its_interval_the_same_way_round():
    """'falls by 7' is followed by 6.9 to 7.1, not by -7.1 to -6.9; what speaks against a claim is said to."""
    found = verdict(measured(lambda arm, load, w: 20 - load), INCREASES)
    assert found.verdict is DENIED
    assert found.interval.high < 0
    low, high = found.answer.split("% interval ")[1].split(" s;")[0].split(" to ")
    assert 0 < float(low) < float(high)
    assert "against it p < 0.001" in found.answer


def test_the_condition_that_decides_is_the_least_certain():
    """A limit is judged where it is least certain to be kept, which need not be the highest mean."""
    assert "in the least certain of 12 conditions" in verdict(measured(level), below(20.0)).answer


def test_one_level_needs_another_not_replicates():
    """Nothing changes with a factor of one level, however often it is measured."""
    one = verdict(at_random(lambda arm, load, w: 1.0), Claim("y increases with v", ClaimKind.INCREASES, "y", "load"))
    assert one.needed.replicates is None
    found = at_random(lambda arm, load, w: 10.0)
    found.measured.factors["load"][:] = [1.0] * len(found)
    single = verdict(data(found.measured), INCREASES)
    assert "load has one level" in single.answer
    assert single.needed.replicates is None
