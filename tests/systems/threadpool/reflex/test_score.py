"""Regret: what a choice cost on replicates that did not name the best size."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.threadpool.analytic.known import chooser
from fairtrial.systems.threadpool.label.record import Labelled
from fairtrial.systems.threadpool.parameters import Policy
from fairtrial.systems.threadpool.reflex.score import joined, score, yardstick
from fairtrial.systems.threadpool.reflex.target import CAP, subset


def fixed(workers):
    return Policy(kind="fixed", workers=workers)


def scored(labelled, workers):
    return score(chooser(fixed(workers), cores=8), labelled.features, yardstick(labelled), fixed(workers))


def by_hand():
    """Two rows and three sizes: even replicates name size 2 as best, odd ones score it 3 where size 1 has 2."""
    p95_s = np.array([[[9, 2, 9, 2], [1, 3, 1, 3], [5, 6, 5, 6]], [[1, 1, 1, 1], [40, 40, 40, 40], [np.nan] * 4]])
    stable = np.array([[True, True, True], [True, True, False]])
    return Labelled(np.arange(2), np.ones((2, 10)), np.zeros(2, dtype=np.int64), (1, 2, 4), p95_s, stable)


def test_regret_is_scored_by_the_other_replicates():
    """Even replicates name the best size, odd ones score: a size that they like better has a negative regret."""
    one, two, four = (scored(by_hand(), workers) for workers in (1, 2, 4))
    assert one.best.tolist() == [2, 1]
    assert one.regret == pytest.approx([2 / 3 - 1, 0])
    assert two.regret == pytest.approx([0, CAP])
    assert four.regret == pytest.approx([1, CAP])
    assert four.unstable.tolist() == [False, True]
    assert not two.unstable.any()


def test_few_replicates_name_and_score():
    """Below four replicates the best mean scores itself: no regret is negative."""
    labelled = by_hand()
    few = Labelled(
        labelled.rows, labelled.features, labelled.family, labelled.sizes, labelled.p95_s[:, :, :2], labelled.stable
    )
    assert scored(few, 2).regret[0] == 0
    assert scored(few, 1).regret[0] == pytest.approx(5.5 / 2 - 1)


def test_luck_names_the_best_and_is_not_counted(equal):
    """Where all sizes are the same the mean regret of any size is about 0, and not as much as the best is lucky."""
    labelled = equal(1000)
    regret = scored(labelled, 8).regret
    assert abs(regret.mean()) < 3 * regret.std() / np.sqrt(len(regret))


def test_the_best_set_is_that_of_the_label(planted):
    """The chosen size is in the best set, or not; where there is no best set that is not known."""
    labelled = planted(40)
    found = scored(labelled, 8)
    assert set(found.in_best.tolist()) == {0.0, 1.0}
    single = Labelled(
        *(getattr(labelled, name) for name in ("rows", "features", "family", "sizes")),
        labelled.p95_s[:, :, :1],
        labelled.stable,
    )
    assert np.isnan(scored(single, 8).in_best).all()


def test_scores_are_joined_in_the_order_of_rows(planted):
    """Tests in any order give one score in the order of the rows."""
    labelled = planted(20)
    whole = scored(labelled, 8)
    order = np.random.default_rng(0).permutation(20)
    found = joined([(places, scored(subset(labelled, places), 8)) for places in (order[:7], order[7:])])
    for name in ("chosen", "regret", "best", "lost", "unstable"):
        assert np.array_equal(getattr(found, name), getattr(whole, name)), name
