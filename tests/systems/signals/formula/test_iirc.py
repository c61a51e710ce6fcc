"""iirc against a plain formula, and what its settings must be."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fairtrial.systems.signals.formula.iirc import Iirc, IircParameters, imbalance
from fairtrial.systems.signals.record import LEVELS, REACH


def test_imbalance_by_hand():
    """Masses of k = 1 … 16 are summed, then divided: bids lie below the spot."""
    add, pull, fill = np.zeros(LEVELS), np.zeros(LEVELS), np.zeros(LEVELS)
    add[REACH - 1], add[REACH - 16], pull[REACH - 3], fill[REACH - 5] = 4, 2, 1, 1
    add[REACH + 2], fill[REACH + 16] = 3, 2
    for column in (add, pull, fill):
        column[[REACH, REACH - 17, REACH + 17]] = 1000.0
    found = imbalance({"add_mass": add, "pull_mass": pull, "fill_mass": fill})
    assert found.tolist() == [pytest.approx(math.log(6 / 3 + 1) - math.log(3 / 3 + 1), rel=1e-14)]


@pytest.fixture
def market(noise):
    """120 bins, some without a book."""
    return noise(120, Iirc.columns)


def test_values_by_hand(market):
    """Each value is the blend of straight lines through the last imbalances of valid bins, 0 within the noise floor."""
    parameters = IircParameters(slope_windows=(4, 9), blend=(0.8, 0.3), noise_floor=0.05)
    found = Iirc().batch(market, parameters, seed=0)
    last, wanted = [], np.full(len(market), np.nan)
    for i in np.flatnonzero(market.bins.book_valid):
        ratio = []
        for side in (range(-16, 0), range(1, 17)):
            add, pull, fill = (sum(market.columns[name][i, REACH + k] for k in side) for name in Iirc.columns)
            ratio.append(add / (pull + fill + 1))
        last.append(math.log(ratio[0] + 1) - math.log(ratio[1] + 1))
        if len(last) >= 9:
            lines = (np.polyfit(range(window), last[-window:], 1)[0] for window in (4, 9))
            value = sum(weight * line for weight, line in zip((0.8, 0.3), lines, strict=True))
            wanted[i] = 0.0 if abs(last[-1]) < 0.05 else value
    assert 0 < np.count_nonzero(wanted == 0) < 60
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


def test_noise_floor(market):
    """A floor above every imbalance leaves zeros, and the warm-up as it was; none leaves every slope."""
    high = Iirc().batch(market, IircParameters(noise_floor=100), seed=0)
    none = Iirc().batch(market, IircParameters(noise_floor=0), seed=0)
    np.testing.assert_array_equal(np.isnan(high), np.isnan(none))
    assert np.nanmax(np.abs(high)) == 0
    assert np.nanmin(np.abs(none)) > 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"blend": [0.5]}, "blend has 1 weights, slope_windows 2 windows"),
        ({"slope_windows": [30, 10]}, r"slope_windows \[30, 10\] must ascend"),
        ({"slope_windows": [1, 10]}, "greater than or equal to 2"),
        ({"blend": [0.5, 0]}, "greater than 0"),
        ({"noise_floor": -0.1}, "greater than or equal to 0"),
    ],
)
def test_settings_are_checked(settings, message):
    """Windows ascend, each has a weight above 0, and the floor is not negative."""
    with pytest.raises(ValueError, match=message):
        IircParameters.model_validate(settings)
