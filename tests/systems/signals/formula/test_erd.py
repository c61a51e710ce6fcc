"""erd against a plain formula."""

from __future__ import annotations

import math
from statistics import median

import numpy as np
import pytest

from fairtrial.systems.signals.formula.erd import Erd, ErdParameters, mixture
from fairtrial.systems.signals.record import LEVELS


def entropy(codes: np.ndarray) -> float:
    """In nats, of the shares of -1, 0 and 1."""
    shares = [sum(int(code) == state for code in codes) / len(codes) for state in (-1, 0, 1)]
    return -sum(share * math.log(share) for share in shares if share)


@pytest.mark.parametrize("variant", ["a", "b"])
@pytest.mark.parametrize("floor", [0.5, 0.0])
def test_value_by_hand(variant, floor, noise):
    """The value is the direction times what the entropy's z has above the floor, and 0 below it and before 30 bins."""
    market = noise(120, Erd.columns, invalid=0.0)
    score, codes = market.columns["spectrum_score"], market.columns["spectrum_state_code"]
    found = Erd().batch(market, ErdParameters(variant=variant, zscore_window=40, spike_floor=floor), seed=0)
    h = [entropy(row) for row in codes]
    for i in range(120):
        last = h[max(0, i - 39) : i + 1]
        deviation = 1.4826 * median(abs(value - median(last)) for value in last)
        z = (h[i] - median(last)) / deviation if len(last) >= 30 else 0.0
        direction = sum(score[i, :50]) / 50 - sum(score[i, 51:]) / 50
        if variant == "b":
            direction = entropy(codes[i, 51:]) - entropy(codes[i, :50])
        assert found[i] == pytest.approx(direction * max(0.0, z - floor), rel=1e-9, abs=1e-12)
    assert (found[:29] == 0).all()
    assert (found[30:] != 0).any()


def test_entropy_of_known_shares():
    """One state: 0; two states, half and half: ln 2 of a side; 101 cells cannot be halved."""
    codes = np.zeros(LEVELS, dtype=np.int8)
    codes[51:76] = 1
    columns = {"spectrum_state_code": codes, "spectrum_score": np.zeros(LEVELS)}
    whole, direction = mixture(columns, "b")
    assert direction == pytest.approx(math.log(2))
    assert whole == pytest.approx(-(25 / 101) * math.log(25 / 101) - (76 / 101) * math.log(76 / 101))


@pytest.mark.parametrize("settings", [{"variant": "c"}, {"zscore_window": 29}, {"spike_floor": -0.1}])
def test_settings_are_checked(settings):
    """Another variant, a window that the z cannot use and a floor below 0 are refused."""
    with pytest.raises(ValueError, match="1 validation error"):
        ErdParameters.model_validate(settings)
