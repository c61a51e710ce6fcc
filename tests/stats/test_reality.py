"""Who is told from the leader: error rates when the leader was picked by the same numbers, power, symmetries."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from fairtrial.errors import FairtrialError
from fairtrial.stats.reality import told_apart


def drawn(rng, count, blocks, kind):
    """Draw equally good configurations; sums and counts."""
    if kind == "shared":
        counts = rng.poisson(3, (count, blocks))
        noise = rng.normal(size=(count, blocks)) * 3 * np.linspace(0.5, 2, count)[:, None]
        return counts * rng.normal(size=blocks) + noise * np.sqrt(counts), counts.astype(float)
    if kind == "uneven":
        counts = rng.negative_binomial(0.7, 0.15, (count, blocks))
    else:
        counts = rng.poisson(0.4 if kind == "sparse" else 2.5, (count, blocks))
    if kind == "heavy tails":
        return np.vectorize(lambda n: rng.standard_t(3, n).sum())(counts), counts.astype(float)
    gains = rng.binomial(counts, 1 / 3)
    return 12.0 * gains - 4.0 * counts, counts.astype(float)


def told(kind, count, blocks, repeats):
    """Return in how many data sets any configuration is told from the one with the highest mean."""
    rng = np.random.default_rng([0, count, blocks])
    hits = 0
    for _ in range(repeats):
        sums, counts = drawn(rng, count, blocks, kind)
        total = counts.sum(axis=1)
        mean = np.where(total > 0, sums.sum(axis=1) / np.maximum(total, 1), -np.inf)
        hits += told_apart(sums, counts, leader=int(np.argmax(mean)), alpha=0.05, rng=rng).any()
    return hits


def at_most(hits, repeats, nominal):
    """Say whether the lower Clopper-Pearson bound of a rate is at most the nominal one."""
    return not hits or scipy.stats.beta.ppf(0.025, hits, repeats - hits + 1) <= nominal


def test_errors_in_short():
    """200 repeats, ten sparse configurations."""
    assert at_most(told("sparse", 10, 20, 200), 200, 0.05)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["barriers", "sparse", "uneven", "shared", "heavy tails"])
@pytest.mark.parametrize(("count", "blocks"), [(2, 20), (10, 10), (10, 40), (40, 20)])
def test_errors(kind, count, blocks):
    """1,000 repeats of equally good configurations: in at most 5 % any is told from the luckiest."""
    assert at_most(told(kind, count, blocks, 1000), 1000, 0.05)


def test_two_are_told_by_flipping_signs():
    """Beside the exact test, all signs of the differences of twelve blocks: hardly ever told without it, rarely not."""
    from fairtrial.stats.resample import sign_flip

    rng = np.random.default_rng(0)
    more, less = 0, 0
    for _ in range(60):
        sums = rng.normal(size=(2, 12)) + np.array([[0.8], [0.0]])
        leader = int(np.argmax(sums.sum(axis=1)))
        exact = 2 * sign_flip(sums[leader] - sums[1 - leader], rng=rng) <= 0.05
        found = told_apart(sums, np.ones((2, 12)), leader=leader, alpha=0.05, rng=rng)[1 - leader]
        more, less = more + (found and not exact), less + (exact and not found)
    assert more <= 1
    assert less <= 8


def test_a_worse_one_is_told():
    """Half of a block's spread worse, as noisy as the rest but for what all share: told in nearly all of 40 samples."""
    hits = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        sums = 5 * rng.normal(size=40) + 0.5 * rng.normal(size=(12, 40))
        sums[3:6] -= 0.5
        sums[0] += 0.25
        found = told_apart(sums, np.ones((12, 40)), leader=0, alpha=0.05, rng=rng)
        assert not found[0]
        hits += found[3:6].all()
    assert hits >= 36


def test_few_trades_tell_nothing():
    """One trade, however bad, is no evidence; nor is a leader of one trade."""
    rng = np.random.default_rng(0)
    sums, counts = rng.normal(size=(3, 30)), np.ones((3, 30))
    sums[1], counts[1] = 0, 0
    sums[1, 4], counts[1, 4] = -100, 1
    assert not told_apart(sums, counts, leader=0, alpha=0.05, rng=rng)[1]
    sums[1, 4] = 100
    assert not told_apart(sums, counts, leader=1, alpha=0.05, rng=rng).any()


def test_units_order_and_copies():
    """Other units and another order change nothing; a copy of the leader stays, one without trades is not told."""
    sums, counts = drawn(np.random.default_rng(3), 6, 40, "barriers")
    sums[4] -= 9 * counts[4]
    found = told_apart(sums, counts, leader=0, alpha=0.1, rng=np.random.default_rng(0))
    assert found.tolist() == [False, False, False, False, True, False]
    assert (told_apart(1e6 * sums, counts, leader=0, alpha=0.1, rng=np.random.default_rng(0)) == found).all()
    order = np.array([4, 2, 0, 1, 5, 3])
    moved = told_apart(sums[order], counts[order], leader=2, alpha=0.1, rng=np.random.default_rng(0))
    assert (moved == found[order]).all()
    more = told_apart(
        np.vstack([sums, sums[0], 0 * sums[0]]), np.vstack([counts, counts[0], 0 * counts[0]]),
        leader=0, alpha=0.1, rng=np.random.default_rng(0),
    )  # fmt: skip
    assert more.tolist() == [*found.tolist(), False, False]


def test_alone_or_without_trades():
    """Nothing is told from a leader without trades, or where there is nobody else."""
    one = np.ones((1, 5))
    assert told_apart(one, one, leader=0, alpha=0.05, rng=np.random.default_rng(0)).tolist() == [False]
    sums, counts = np.ones((2, 5)), np.array([[0.0] * 5, [1.0] * 5])
    assert not told_apart(sums, counts, leader=0, alpha=0.05, rng=np.random.default_rng(0)).any()


@pytest.mark.parametrize(
    ("sums", "counts", "leader"),
    [
        (np.ones(3), np.ones(3), 0),
        (np.ones((2, 3)), np.ones((2, 2)), 0),
        (np.ones((2, 3)), -np.ones((2, 3)), 0),
        (np.ones((2, 3)), np.ones((2, 3)), 2),
        (np.full((2, 3), np.nan), np.ones((2, 3)), 0),
    ],
)
def test_what_is_wrong_is_refused(sums, counts, leader):
    """Shapes, negative counts, NaN, a leader that is not there."""
    with pytest.raises(FairtrialError):
        told_apart(sums, counts, leader=leader, alpha=0.05, rng=np.random.default_rng(0))
