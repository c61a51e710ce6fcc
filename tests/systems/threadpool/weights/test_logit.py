"""Weights from preferences: known ones are found, what cannot be known is said."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.errors import FairtrialError
from fairtrial.stats.interval import rate_interval
from fairtrial.systems.threadpool.weights.answer import answer, wald
from fairtrial.systems.threadpool.weights.logit import fit, ridge

NAMES = ("alpha", "beta", "gamma")
ROWS, SIZES = 150, 5
FIRST, SECOND = np.triu_indices(SIZES, 1)


def planted(rng, theta, rows=ROWS, scale=(1.0, 1.0, 1.0)):
    """Make preferences of rows that choose by terms . theta and Gumbel noise: differences (n, k) and rows (n,).

    Pairs of one row share their noise, and each is a conditional logit by itself.
    """
    terms = rng.normal(size=(rows, SIZES, len(theta))) * np.asarray(scale)
    worth = -terms @ (np.asarray(theta) / scale) + rng.gumbel(size=(rows, SIZES))
    differences = terms[:, SECOND] - terms[:, FIRST]
    sign = np.where(worth[:, FIRST] > worth[:, SECOND], 1.0, -1.0)
    return (differences * sign[:, :, None]).reshape(-1, len(theta)), np.repeat(np.arange(rows), len(FIRST))


def test_it_is_the_maximum_of_the_likelihood():
    """The scores are 0 there, and an independent optimiser finds the same."""
    from scipy.optimize import minimize

    rng = np.random.default_rng(0)
    d, row = planted(rng, (1.0, -0.5, 0.2))
    found = fit(d, row, rng=rng)
    best = minimize(lambda theta: np.logaddexp(0, -(d @ theta)).sum(), np.zeros(3), method="BFGS", tol=1e-9)
    assert found.theta == pytest.approx(best.x, abs=1e-4)
    assert (found.rank, found.separated, found.rows) == (3, False, ROWS)
    assert found.identified.all()
    assert ridge(d) == pytest.approx(found.theta, rel=1e-3)


def test_units_of_the_terms_do_not_matter():
    """A term a million times larger has a weight a million times smaller, and the same ratio's interval."""
    d, row = planted(np.random.default_rng(1), (1.0, 0.5, 0.2))
    here = fit(d, row, rng=np.random.default_rng(2))
    there = fit(d * (1.0, 1e6, 1e-6), row, rng=np.random.default_rng(2))
    assert there.theta * (1.0, 1e6, 1e-6) == pytest.approx(here.theta, rel=1e-9)
    assert there.draws * (1.0, 1e6, 1e-6) == pytest.approx(here.draws, rel=1e-6)
    assert there.condition == pytest.approx(here.condition, rel=1e-6)


def test_planted_weights_are_in_their_intervals():
    """Over 400 planted sets, nominal 95 %: the intervals of both ratios hold the truth, and the answer is yes.

    The bootstrap of 150 clusters of dependent pairs may fall short of its level by a little: 2 points at most.
    """
    theta, names, repeats = np.array([0.8, 0.4, 0.16]), NAMES, 400
    truth, covered, yes = theta[1:] / theta[0], np.zeros(2, dtype=int), 0
    for repeat in range(repeats):
        rng = np.random.default_rng([3, repeat])
        d, row = planted(rng, theta, scale=(500.0, 30.0, 2000.0))
        scaled = truth * np.array([500 / 30, 500 / 2000])
        said = answer(fit(d, row, rng=rng), names, pairs=len(d), alpha=0.05)
        yes += said.verdict == "yes"
        covered += [ratio.low <= true <= ratio.high for ratio, true in zip(said.ratios, scaled, strict=True)]
    for count in covered:
        assert rate_interval(int(count), repeats)[1] >= 0.95
        assert rate_interval(int(count), repeats)[0] >= 0.9
    assert rate_interval(yes, repeats)[1] > 0.97


def test_on_noise_the_answer_is_no():
    """Over 1,000 sets without weights: Wald's test has its level, and no set gets a yes beyond it."""
    found, yes, repeats = 0, 0, 1000
    for repeat in range(repeats):
        rng = np.random.default_rng([4, repeat])
        d, row = planted(rng, (0.0, 0.0, 0.0), rows=80)
        fitted = fit(d, row, rng=rng)
        found += wald(fitted) <= 0.05
        yes += answer(fitted, NAMES, pairs=len(d), alpha=0.05).verdict != "no"
    assert rate_interval(found, repeats)[0] <= 0.05
    assert rate_interval(yes, repeats)[0] <= 0.05


def test_terms_that_move_in_step_are_not_told_apart():
    """Gamma's term is five times beta's: alpha stands, the others do not, and the reason is said."""
    rng = np.random.default_rng(5)
    d, row = planted(rng, (1.0, 0.5, 0.0))
    d[:, 2] = 5 * d[:, 1]
    found = fit(d, row, rng=rng)
    assert (found.rank, found.condition) == (2, np.inf)
    assert found.identified.tolist() == [True, False, False]
    assert found.theta[0] == pytest.approx(1.0, abs=0.3)
    assert np.isnan(found.theta[1:]).all()
    assert found.flat.shape == (1, 3)
    assert d @ found.flat[0] == pytest.approx(0.0, abs=1e-9)
    said = answer(found, NAMES, pairs=len(d), alpha=0.05)
    assert said.verdict == "no"
    assert "gamma is not identified, its term moves in step with that of beta" in said.sentence
    assert ridge(d) @ np.array([1, 1, 5]) == pytest.approx(found.theta[0] + 0.5, abs=0.3)


def test_a_term_that_is_always_the_same():
    """The first weight is not identified: nothing can be divided by it. Of the others the rest is still known."""
    rng = np.random.default_rng(6)
    d, row = planted(rng, (1.0, 0.5, 0.3))
    flat = d * (0.0, 1.0, 1.0)
    said = answer(fit(flat, row, rng=rng), NAMES, pairs=len(d), alpha=0.05)
    assert said.verdict == "no"
    assert said.sentence == "No: alpha is not identified, its term is the same for all sizes that were told apart."
    some = answer(fit(d * (1.0, 1.0, 0.0), row, rng=rng), NAMES, pairs=len(d), alpha=0.05)
    assert some.verdict == "partly"
    assert some.ratios[0].value == pytest.approx(0.5, abs=0.3)
    assert some.ratios[1].value is None


def test_a_weight_below_zero_is_none_of_a_cost():
    """Idle workers were better: the ratio is told, and that it is no cost."""
    rng = np.random.default_rng(7)
    d, row = planted(rng, (1.0, 0.5, -0.5))
    said = answer(fit(d, row, rng=rng), NAMES, pairs=len(d), alpha=0.05)
    assert said.verdict == "partly"
    assert "gamma/alpha: below 0" in said.sentence
    against, row = planted(rng, (-1.0, 0.5, 0.5))
    said = answer(fit(against, row, rng=rng), NAMES, pairs=len(d), alpha=0.05)
    assert said.verdict == "no"
    assert "alpha is below 0: the better size had the larger term" in said.sentence


def test_separation_is_noticed():
    """Weights that tell all pairs rightly have no largest likelihood: the bounds of the ratios are told instead."""
    rng = np.random.default_rng(8)
    terms = rng.normal(size=(400, 2))
    d = terms * np.sign(terms @ (1.0, 0.5))[:, None]
    found = fit(d, np.arange(400), rng=rng)
    assert found.separated
    assert found.settled >= 398
    low, high = found.bounds[1]
    assert low <= 0.5 <= high
    assert high - low < 0.2
    said = answer(found, ("alpha", "beta"), pairs=400, alpha=0.05)
    assert said.verdict == "no"
    assert "some weights contradict none of 400 preferences" in said.sentence
    assert (said.ratios[0].low, said.ratios[0].high) == (low, high)
    assert ridge(d)[1] / ridge(d)[0] == pytest.approx(0.5, abs=0.15)


def test_separation_against_the_first_term():
    """Where only a weight below 0 contradicts nothing, no ratio does."""
    rng = np.random.default_rng(10)
    d = np.stack([-rng.uniform(1, 2, 50), rng.uniform(-1, 1, 50)], axis=1)
    d[:2, 1] = 0.0
    found = fit(d, np.arange(50), rng=rng)
    assert found.separated
    assert np.isnan(found.bounds[1]).all()
    said = answer(found, ("alpha", "beta"), pairs=50, alpha=0.05).sentence
    assert "beta/alpha has no estimate, but no value with alpha above 0 contradicts nothing" in said


def test_separation_of_some_pairs():
    """One term is never against: its weight is infinite, though the other term is noise."""
    rng = np.random.default_rng(9)
    d = np.stack([np.zeros(100), rng.choice([-1.0, 1.0], 100)], axis=1)
    d[:5, 0] = 1.0
    found = fit(d, np.arange(100), rng=rng)
    assert found.settled == 5
    assert found.bounds[1].tolist() == [0.0, 0.0]
    assert np.isfinite(ridge(d)).all()


def test_nothing_to_fit():
    """No pair, or a number that is none."""
    rng = np.random.default_rng(0)
    with pytest.raises(FairtrialError, match="at least one pair"):
        fit(np.empty((0, 3)), np.empty(0, dtype=int), rng=rng)
    with pytest.raises(FairtrialError, match="finite"):
        ridge(np.array([[np.nan, 1.0]]))
