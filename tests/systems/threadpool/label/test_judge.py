"""Best sets, regret and labels: the true best stays in, worse sizes go, and nothing is said without replicates."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.stats.best import contest
from fairtrial.stats.interval import rate_interval
from fairtrial.systems.threadpool.label.judge import judge
from fairtrial.systems.threadpool.simulate.run import run
from fairtrial.systems.threadpool.words import SIZES, Arrivals, Duration, Machine, Pool, Workload
from fairtrial.systems.threadpool.workload.draw import draw


def noisy(rng, shape, *, own=0.1, shared=0.3):
    """Log p95 without any effect of the size; replicates share what their tasks do to every size."""
    rows, _, replicates = shape
    return own * rng.normal(size=shape) + shared * rng.normal(size=(rows, 1, replicates))


def test_the_true_best_stays(made):
    """Where one size is better than all others the set leaves it out in at most 5 % of 1,000 rows."""
    logs = noisy(np.random.default_rng(0), (1000, 7, 5))
    logs[:, 3] -= 0.1
    out = sum(8 not in label.best for label in judge(made(logs)))
    assert rate_interval(out, 1000)[0] <= 0.05


def test_equal_sizes_stay_together(made):
    """Where none is better a single one is left in at most 5 % of 1,000 rows."""
    labels = judge(made(noisy(np.random.default_rng(1), (1000, 7, 5))))
    assert rate_interval(sum(len(label.best) == 1 for label in labels), 1000)[0] <= 0.05


def test_worse_sizes_go(made):
    """Twice the p95 is told in 99 of 100 rows, whatever replicates share; the label is the smallest of the rest."""
    logs = noisy(np.random.default_rng(2), (400, 7, 5), shared=2.0)
    logs[:, :2] += np.log(2)
    labels = judge(made(logs))
    assert np.mean([not {1, 2} & set(label.best) for label in labels]) > 0.99
    assert all(label.smallest == min(label.best) for label in labels)


def test_numbers(made):
    """Means are over replicates, with Student's interval; regret is the mean over the lowest one, less 1."""
    p95 = np.array([[[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [9.0, 9.0, 9.0]]])
    (label,) = judge(made(np.log(p95), unstable=np.array([[False, False, True]])))
    np.testing.assert_allclose(label.mean_s, [2, 4, np.nan])
    np.testing.assert_allclose(label.high_s[:2], [2 + 4.302653 / 3**0.5, 4 + 2 * 4.302653 / 3**0.5], rtol=1e-6)
    np.testing.assert_allclose(label.low_s[:2], [0, 0])
    np.testing.assert_allclose(label.regret, [0, 1, np.inf])
    assert label.best == (1,)


def test_unstable_is_out(made):
    """An unstable size is never in the set and has infinite regret; where all are, there is no label."""
    logs = noisy(np.random.default_rng(3), (2, 7, 5))
    unstable = np.zeros((2, 7), bool)
    unstable[0, :3] = unstable[1] = True
    some, none = judge(made(logs, unstable=unstable))
    assert not {1, 2, 4} & set(some.best)
    assert np.isposinf(some.regret[:3]).all()
    assert np.isfinite(some.regret[3:]).all()
    assert (none.best, none.smallest) == ((), None)
    assert np.isposinf(none.regret).all()


def test_one_replicate(made):
    """With one replicate there is no verdict: no set, no label, no interval; means and regrets are told."""
    (label,) = judge(made(noisy(np.random.default_rng(4), (1, 7, 1))))
    assert (label.best, label.smallest) == ((), None)
    assert np.isnan(label.low_s).all()
    assert np.isnan(label.high_s).all()
    assert (np.isfinite(label.mean_s).all(), label.regret.min()) == (True, 0.0)


def test_missing_is_missing(made):
    """A size of one replicate or none is in no set; one whose failed trial was an easy one is not held for worse."""
    logs = np.log(np.array([[[1.0, 8.0, 1.1], [1.0, 8.0, 1.1], [0.1, 0.1, 0.1], [0.1, 0.1, 0.1]]]))
    logs[0, 1, 0] = logs[0, 2, 1:] = np.nan
    logs[0, 3] = np.nan
    (label,) = judge(made(logs))
    assert not {4, 8} & set(label.best)
    assert {1, 2} == set(label.best)
    assert np.isnan(label.regret[3])
    logs[0, 2] = np.nan
    (label,) = judge(made(logs))
    np.testing.assert_allclose(label.regret[:2], 0.0)


def test_nothing_measured(made):
    """A row all of whose trials failed has no label and no numbers."""
    (label,) = judge(made(np.full((1, 7, 5), np.nan)))
    assert label.best == ()
    assert np.isnan(label.regret).all()
    assert np.isnan(label.mean_s).all()


def test_no_rows(made):
    """No rows, no labels."""
    assert judge(made(np.empty((0, 7, 5)))) == ()


def test_the_same_in_any_unit(made):
    """Seconds or milliseconds: the sets are the same."""
    logs = noisy(np.random.default_rng(5), (40, 7, 5)) + 0.1 * np.arange(7)[:, None]
    units = (judge(made(logs)), judge(made(logs + np.log(1000))))
    assert [label.best for label in units[0]] == [label.best for label in units[1]]


def pools(count: int, tasks: int, seed: int):
    """Log p95 of `count` runs of one simulated pool, each on tasks of its own."""
    workload = Workload(arrivals=Arrivals(rate_per_s=6000), cpu=Duration(kind="exponential", mean_us=1000))
    drawn = (draw(workload, tasks, lambda name, k=k: np.random.default_rng([seed, k, len(name)])) for k in range(count))
    records = (run(one, Machine(cores=8), Pool(workers=8)) for one in drawn)
    return np.log([np.quantile(one.latency_s[tasks // 10 :], 0.95) for one in records])


def test_identical_arms_on_common_seeds(made):
    """Two pools of the same size on the same tasks do not differ at all: nothing is told in any of 200 repeats."""
    one = pools(1000, 300, 0).reshape(200, 1, 5)
    labels = judge(made(np.concatenate([one, one], axis=1)))
    assert all(label.best == (1, 2) for label in labels)
    assert all((label.regret == 0).all() for label in labels)


def test_identical_arms_on_seeds_of_their_own(made):
    """Two pools of the same size on different tasks: at most 5 % of 200 repeats tell them apart."""
    labels = judge(made(pools(2000, 300, 1).reshape(200, 2, 5)))
    assert rate_interval(sum(len(label.best) < 2 for label in labels), 200)[0] <= 0.05


@pytest.mark.long
def test_identical_arms_on_seeds_of_their_own_at_length(made):
    """The same with 2,000 repeats of 2,000 tasks: at least 94 % say nothing."""
    labels = judge(made(pools(20_000, 2000, 2).reshape(2000, 2, 5)))
    quiet = sum(len(label.best) == 2 for label in labels)
    assert rate_interval(quiet, 2000)[1] >= 0.95
    assert quiet >= 0.94 * 2000


def test_pairs_are_judged_on_log_p95(made):
    """The sets are those of `stats.best.contest` on the logarithms: common random numbers make them nearly additive."""
    rng = np.random.default_rng(6)
    logs = noisy(rng, (60, 7, 5), shared=1.5) + 0.15 * rng.normal(size=(60, 7, 1))
    labels = judge(made(logs))
    told = [contest(-row, alpha=0.05).told.tolist() for row in logs]
    assert [[size not in label.best for size in SIZES] for label in labels] == told
    plain = [contest(-np.exp(row), alpha=0.05).told.tolist() for row in logs]
    assert sum(map(sum, plain)) < sum(map(sum, told)), "on the plain scale shared noise hides differences"
