"""Tests of vectors in clusters and their exact neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.services.targets.vectors import neighbours
from fairtrial.systems.services.targets.vectors.words import Vectors


def words(**given) -> Vectors:
    return Vectors(**{"vectors": 500, "dimension": 8, "clusters": 5, "queries": 20, **given})


def slow(base: np.ndarray, query: np.ndarray, space: str) -> list[int]:
    """Order rows by the distance as it is defined, one after another."""
    wide, asked = base.astype(float), query.astype(float)
    distances = {
        "l2": lambda row: float(((row - asked) ** 2).sum()),
        "cosine": lambda row: 1 - float(row @ asked / np.sqrt((row @ row) * (asked @ asked))),
        "ip": lambda row: 1 - float(row @ asked),
    }
    return sorted(range(len(wide)), key=lambda index: distances[space](wide[index]))


@pytest.mark.parametrize("space", ["l2", "cosine", "ip"])
def test_neighbours_are_those_of_the_definition_in_order(space, monkeypatch):
    """They agree with sorting by the defined distance, also across blocks."""
    monkeypatch.setattr(neighbours, "BLOCK", 64)
    rng = np.random.default_rng(0)
    base, queries = rng.standard_normal((300, 6), dtype=np.float32), rng.standard_normal((9, 6), dtype=np.float32)
    found = neighbours.exact(base, queries, k=7, space=space)
    assert found.tolist() == [slow(base, query, space)[:7] for query in queries]


def test_fewer_vectors_than_asked_for_are_all_neighbours():
    """K beyond the number of rows returns every row once."""
    base = np.eye(3, dtype=np.float32)
    assert sorted(neighbours.exact(base, base[:1], k=10, space="l2")[0].tolist()) == [0, 1, 2]


def test_data_are_the_same_for_the_same_parameters_and_other_for_another_seed():
    """Two processes that make them have the same vectors, bit for bit."""
    one, again, other = (neighbours.data(words(data_seed=seed)) for seed in (4, 4, 5))
    assert one.base.dtype == np.float32
    assert one.base.shape == (500, 8)
    assert one.base.tobytes() == again.base.tobytes()
    assert one.chosen.tolist() == again.chosen.tolist()
    assert one.base.tobytes() != other.base.tobytes()


def test_the_filter_lets_exactly_its_share_through():
    """The share is met to the vector."""
    assert neighbours.data(words(filter_share=0.1)).chosen.sum() == 50


def test_clustered_vectors_lie_closer_to_their_centre_than_centres_to_each_other():
    """The spread is what was asked for; without clusters the vectors are standard normal."""
    known = neighbours.data(words(vectors=4000, spread=0.1))
    far = np.linalg.norm(known.base[:, None, :] - known.centres[None], axis=2).min(axis=1)
    assert np.sqrt((far**2).mean() / 8) == pytest.approx(0.1, rel=0.05)
    plain = neighbours.data(words(vectors=4000, clusters=0))
    assert plain.base.std() == pytest.approx(1.0, rel=0.02)


def test_filtered_truth_holds_only_what_the_filter_lets_through():
    """Its ids are chosen ones, and the nearest among those."""
    asked = words(operation="filtered", filter_share=0.2, top_k=5)
    known = neighbours.data(asked)
    queries = neighbours.questions(asked, known, seed=1)
    found = neighbours.truth(asked, known, queries)
    for query, ids in zip(queries, found, strict=True):
        order = [row for row in slow(known.base, query, "cosine") if known.chosen[row]]
        assert ids == frozenset(order[:5])


def test_arriving_vectors_never_repeat():
    """Twice the stock of batches later every vector is still new, and another client's differ."""
    asked = words(batch=7)
    known = neighbours.data(asked)
    stream, other = (neighbours.arriving(asked, known, 0, client) for client in (0, 1))
    seen = np.vstack([next(stream) for _ in range(40)] + [next(other) for _ in range(3)])
    assert len(np.unique(seen, axis=0)) == 43 * 7
