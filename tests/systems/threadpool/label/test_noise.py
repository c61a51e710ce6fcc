"""The noise gate: closed on null data, open on planted effects, with a share whose interval holds the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fairtrial.stats.interval import rate_interval
from fairtrial.systems.threadpool.label.judge import judge
from fairtrial.systems.threadpool.label.noise import noise

REPEATS = 1000


def null(rng, rows: int, kind: str):
    """Log p95 without an effect of the size."""
    noise = rng.normal(size=(rows, 7, 5))
    if kind == "rows":
        noise *= np.exp(rng.normal(size=(rows, 1, 1)))
    if kind == "shared":
        noise = 0.5 * noise + rng.normal(size=(1, 7, 5))
    if kind == "tails":
        noise = rng.standard_t(3, size=noise.shape)
    return 0.1 * noise + rng.normal(size=(rows, 1, 1)) + 0.3 * rng.normal(size=(rows, 1, 5))


@pytest.mark.parametrize("kind", ["plain", "rows", "shared", "tails"])
def test_closed_on_null_data(kind, made):
    """At most 5 % of 1,000 null studies pass: rows of unequal noise, rows that share it, and heavy tails included."""
    rng = np.random.default_rng(0)
    found = [noise(made(null(rng, 20, kind)), repeats=200) for _ in range(REPEATS)]
    passed = sum(not one.indistinguishable for one in found)
    assert rate_interval(passed, REPEATS)[0] <= 0.05
    assert sum(one.passed(0.1) for one in found) <= passed


def test_closed_on_null_data_with_gaps(made):
    """The same where small sizes are unstable in some rows and some trials failed."""
    rng, passed = np.random.default_rng(1), 0
    for _ in range(REPEATS):
        logs = null(rng, 20, "rows")
        logs[rng.random(logs.shape) < 0.01] = np.nan
        unstable = np.arange(7) < rng.integers(0, 6, (20, 1))
        passed += not noise(made(logs, unstable=unstable), repeats=200).indistinguishable
    assert rate_interval(passed, REPEATS)[0] <= 0.05


def test_open_on_effects(made):
    """Sizes that differ by 10 % (sd) with replicates of 10 % pass in all of 400 studies; the share is one half."""
    rng = np.random.default_rng(2)
    found = [noise(made(null(rng, 20, "plain") + 0.1 * rng.normal(size=(20, 7, 1))), repeats=200) for _ in range(400)]
    assert all(one.passed(0.1) for one in found)
    assert np.mean([one.between_share for one in found]) == pytest.approx(0.5, abs=0.01)
    held = sum(one.low <= 0.5 <= one.high for one in found)
    assert rate_interval(held, 400)[1] >= 0.95


def test_one_row_of_five_is_enough(made):
    """A size 30 % worse in one row of five is found in 400 of 400 studies, though four rows have no effect."""
    rng = np.random.default_rng(3)
    effect = np.zeros((20, 7, 1))
    effect[::5, 0] = math.log(1.3)
    opened = sum(not noise(made(null(rng, 20, "plain") + effect), repeats=200).indistinguishable for _ in range(400))
    assert rate_interval(opened, 400)[1] >= 0.99


def test_share_where_rows_differ(made):
    """Where most effects are in few rows, the interval holds the share over all such rows in 85 % of studies."""
    rng, held = np.random.default_rng(4), 0
    for _ in range(200):
        effect = 0.1 * rng.normal(size=(40, 7, 1)) * rng.exponential(size=(40, 1, 1))
        found = noise(made(null(rng, 40, "plain") + effect), repeats=200)
        held += found.low <= 2 / 3 <= found.high
    assert rate_interval(held, 200)[1] >= 0.85


def test_blocks_are_no_noise(made):
    """What a replicate adds to all sizes changes nothing."""
    rng = np.random.default_rng(5)
    logs = null(rng, 12, "plain")
    moved = noise(made(logs + 5 * rng.normal(size=(12, 1, 5))))
    plain = noise(made(logs))
    assert (moved.f, moved.between_share) == pytest.approx((plain.f, plain.between_share))


def test_by_hand(made):
    """One row of two sizes and three replicates: F is the square of the paired t, the share that of ICC(C,1)."""
    logs = np.array([[[0.0, 0.1, 0.2], [0.3, 0.5, 0.4]]])
    found = noise(made(logs, sizes=(1, 2)))
    d = logs[0, 1] - logs[0, 0]
    t = d.mean() / (d.std(ddof=1) / math.sqrt(3))
    assert found.f == pytest.approx(t**2)
    assert found.between_share == pytest.approx((t**2 - 1) / (t**2 + 2))
    assert (found.rows, found.cells, found.replicates) == (1, 2, 3)


def test_gaps_are_left_out(made):
    """A size with a missing replicate, an unstable one, and a row with one size left do not count."""
    logs = null(np.random.default_rng(6), 3, "plain")
    logs[0, 2, 1] = np.nan
    unstable = np.zeros((3, 7), bool)
    unstable[1, :6] = unstable[2, :2] = True
    found = noise(made(logs, unstable=unstable))
    assert (found.rows, found.cells, found.replicates) == (2, 6 + 5, 5)


def test_a_replicate_that_few_have(made):
    """A sixth replicate of some rows does not throw out the others."""
    logs = null(np.random.default_rng(7), 12, "plain")
    more = np.concatenate([logs, np.full((12, 7, 1), np.nan)], axis=2)
    more[:3, :, 5] = 0.0
    assert noise(made(more)) == noise(made(logs))


@pytest.mark.parametrize("logs", [np.zeros((3, 7, 1)), np.full((3, 7, 5), np.nan), np.empty((0, 7, 5))])
def test_nothing_to_tell_from(logs, made):
    """One replicate, failures only, or no rows: the gate is closed, nothing is detectable, the share is undefined."""
    found = noise(made(logs))
    assert found.indistinguishable
    assert not found.passed(0.0)
    assert (math.isnan(found.between_share), math.isinf(found.detectable), found.rows) == (True, True, 0)


def test_no_noise_at_all(made):
    """Without noise, sizes that differ pass and sizes that do not stay closed."""
    flat, steep = noise(made(np.ones((3, 7, 5)))), noise(made(np.ones((3, 7, 5)) * np.arange(7)[:, None]))
    assert (flat.indistinguishable, flat.between_share) == (True, 0.0)
    assert (steep.passed(0.99), steep.between_share, math.isinf(steep.f)) == (True, 1.0, True)
    assert steep.detectable == 0


def test_detectable(made):
    """A size that is worse than the best by what is detectable goes in 65 % of rows or more; by half of it, in less."""
    rng = np.random.default_rng(8)
    least = noise(made(null(rng, 300, "plain"))).detectable
    gone = []
    for worse in (least, math.sqrt(1 + least) - 1):
        logs = null(rng, 400, "plain")
        logs[:, 6] += math.log1p(worse)
        logs[:, 1:6] += 10.0
        gone.append(np.mean([64 not in label.best for label in judge(made(logs))]))
    assert 0.65 < gone[0] < 0.95
    assert gone[1] < 0.4


def test_more_replicates_detect_less(made):
    """Four times the replicates detect less than half."""
    rng = np.random.default_rng(9)
    found = [noise(made(0.1 * rng.normal(size=(300, 7, count)))).detectable for count in (5, 20)]
    assert found[1] < found[0] / 2
