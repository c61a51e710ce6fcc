"""ads against a plain formula, and what its settings must be."""

from __future__ import annotations

import math
from statistics import median

import numpy as np
import pytest

from fairtrial.systems.signals.formula.ads import Ads, AdsParameters, asymmetry
from fairtrial.systems.signals.record import LEVELS, REACH


def row(**cells: float) -> np.ndarray:
    """A row of the grid: `below3=2.0` is 2 three cells below the spot."""
    found = np.zeros(LEVELS)
    for name, value in cells.items():
        side, distance = (-1, name[5:])
        if name.startswith("above"):
            side = 1
        found[REACH + side * int(distance)] = value
    return found


def test_asymmetry_by_hand():
    """A band of c cells weighs 1/sqrt(c) of the sum of all three; adds count at the bid, pulls at the ask."""
    total = 1 / math.sqrt(3) + 1 / math.sqrt(8) + 1 / math.sqrt(12)
    add = row(below1=5.0, above3=1.0, below4=7.0, above11=3.0, below12=2.0, above24=100.0)
    pull = row(below2=1.0, above1=4.0, above23=6.0, below50=100.0)
    inner, mid, outer = (5 - 1) + (4 - 1), 7 - 3, 2 + 6
    wanted = (inner / math.sqrt(3) + mid / math.sqrt(8) + outer / math.sqrt(12)) / total
    assert asymmetry({"add_mass": add, "pull_mass": pull})[0] == pytest.approx(wanted, rel=1e-14)


def test_value_by_hand(noise):
    """With windows 2 and 3 the slopes are differences, and halved ones over two bins; they are blended by tanh."""
    market = noise(45, Ads.columns, invalid=0.0)
    parameters = AdsParameters(slope_windows=(2, 3), blend=(0.7, 0.2), zscore_window=35)
    a = [float(asymmetry({name: values[i] for name, values in market.columns.items()})[0]) for i in range(45)]
    slopes = [a[i] - a[i - 1] for i in range(1, 45)], [(a[i] - a[i - 2]) / 2 for i in range(2, 45)]
    wanted = 0.0
    for weight, series in zip((0.7, 0.2), slopes, strict=True):
        last = series[-35:]
        deviation = median(abs(value - median(last)) for value in last)
        wanted += weight * math.tanh((series[-1] - median(last)) / (1.4826 * deviation) / 3)
    found = Ads().batch(market, parameters, seed=0)
    assert found[-1] == pytest.approx(wanted, rel=1e-12)
    assert np.isnan(found[:2]).all()
    assert (found[2:30] == 0).all()
    assert (found[31:] != 0).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"blend": [0.5, 0.5]}, "blend has 2 weights, slope_windows 3 windows"),
        ({"slope_windows": [25, 10, 50]}, r"slope_windows \[25, 10, 50\] must ascend"),
        ({"slope_windows": [10, 10, 50]}, "must ascend, each once"),
        ({"slope_windows": [1, 10, 50]}, "greater than or equal to 2"),
        ({"slope_windows": [], "blend": []}, "at least 1 item"),
        ({"blend": [0.5, 0.5, 0]}, "greater than 0"),
        ({"zscore_window": 29}, "greater than or equal to 30"),
        ({"blend_scale": 0}, "greater than 0"),
    ],
)
def test_settings_are_checked(settings, message):
    """Windows ascend, each has a weight above 0, and the z has 30 bins or more."""
    with pytest.raises(ValueError, match=message):
        AdsParameters.model_validate(settings)
