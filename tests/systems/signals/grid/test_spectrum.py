"""The spectrum against a plain reference that sorts every window anew."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from pydantic import ValidationError

from fairtrial.systems.signals.grid.spectrum import score, state
from fairtrial.systems.signals.words import Grid

SMALL = Grid(spectrum_windows=(2, 5, 9), spectrum_z_bins=40, spectrum_min_bins=12, spectrum_weights=(0.5, 0.3, 0.1))


def z(values, grid):
    """Robust z of the last of some values."""
    window = values[-grid.spectrum_z_bins :]
    if len(window) < grid.spectrum_min_bins:
        return 0.0
    median = statistics.median(window)
    scale = 1.4826 * statistics.median(abs(value - median) for value in window)
    return (values[-1] - median) / scale if scale >= 1e-12 else 0.0


def reference(pressure, vacuum, grid):
    """Scores of one cell."""
    composite = [(p - v) / (abs(p) + abs(v) + 1e-12) for p, v in zip(pressure, vacuum, strict=True)]
    smooth, series, found = [], ([], [], []), []
    for i in range(len(composite)):
        means = [
            math.fsum(part) / len(part)
            for w in grid.spectrum_windows
            for part in [composite[max(0, i - w + 1) : i + 1]]
        ]
        smooth.append(sum(means) / len(means))
        change = smooth
        for order in range(3):
            series[order].append(change[-1] - change[-2] if len(change) > 1 else 0.0)
            change = series[order]
        terms = [
            w * math.tanh(z(d, grid) / grid.tanh_scale) for w, d in zip(grid.spectrum_weights, series, strict=True)
        ]
        found.append(max(-1.0, min(1.0, sum(terms))))
    return found


@pytest.mark.parametrize("grid", [SMALL, SMALL.model_copy(update={"spectrum_weights": (3.0, 0.0, 1.0)})])
def test_equals_the_reference(grid):
    """Scores equal those of a reference that computes every bin from its window alone."""
    rng = np.random.default_rng(0)
    pressure, vacuum = rng.normal(size=(2, 150, 3)).cumsum(axis=1)
    vacuum[:, 1] = pressure[:, 1] * rng.choice([0.0, 0.5], 150)  # many equal values
    pressure[40:90, 2] = vacuum[40:90, 2] = 0.0  # a silence
    found = score(pressure, vacuum, grid)
    for cell in range(3):
        np.testing.assert_allclose(found[:, cell], reference(pressure[:, cell], vacuum[:, cell], grid), atol=1e-9)
    assert np.abs(found).max() > 0.5
    assert not found[: grid.spectrum_min_bins - 1].any()


def test_silence_is_zero():
    """A cell where nothing happens, or where pressure stays what it is, has score 0, not the noise of arithmetic."""
    silent, steady = np.zeros((500, 1)), np.full((500, 1), 0.1)
    assert not score(silent, silent, Grid()).any()
    assert not score(steady, 0.3 * steady, Grid()).any()


def test_causal():
    """Scores up to a bin do not know what comes after it."""
    rng = np.random.default_rng(1)
    pressure, vacuum = rng.normal(size=(2, 200, 2))
    whole = score(pressure, vacuum, SMALL)
    pressure[120:], vacuum[120:] = 7.0, -3.0
    np.testing.assert_array_equal(score(pressure, vacuum, SMALL)[:120], whole[:120])


def test_states():
    """A score that reaches the threshold has a state of its sign."""
    scores = np.array([[0.15, -0.15, 0.149, -0.149, 0.0, 1.0]])
    assert state(scores, Grid()).tolist() == [[1, -1, 0, 0, 0, 1]]
    assert state(scores, Grid(state_threshold=0.5)).tolist() == [[0, 0, 0, 0, 0, 1]]


def test_a_window_that_never_fills_is_refused():
    """More least bins than the window holds would make every score 0: one line says so."""
    with pytest.raises(ValidationError, match="spectrum_min_bins is 75, more than the window spectrum_z_bins"):
        Grid(spectrum_z_bins=50)
