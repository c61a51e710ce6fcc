"""Tests of the words of a vector workload."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from fairtrial.systems.services.targets.vectors.words import Vectors


def test_more_neighbours_than_vectors_is_refused():
    """top_k beyond what can match could never be answered."""
    with pytest.raises(ValidationError, match="top_k is 10, but only 5 vectors can match"):
        Vectors(operation="filtered", vectors=50, filter_share=0.1)
    assert Vectors(operation="ingest", vectors=5).top_k == 10


@pytest.mark.parametrize(
    ("operation", "names"),
    [("query", ("query",)), ("filtered", ("filtered",)), ("ingest", ("ingest",)), ("mix", ("query", "ingest"))],
)
def test_operations_are_named_by_index(operation, names):
    """A mix has two operations, the others are their own."""
    assert Vectors(operation=operation).operations == names


@pytest.mark.parametrize("wrong", [{"space": "euclid"}, {"vectors": 0}, {"filter_share": 0}, {"size": 3}])
def test_words_out_of_range_or_unknown_are_refused(wrong):
    """What is out of range, misspelt or unknown does not pass."""
    with pytest.raises(ValidationError):
        Vectors(**wrong)
