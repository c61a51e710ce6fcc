"""Learning: what is learned is what scikit-learn learned, the planted rule is found, noise is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fairtrial.errors import UnknownName, UserError
from fairtrial.systems.threadpool.parameters import LEARNT
from fairtrial.systems.threadpool.reflex import export, learn
from fairtrial.systems.threadpool.reflex.infer import log_costs, normalised
from fairtrial.systems.threadpool.reflex.learn import fit
from fairtrial.systems.threadpool.reflex.target import subset, targets


@pytest.fixture(scope="module", params=LEARNT)
def estimated(request, planted):
    """(kind, arrays that have learned nothing, what scikit-learn fitted, rows) of each kind."""
    labelled = planted(300)
    arrays = learn._prepared(labelled)
    wanted = targets(labelled, range(5))
    estimator = learn.estimate(request.param, normalised(arrays, labelled.features), wanted, seed=0)
    return request.param, arrays, estimator, labelled


def test_arrays_are_what_scikit_learn_predicts(estimated, planted):
    """The compiled evaluation equals scikit-learn's prediction to 1e-9, on the rows learned from and on others."""
    kind, arrays, estimator, labelled = estimated
    arrays = arrays._replace(**learn.exported(kind, estimator))
    for features in (labelled.features, planted(500, seed=1).features * 1.7):
        theirs = learn.predicted(kind, estimator, normalised(arrays, features))
        assert np.abs(log_costs(arrays, features) - theirs).max() < 1e-9


def test_rounding_for_the_file_changes_no_branch(estimated, planted):
    """In single precision costs move by less than 1e-5, even on the rows whose values the thresholds lie between."""
    kind, arrays, estimator, labelled = estimated
    parts = learn.exported(kind, estimator)
    exact, rounded = (arrays._replace(**some) for some in (parts, export.rounded(parts)))
    for features in (labelled.features, planted(500, seed=1).features):
        assert np.abs(log_costs(exact, features) - log_costs(rounded, features)).max() < 1e-5


@pytest.mark.parametrize("kind", LEARNT)
def test_the_planted_rule_is_learned(planted, kind):
    """On rows that were not learned from, the regret is a tenth of the best constant's, and no choice is far off."""
    model, fresh = fit(kind, planted(400), seed=0), planted(400, seed=1)
    wanted = targets(fresh, range(5))
    chosen = model.costs(fresh.features).argmin(axis=1)
    assert np.abs(chosen - wanted.argmin(axis=1)).max() <= 2
    lost = np.expm1(wanted[np.arange(400), chosen]).mean()
    assert lost < 0.1 * np.expm1(wanted).mean(axis=0).min()


def test_a_tree_of_noise_is_a_constant(equal):
    """Where no feature says anything the tree is one leaf: the best constant."""
    model = fit("tree", equal(), seed=0)
    assert len(model.arrays.feature) == 0
    assert len(np.unique(model.costs(equal(seed=1).features).argmin(axis=1))) == 1


@pytest.mark.parametrize("kind", LEARNT)
def test_the_smallest_of_equal_sizes_is_chosen(equal, kind):
    """Sizes that cost the same within 1 % are equal: the smallest of them is the first of the lowest costs."""
    labelled = replace(equal(), p95_s=np.ones((100, 7, 5)) * np.array([2, 1.001, 1, 1, 1, 1, 1])[:, None])
    assert set(fit(kind, labelled, seed=0).costs(labelled.features).argmin(axis=1).tolist()) == {1}


def test_sizes_are_never_averaged_as_numbers(planted):
    """Half of the rows want 1 and half want 64, and no feature tells which: the choice is one of the two."""
    labelled = planted(200)
    p95_s = np.full((200, 7, 5), 4.0)
    p95_s[:100, 0], p95_s[100:, 6] = 1.0, 1.0
    mixed = replace(labelled, p95_s=p95_s, stable=np.ones((200, 7), dtype=bool))
    mixed = subset(mixed, np.random.default_rng(0).permutation(200))
    for kind in LEARNT:
        assert set(fit(kind, mixed, seed=0).decide(labelled.features).tolist()) <= {1, 64}


def test_rows_without_a_target_or_a_feature_are_left_out(planted):
    """A missing feature, or no stable size, leaves a row out: the model is that of the other rows."""
    labelled = planted(60)
    features, stable = labelled.features.copy(), labelled.stable.copy()
    features[3, 4], stable[7] = np.nan, False
    spoilt = replace(labelled, features=features, stable=stable)
    rest = subset(labelled, np.setdiff1d(np.arange(60), (3, 7)))
    mine, theirs = fit("tree", spoilt, seed=0), fit("tree", rest, seed=0)
    assert mine.trained == theirs.trained
    assert np.array_equal(mine.arrays.low, theirs.arrays.low)


def test_bad_input_is_one_line(planted):
    """An unknown kind names the nearest; too few rows or sizes say so."""
    with pytest.raises(UnknownName, match="did you mean 'tree'"):
        fit("trees", planted(20), seed=0)
    with pytest.raises(UserError, match="too few rows"):
        fit("tree", subset(planted(20), np.array([1])), seed=0)
    one = planted(20)
    one = replace(one, sizes=(8,), p95_s=one.p95_s[:, 3:4], stable=one.stable[:, 3:4])
    with pytest.raises(UserError, match="one size, 8"):
        fit("tree", one, seed=0)
