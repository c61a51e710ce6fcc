"""What each family does with rows: neighbours, descents, stopping, shapes, and rows that are too few."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC

from fairtrial.systems.signals.catalogue import signal
from fairtrial.systems.signals.learned.gbm import split
from fairtrial.systems.signals.learned.sgd import Descent
from fairtrial.systems.signals.learned.window import Rows

SUPERVISED = ("svm_sp", "gbm_mf", "knn_cl", "lsvm_der", "xgb_snap")


def _rows(count, width, *, seed=0, wait=5):
    """Return rows whose side is told by their first feature, each known `wait` bins later."""
    rng = np.random.default_rng(seed)
    features = 3.0 + rng.normal(size=(count, width)) * np.linspace(0.5, 20, width)
    side = np.where(features[:, 0] + 0.2 * rng.normal(size=count) > 3.0, 1, -1).astype(np.int8)
    begun = np.arange(count)
    return Rows(features, side, begun, begun + wait, count + wait)


def _fit(name, rows, model=None, **given):
    found = signal(name)
    return found._fit(rows, model, found.Parameters(**given), seed=1)


@pytest.mark.parametrize("name", SUPERVISED)
def test_too_few_rows(name):
    """With fewer than ten rows of a side nothing is learned; with enough, the side is found again."""
    width = len(signal(name).layout.names)
    rows = _rows(600, width)
    lone = np.flatnonzero(rows.side > 0)[:9]
    few = np.sort(np.concatenate((lone, np.flatnonzero(rows.side < 0))))
    assert _fit(name, rows.pick(few)) is None
    model = _fit(name, rows)
    fresh = _rows(400, width, seed=1)
    values = model.predict(fresh.features) - (0.5 if signal(name).mode == "probability" else 0.0)
    assert np.mean(np.sign(values) == fresh.side) > 0.6


def test_neighbours_match_scikit_learn():
    """The vote is 2 p - 1 of scikit-learn's distance-weighted neighbours on standardised features."""
    rows, fresh = _rows(500, 35), _rows(200, 35, seed=1)
    centre, spread = rows.features.mean(axis=0), rows.features.std(axis=0)
    theirs = KNeighborsClassifier(11, weights="distance", algorithm="brute")
    theirs.fit((rows.features - centre) / spread, rows.side)
    wanted = 2 * theirs.predict_proba((fresh.features - centre) / spread)[:, 1] - 1
    np.testing.assert_allclose(_fit("knn_cl", rows).predict(fresh.features), wanted, atol=1e-6)


def test_neighbours_that_are_the_same():
    """Rows at distance 0 alone decide; fewer rows than neighbours teach nothing."""
    rows = _rows(100, 35)
    features = rows.features.copy()
    features[:3] = features[50]
    side = rows.side.copy()
    side[[0, 1, 2, 50]] = [1, 1, -1, 1]
    same = rows._replace(features=features, side=side)
    assert _fit("knn_cl", same).predict(features[50:51])[0] == 0.5
    assert _fit("knn_cl", rows, neighbours=101) is None


def test_flat_feature_is_not_blown_up():
    """A feature without spread over the rows learned from has no weight to speak of later."""
    rows = _rows(400, 45)
    flat = rows._replace(features=np.where(np.arange(45) == 7, 1.0, rows.features))
    model = _fit("svm_sp", flat)
    other = flat.features.copy()
    other[:, 7] += 1e-9
    np.testing.assert_allclose(model.predict(other), model.predict(flat.features), atol=1e-6)


def test_plane_matches_scikit_learn():
    """The decision is LinearSVC's on standardised features."""
    rows = _rows(400, 45)
    scaled = (rows.features - rows.features.mean(axis=0)) / rows.features.std(axis=0)
    theirs = LinearSVC(C=0.1, dual=False).fit(scaled, rows.side)
    np.testing.assert_allclose(_fit("svm_sp", rows).predict(rows.features), theirs.decision_function(scaled), atol=1e-9)


def test_descent_goes_on_and_starts_anew(monkeypatch):
    """Between full fits it learns from rows newly known, each once; a full fit is reached again and again."""
    seen = []
    further = Descent.further

    def record(self, rows):
        seen.append(np.count_nonzero(rows.known > self._last_at))
        return further(self, rows)

    monkeypatch.setattr(Descent, "further", record)
    rows = _rows(4800, 60, wait=0)
    model, full = None, []
    for now in range(1199, 4800, 300):
        before, known = model, np.flatnonzero(rows.known <= now)
        weights = None if model is None else model._plane.weights
        model = _fit("lsvm_der", rows.pick(known)._replace(now=now), model, retrain_bins=300, full_bins=1200)
        full += [now] if model is not before else []
        assert weights is None or not np.array_equal(weights, model._plane.weights)
    assert full == [1199, 2399, 3599, 4799]
    assert seen == [300] * 9


def test_what_stops_the_trees_is_not_reached_by_what_grows_them():
    """Of the earlier rows, those whose side was known after the first of the last fifth are left out."""
    fitted, checked = split(_rows(100, 53, wait=15))
    assert checked.begun.tolist() == list(range(80, 100))
    assert fitted.begun.tolist() == list(range(65))
    assert fitted.known.max() < checked.begun.min()
    assert _fit("gbm_mf", _rows(100, 53, wait=90)) is None


def test_trees_stop_early_on_noise():
    """Without a relation there are few trees, and the chance is about the share of the rows."""
    rng = np.random.default_rng(0)
    rows = _rows(2000, 53)._replace(side=rng.choice([-1, 1], 2000).astype(np.int8))
    model = _fit("gbm_mf", rows)
    assert model._booster.current_iteration() < 100
    assert np.abs(model.predict(rows.features) - 0.5).max() < 0.2


def test_shape_says_how_unusual_and_which_way():
    """Usual rows have small values; pressure below the spot is up, above it down; push counts with its sign."""
    rng = np.random.default_rng(0)
    lean = np.where(np.arange(101) < 50, 1.0, -1.0)
    state = rng.normal(size=(600, 1))
    cells = state * lean + 0.3 * rng.normal(size=(600, 101))
    rows = Rows(
        np.hstack((cells, rng.normal(size=(600, 2)))), np.zeros(600, np.int8), np.arange(600), np.arange(600), 600
    )
    model = _fit("pca_ad", rows)
    assert model.axes.shape == (10, 101)
    np.testing.assert_allclose(model.axes @ model.axes.T, np.eye(10), atol=1e-9)
    usual = model.predict(rows.features)
    up, down = (np.concatenate((8.0 * sign * lean, [sign, -sign]))[None, :] for sign in (1.0, -1.0))
    assert model.predict(up)[0] > 5 * np.abs(usual).mean()
    assert model.predict(down)[0] < -5 * np.abs(usual).mean()
    assert model.predict(np.concatenate((8.0 * lean, [-9, 9]))[None, :])[0] < model.predict(up)[0]
    assert _fit("pca_ad", rows._replace(features=rows.features[:300])) is None


def test_shape_of_nothing():
    """A book that does not change has no anomalies."""
    rows = Rows(np.ones((600, 103)), np.zeros(600, np.int8), np.arange(600), np.arange(600), 600)
    assert (_fit("pca_ad", rows).predict(np.full((3, 103), 2.0)) == 0.0).all()
