"""spg against a plain formula, and which of its settings are idle."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.signals.formula.spg import Spg, SpgParameters, shape
from fairtrial.systems.signals.record import REACH


def by_hand(p: np.ndarray, v: np.ndarray) -> tuple[float, float]:
    """Net gradient and curvature of one bin, cell by cell."""

    def gradient(x: np.ndarray, k: int) -> float:
        return (x[REACH + k + 1] - x[REACH + k - 1]) / 2

    def mean(x: np.ndarray, cells: range) -> float:
        return sum(gradient(x, k) for k in cells) / 16

    low, high = range(-16, 0), range(1, 17)
    net = -(mean(p, low) - mean(p, high)) + (mean(v, high) - mean(v, low))
    x = p - v
    bend = [x[REACH + k + 1] - 2 * x[REACH + k] + x[REACH + k - 1] for k in range(-2, 3)]
    return net, sum(bend) / 5


def average(values: list[float], span: int) -> float:
    """The exponential average of the last value."""
    found = values[0]
    for value in values[1:]:
        found = (1 - 2 / (span + 1)) * found + 2 / (span + 1) * value
    return found


def test_value_by_hand(noise):
    """The value is 0.7 (0.6 EMA5 + 0.4 EMA20) of the net gradient and 0.3 EMA10 of the curvature turned round."""
    market = noise(12, Spg.columns, invalid=0.0)
    rows = [by_hand(*(market.columns[name][i] for name in Spg.columns)) for i in range(12)]
    net, bend = [row[0] for row in rows], [-row[1] for row in rows]
    found = Spg().batch(market, SpgParameters(), seed=0)
    for i in range(12):
        fast, slow = average(net[: i + 1], 5), average(net[: i + 1], 20)
        wanted = 0.7 * (0.6 * fast + 0.4 * slow) + 0.3 * average(bend[: i + 1], 10)
        assert found[i] == pytest.approx(wanted, rel=1e-12)


def test_parabola_by_hand():
    """Pressure k^2 rises outwards: gradient 2k, so the net is 2 x 17/2 on each side; its second difference is 2."""
    k = np.arange(-REACH, REACH + 1.0)
    parameters = SpgParameters()
    assert shape({"pressure_variant": k**2, "vacuum_variant": 0 * k}, parameters) == pytest.approx([34.0, 2.0])
    assert shape({"pressure_variant": 0 * k, "vacuum_variant": k**2}, parameters) == pytest.approx([34.0, -2.0])
    assert shape({"pressure_variant": k, "vacuum_variant": -k}, parameters) == pytest.approx([0.0, 0.0])


def test_thresholds_by_hand():
    """Half the interquartile range of |value|, the range, the quartile, its middle with 95 %, and 95 %; ascending."""
    values = np.linspace(-1, 1, 2001)
    assert Spg().thresholds(values) == pytest.approx((0.25, 0.5, 0.75, 0.85, 0.95), abs=1e-3)


@pytest.mark.parametrize(
    ("given", "idle"),
    [
        ({"fast_weight": 1}, {"slow_span": 7}),
        ({"fast_weight": 0}, {"fast_span": 7}),
        ({"gradient_weight": 1}, {"curvature_reach": 7, "curvature_span": 7}),
        ({"gradient_weight": 0}, {"band_reach": 7, "fast_span": 7, "slow_span": 7, "fast_weight": 0.1}),
    ],
)
def test_what_weighs_nothing_is_set_to_its_default(given, idle):
    """Settings of a part without weight change nothing, not even the parameters."""
    assert SpgParameters(**given, **idle) == SpgParameters(**given)
    assert SpgParameters(**idle) != SpgParameters()


@pytest.mark.parametrize("settings", [{"band_reach": 50}, {"band_reach": 0}, {"curvature_reach": 50}, {"fast_span": 0}])
def test_settings_are_checked(settings):
    """What does not fit into the 50 cells of a side is refused."""
    with pytest.raises(ValueError, match="than or equal to"):
        SpgParameters.model_validate(settings)
