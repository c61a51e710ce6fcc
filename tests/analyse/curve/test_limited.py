"""Knees where what generates the load was the bottleneck."""

from __future__ import annotations

import numpy as np

from fairtrial.analyse.curve.limited import limited
from fairtrial.analyse.curve.saturation import saturation
from fairtrial.flow.selftest.threshold import FACTOR, METRIC, measured
from fairtrial.model.finding import Verdict

X = 2.0 ** np.arange(6)


def look(share, bound):
    """Find the knee at 8, the harness as busy at each level as `share` says."""
    rng = np.random.default_rng(0)
    table = 100 * np.minimum(X, 8.0)[:, None] * (1 + 0.01 * rng.standard_normal((len(X), 4)))
    busy = np.asarray(share)[:, None] + 0.01 * rng.standard_normal((len(X), 4))
    found = measured(X, {METRIC: table, "busy": busy})
    return limited(saturation(found, metric=METRIC, factor=FACTOR), found, bound)


def test_a_busy_harness_takes_the_knee_back():
    """From the lowest level on at which its mean is at the limit; nothing of the knee is left."""
    found = look([0.1, 0.2, 0.5, 0.95, 0.97, 0.97], {"busy": 0.9})
    assert (found.knee, found.knee_interval, found.capacity, found.saturation_level) == (None,) * 4
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.answer.startswith("Inconclusive: generator-bound from load = 8 on (busy 0.9")
    assert found.points
    assert found.fits


def test_below_the_knee_it_does_not_matter():
    """There, more load gave more all the same; nor does a metric that was not measured, or that no one bounds."""
    plain = look([0.1] * 6, {})
    assert plain.knee is not None
    assert look([0.95, 0.1, 0.1, 0.1, 0.1, 0.1], {"busy": 0.9}) == look([0.95, 0.1, 0.1, 0.1, 0.1, 0.1], {})
    assert look([0.99] * 6, {"other": 0.5}).knee == plain.knee


def test_without_a_knee_nothing_changes():
    """What was not found cannot be taken back."""
    found = measured(X, {METRIC: np.outer(X, [1.0, 1.01, 0.99]), "busy": np.ones((len(X), 3))})
    line = saturation(found, metric=METRIC, factor=FACTOR)
    assert limited(line, found, {"busy": 0.5}) is line
