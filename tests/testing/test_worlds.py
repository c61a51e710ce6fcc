"""Worlds made by hand: what they hold, and that a change changes only what it says."""

from __future__ import annotations

import math

import numpy as np

from fairtrial.analyse.data import data
from fairtrial.testing.worlds import failing, in_unit, measured, reordered

ARMS = {"a": [[1.0, 2.0], [3.0, math.nan]], "b": [[5.0, 6.0], [7.0, 8.0]]}


def test_a_table_becomes_trials():
    """Levels, replicates and seeds stand where the table says; NaN is a trial that failed."""
    found = measured([10, 20], ARMS)
    assert found.variant == ["a"] * 4 + ["b"] * 4
    assert found.factors["n"] == [10, 10, 20, 20] * 2
    assert found.replicate == found.seed == [0, 1] * 4
    assert found.status == ["done"] * 3 + ["failed"] + ["done"] * 4
    assert data(found).metric("loss")[4:].tolist() == [5, 6, 7, 8]
    assert measured([10, 20], ARMS, common_seeds=False).seed[4:] == [1_000_000, 1_000_001] * 2
    assert measured({"a": [1, 2], "b": [3, 4]}, ARMS).factors["n"] == [1, 1, 2, 2, 3, 3, 4, 4]


def test_changes_change_what_they_say():
    """A unit scales the metric, an order moves whole trials, a failure takes a value away."""
    found = measured([10, 20], ARMS)
    assert in_unit(found, 10).metrics["loss"][:3] == [10, 20, 30]
    turned = reordered(found, list(range(8))[::-1])
    assert turned.metrics["loss"][:2] == [8, 7]
    assert (turned.variant[0], turned.status[4], turned.number[0]) == ("b", "failed", 1)
    lost = failing(found, {0})
    assert (lost.status[0], lost.failure[0]) == ("failed", "crash")
    assert np.isnan(lost.metrics["loss"][0])
    assert lost.metrics["loss"][1] == 2.0
