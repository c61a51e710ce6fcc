"""jad against a plain formula."""

from __future__ import annotations

import math
from statistics import median

import numpy as np
import pytest

from fairtrial.systems.signals.formula.jad import Jad, JadParameters, divergence
from fairtrial.systems.signals.record import LEVELS, REACH


def diverging(add: np.ndarray, pull: np.ndarray) -> float:
    """The divergence of one bin, cell by cell."""
    total = sum(1 / k for k in range(1, 25))
    gap = 0.0
    for k in range(1, 25):
        gap += (add[REACH - k] - add[REACH + k] + pull[REACH + k] - pull[REACH - k]) / k / total
    return gap


def blended(columns: dict[str, np.ndarray], i: int) -> float:
    """What jerk and acceleration of a bin come to."""
    j, a = (diverging(columns[f"{kind}_add"][i], columns[f"{kind}_pull"][i]) for kind in "ja")
    return 0.4 * j + 0.6 * a if j * a > 0 else 0.8 * j + 0.2 * a


def test_value_by_hand(noise):
    """The value is tanh of a third of the robust z of the blend, 0 before 30 bins."""
    market = noise(60, Jad.columns, invalid=0.0)
    raw = [blended(market.columns, i) for i in range(60)]
    found = Jad().batch(market, JadParameters(zscore_window=40), seed=0)
    for i in range(60):
        last = raw[max(0, i - 39) : i + 1]
        deviation = 1.4826 * median(abs(value - median(last)) for value in last)
        z = (raw[i] - median(last)) / deviation if len(last) >= 30 else 0.0
        assert found[i] == pytest.approx(math.tanh(z / 3), rel=1e-9, abs=1e-12)
    assert len({value > 0 for value in raw}) == 2


@pytest.mark.parametrize(
    ("jerk", "acceleration", "wanted"),
    [(2, 3, 0.4 * 2 + 0.6 * 3), (-2, 3, 0.8 * -2 + 0.2 * 3), (0, 3, 0.2 * 3), (0, 0, 0)],
)
def test_blend_depends_on_signs(jerk, acceleration, wanted):
    """Of one sign 0.4 and 0.6, else 0.8 and 0.2; zero is a sign of its own; all four columns count."""
    columns = {name: np.zeros(LEVELS) for name in Jad.columns}
    first = 1 / sum(1 / k for k in range(1, 25))
    columns["j_add"][REACH - 1] = jerk / first
    columns["a_pull"][REACH + 1] = acceleration / first
    assert divergence(columns, JadParameters())[0] == pytest.approx(wanted)


@pytest.mark.parametrize(
    "settings", [{"reach": 51}, {"reach": 0}, {"jerk_weight_agree": 1.1}, {"zscore_window": 20}, {"tanh_scale": 0}]
)
def test_settings_are_checked(settings):
    """What lies outside its range is refused."""
    with pytest.raises(ValueError, match="1 validation error"):
        JadParameters.model_validate(settings)
