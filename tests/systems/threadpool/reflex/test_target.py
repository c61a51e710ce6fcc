"""What is learned from and scored with: halves, means, targets without noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fairtrial.systems.threadpool.label.record import Labelled
from fairtrial.systems.threadpool.reflex.target import LOG_CAP, digest, halves, means, subset, targets, usable


def rows_of(p95_s, stable=None):
    p95_s = np.array(p95_s, dtype=float)
    rows, sizes, _ = p95_s.shape
    stable = np.ones((rows, sizes), dtype=bool) if stable is None else np.array(stable)
    return Labelled(
        np.arange(rows), np.zeros((rows, 10)), np.zeros(rows, dtype=np.int64), tuple(range(1, sizes + 1)), p95_s, stable
    )


@pytest.mark.parametrize(("count", "apart"), [(1, False), (3, False), (4, True), (5, True)])
def test_replicates_that_name_the_best_do_not_score(planted, count, apart):
    """From four replicates on one half names the best size and the other scores; below, all do both."""
    split = halves(planted(10, count))
    assert split.apart is apart
    assert sorted({*split.naming, *split.scoring}) == list(range(count))


def test_a_mean_takes_replicates_that_all_stable_sizes_have():
    """A replicate that one stable size lacks is left out for all; unstable is infinite; nothing whole is NaN."""
    found = means(
        rows_of([[[1, 2, 3], [4, np.nan, 6]], [[np.nan] * 3, [1, 2, 3]]], [[True, True], [False, True]]), [0, 1, 2]
    )
    assert found.tolist() == [[2, 5], [np.inf, 2]]
    assert np.isnan(means(rows_of([[[1, 2], [4, np.nan]]]), [1])).all()


def test_rows_without_a_choice_or_a_measurement_are_not_usable():
    """No stable size, or a half without a whole replicate: the row is left out."""
    good = [[1, 1, 1, 1], [2, 2, 2, 2]]
    lame = [[1, np.nan, 1, np.nan], [2, 2, 2, 2]]
    labelled = rows_of([good, lame, [[np.nan] * 4] * 2], [[True, True], [True, True], [False, False]])
    assert usable(labelled).tolist() == [0]


def test_a_target_is_the_log_ratio_to_the_best_up_to_the_cap():
    """Without noise a target is exact; unstable sizes and huge ratios take the cap."""
    labelled = rows_of([[[1, 1], [2, 2], [100, 100], [np.nan, np.nan]]], [[True, True, True, False]])
    assert targets(labelled, [0, 1])[0] == pytest.approx([0, np.log(2), LOG_CAP, LOG_CAP])


def test_a_row_without_a_stable_size_has_no_target():
    """Nothing is learned where there is nothing to choose."""
    assert np.isnan(targets(rows_of([[[np.nan], [np.nan]]], [[False, False]]), [0])).all()


def test_noise_is_not_learned(equal, planted):
    """Targets of sizes that cannot be told apart are drawn to one value; clear differences stay as they are."""
    noise, clear = equal(400), planted(400, noise=0.001)
    raw = np.log(means(noise, range(5)))
    raw -= raw.min(axis=1, keepdims=True)
    drawn = targets(noise, range(5))
    assert drawn.mean() < 0.4 * raw.mean()
    assert (drawn.max(axis=1) == 0).mean() > 0.4
    exact = np.log(means(clear, range(5)))
    exact = np.minimum(exact - exact.min(axis=1, keepdims=True), LOG_CAP)
    assert np.abs(targets(clear, range(5)) - exact).max() < 0.001


def test_what_a_replicate_does_to_all_sizes_is_no_noise(planted):
    """Common random numbers: a hard replicate moves all sizes alike and leaves the targets alone."""
    labelled = planted(50, 4)
    harder = replace(labelled, p95_s=labelled.p95_s * np.array([1, 3, 0.2, 5]))
    spread = np.abs(targets(harder, range(4)) - targets(labelled, range(4)))
    assert spread.max() < 0.1


def test_the_digest_sees_every_number(planted):
    """Another feature, label, row or order of rows is other training data."""
    labelled = planted(20)
    other = labelled.p95_s.copy()
    other[3, 6, 2] += 1e-12
    found = {digest(labelled), digest(replace(labelled, p95_s=other)), digest(subset(labelled, np.arange(19)))}
    found |= {digest(subset(labelled, np.arange(20)[::-1])), digest(replace(labelled, sizes=(1, 2, 4, 8, 16, 32, 65)))}
    assert len(found) == 5
    assert digest(labelled) == digest(planted(20))
