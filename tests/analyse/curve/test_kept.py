"""Service levels of a run of one condition."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.analyse.curve.kept import service_levels
from fairtrial.errors import UnknownName
from fairtrial.flow.selftest.threshold import measured
from fairtrial.model.claim import Clause

P99, SUCCESS = Clause("p99", "max", 0.02), Clause("success", "min", 0.99)


def said(p99, success=(1.0, 1.0, 1.0)):
    """Judge the replicates of the one condition."""
    return service_levels(
        measured(np.ones(1), {"p99": np.array([p99]), "success": np.array([success])}), [P99, SUCCESS]
    )


def test_all_are_kept():
    """Where every bound keeps its limit, every clause is."""
    assert said((0.010, 0.011, 0.010)) == (
        "Service levels (95 % confidence, 3 replicates): kept: p99 <= 0.02 and success >= 0.99."
    )


def test_a_mean_inside_is_not_enough():
    """A bound beyond the limit is not shown, and one whose good side misses it is broken."""
    unclear = said((0.010, 0.019, 0.022))
    assert "kept: success >= 0.99; p99 <= 0.02 is not shown (bound 0.02" in unclear
    assert "p99 <= 0.02 is broken (bound 0.04" in said((0.050, 0.051, 0.049))
    assert "success >= 0.99 is broken (bound 0.9" in said((0.010, 0.011, 0.010), (0.90, 0.91, 0.90))


def test_what_is_missing_is_not_kept():
    """A trial without a value, or a single one, shows nothing."""
    assert "p99 <= 0.02 is unknown, since 1 trial gave no value" in said((0.010, np.nan, 0.010))
    assert "p99 <= 0.02 cannot be shown with 1 replicate" in said((0.010,), (1.0,))


def test_a_metric_that_was_not_measured():
    """An unknown metric is refused."""
    with pytest.raises(UnknownName):
        service_levels(measured(np.ones(1), {"p99": np.array([[0.01]])}), [SUCCESS])
