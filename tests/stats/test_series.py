"""Intervals of a mean over blocks of time: coverage where others fall short, symmetries, what cannot be known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from fairtrial.errors import FairtrialError
from fairtrial.stats.series import block_interval, merged, run_length


def trades(rng, blocks, kind):
    """Draw sums and counts of blocks; the true mean of a trade is 0."""
    if kind == "uneven":
        counts = rng.negative_binomial(0.7, 0.15, blocks)
    else:
        counts = rng.poisson(0.4 if kind == "sparse" else 3, blocks)
    draw = {
        "normal": lambda n: rng.normal(0, 4, n),
        "barriers": lambda n: rng.choice([8.0, -4.0], n, p=[1 / 3, 2 / 3]),
        "sparse": lambda n: rng.choice([8.0, -4.0], n, p=[1 / 3, 2 / 3]),
        "uneven": lambda n: rng.choice([8.0, -4.0], n, p=[1 / 3, 2 / 3]),
        "rare gains": lambda n: rng.choice([18.0, -2.0], n, p=[0.1, 0.9]),
        "heavy tails": lambda n: rng.standard_t(3, n),
        "lognormal": lambda n: rng.lognormal(0, 1, n) - math.exp(0.5),
        "dependent": lambda n: rng.normal(0, 3, n),
    }[kind]
    sums = np.array([draw(count).sum() for count in counts])
    if kind == "dependent":
        state = rng.normal(size=blocks + 50)
        for at in range(1, len(state)):
            state[at] += 0.3 * state[at - 1]
        sums = sums + 2 * counts * state[50:]
    return sums, counts.astype(float)


def covered(kind, blocks, repeats):
    """Return how often the 95 % interval holds 0, and of how many samples that have trades."""
    rng = np.random.default_rng([0, blocks])
    hits = total = 0
    for _ in range(repeats):
        sums, counts = trades(rng, blocks, kind)
        if counts.any():
            low, high = block_interval(sums, counts, rng=rng)
            hits, total = hits + (low <= 0 <= high), total + 1
    return hits, total


KINDS = ["normal", "barriers", "sparse", "uneven", "rare gains", "heavy tails", "lognormal", "dependent"]


def reaches(hits, total, nominal):
    """Say whether the upper Clopper-Pearson bound of a rate reaches the nominal one."""
    return hits == total or scipy.stats.beta.ppf(0.975, hits + 1, total - hits) >= nominal


@pytest.mark.parametrize("kind", ["barriers", "dependent"])
def test_coverage_in_short(kind):
    """200 repeats of 20 blocks."""
    assert reaches(*covered(kind, 20, 200), 0.95)


@pytest.mark.long
@pytest.mark.parametrize("blocks", [10, 20, 40, 80])
@pytest.mark.parametrize("kind", KINDS)
def test_coverage(kind, blocks):
    """1,000 repeats: few, sparse, uneven, skewed, heavy-tailed and dependent blocks are covered at the nominal rate.

    Lognormal trades, which barriers do not let happen, and strong dependence are held to 93 %: no interval reaches 95 %
    there with so few blocks.
    """
    nominal = 0.93 if kind in ("lognormal", "dependent") else 0.95
    assert reaches(*covered(kind, blocks, 1000), nominal)


def test_it_is_close_to_student_where_student_is_right():
    """One normal trade a block, runs of one: the width of the t interval, within a tenth."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=60)
    low, high = block_interval(values, np.ones(60), run=1, rng=rng)
    theory = scipy.stats.t.interval(0.95, 59, values.mean(), values.std(ddof=1) / math.sqrt(60))
    assert (low + high) / 2 == pytest.approx(values.mean())
    assert high - low == pytest.approx(theory[1] - theory[0], rel=0.1)


def test_units_and_blocks_without_trades():
    """Other units scale it; blocks in which nothing happened take part."""
    rng = np.random.default_rng(0)
    sums, counts = trades(rng, 40, "sparse")
    low, high = block_interval(sums, counts, rng=np.random.default_rng(1))
    assert block_interval(1000 * sums, counts, rng=np.random.default_rng(1)) == pytest.approx((1000 * low, 1000 * high))
    alone = block_interval(sums[counts > 0], counts[counts > 0], rng=np.random.default_rng(1))
    assert alone != pytest.approx((low, high), rel=0.01)


@pytest.mark.parametrize(
    ("sums", "counts"),
    [
        ([], []),
        ([1.0, 2.0], [1, 1]),
        ([0.0] * 40, [0] * 40),
        ([1.0] + [0.0] * 39, [1] + [0] * 39),
        ([-4.0] * 9, [1] * 9),
    ],
)
def test_what_is_not_known_is_infinite(sums, counts):
    """No blocks, two, none or one with trades, and results that do not vary."""
    found = block_interval(np.array(sums), np.array(counts, dtype=float), run=1, rng=np.random.default_rng(0))
    assert found[0] == -math.inf
    assert found[1] == math.inf


@pytest.mark.parametrize(
    ("sums", "counts", "more"),
    [
        ([math.nan] * 9, [1.0] * 9, {}),
        ([1.0] * 9, [-1.0] * 9, {}),
        ([1.0] * 9, [1.0] * 8, {}),
        ([1.0] * 9, [1.0] * 9, {"level": 1.0}),
    ],
)
def test_what_is_wrong_is_refused(sums, counts, more):
    """NaN, negative counts, unequal lengths, a level of 1."""
    with pytest.raises(FairtrialError):
        block_interval(np.array(sums), np.array(counts), rng=np.random.default_rng(0), **more)


def test_runs():
    """Their length is the cube root, rounded up; sums over neighbours keep the whole."""
    assert [run_length(blocks) for blocks in (0, 1, 8, 9, 27, 40, 64, 65)] == [1, 1, 2, 3, 3, 4, 4, 5]
    assert merged(np.arange(7.0), 3).tolist() == [3, 12, 6]
    assert merged(np.arange(8.0).reshape(2, 4), 2).tolist() == [[1, 5], [9, 13]]
    assert merged(np.empty(0), 2).tolist() == []
