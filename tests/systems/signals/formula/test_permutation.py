"""perm_derivative against a plain reference, by hand, and what its settings must be."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import median, stdev

import numpy as np
import pytest

from fairtrial.errors import UserError
from fairtrial.systems.signals.formula.permutation import PermDerivative, PermutationParameters, balance
from fairtrial.systems.signals.record import LEVELS, REACH

COLUMN = "perm_state5_code"


@pytest.fixture
def quiet(noise):
    """Function (bins, share of changes) -> a market whose two sides change their code only now and then."""

    def make(bins: int, share: float = 0.3):
        rng = np.random.default_rng(3)
        sides = np.zeros((bins, 2), dtype=np.int8)
        for side, codes in enumerate(([-2, 1], [-1, 2])):
            moved = rng.random(bins) < share
            sides[moved, side] = rng.choice(codes, moved.sum())
        columns = np.zeros((bins, LEVELS), dtype=np.int8)
        columns[:, :REACH], columns[:, REACH + 1 :] = sides[:, :1], sides[:, 1:]
        return replace(noise(bins, ()), columns={COLUMN: columns})

    return make


def reference(market, settings: PermutationParameters) -> np.ndarray:
    """The same in plain Python, from what a bin's cells hold to the value."""
    counts = [abs(k) >= settings.center_exclusion_radius for k in range(-50, 51)]
    weights = [
        counted * max(abs(k), 1) ** -settings.spatial_decay_power
        for counted, k in zip(counts, range(-50, 51), strict=True)
    ]
    classes = {
        2: settings.bull_vacuum_weight, 1: settings.bull_pressure_weight, 0: 0.0,
        -1: -settings.bear_pressure_weight, -2: -settings.bear_vacuum_weight,
    }  # fmt: skip
    found, series = np.full(len(market), np.nan), [[], [], [], []]
    for i in np.flatnonzero(market.bins.book_valid):
        codes = market.columns[COLUMN][i].tolist()
        net = sum(w * classes[code] for w, code in zip(weights, codes, strict=True)) / sum(weights)
        mixed = sum(w for w, code in zip(weights, codes, strict=True) if code == 0) / sum(weights)
        series[0].append(net * (1 - settings.mixed_weight * mixed))
        for order in (1, 2, 3):
            if len(series[order - 1]) > 1:
                series[order].append((series[order - 1][-1] - series[order - 1][-2]) / 0.1)
        found[i] = value(series, settings)
    return found


def value(series, settings) -> float:
    """The weighted mean of tanh(z / scale), NaN before there are enough derivatives."""
    total = weighed = 0.0
    for order, weight in enumerate((settings.d1_weight, settings.d2_weight, settings.d3_weight), start=1):
        if weight:
            last = series[order][-settings.zscore_window_bins :]
            if len(last) < settings.min_periods:
                return math.nan
            middle = median(last)
            scale = 1.4826 * median(abs(x - middle) for x in last)
            if scale >= 1e-12:
                z = (last[-1] - middle) / scale
            else:
                z = last[-1] / stdev(last) if stdev(last) >= 1e-12 else 0.0
            weighed += weight * math.tanh(z / settings.tanh_scale)
            total += weight
    return weighed / total


SETTINGS = [
    {},
    {"d1_weight": 0.5, "d2_weight": 0.3, "d3_weight": 0.2, "zscore_window_bins": 60, "min_periods": 20},
    {"d1_weight": 0, "d3_weight": 1, "tanh_scale": 1, "zscore_window_bins": 40, "min_periods": 5},
    {"blend": True, "mixed_weight": 0.7, "bull_vacuum_weight": 2, "bear_pressure_weight": 0.5, "min_periods": 10},
    {"center_exclusion_radius": 5, "spatial_decay_power": 1.5, "blend": True, "mixed_weight": 1},
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_reference(settings, share, quiet):
    """Where codes change often (a robust z) and where they hardly change (a plain one), values are the reference's."""
    market, parameters = quiet(400, share), PermutationParameters(**settings)
    found = PermDerivative().batch(market, parameters, seed=0)
    assert np.nanmax(np.abs(found)) > 0.01
    np.testing.assert_allclose(found, reference(market, parameters), rtol=0, atol=1e-12)


def test_reference_on_any_codes(noise):
    """The same for codes that differ from cell to cell."""
    market, parameters = noise(300, (COLUMN,)), PermutationParameters(spatial_decay_power=0.5, min_periods=30)
    np.testing.assert_allclose(
        PermDerivative().batch(market, parameters, seed=0), reference(market, parameters), rtol=0, atol=1e-12
    )


def test_balance_by_hand():
    """Bullish less bearish share; with distance a cell counts 1/k; the innermost may be left out."""
    row = np.zeros(LEVELS, dtype=np.int8)
    row[REACH + 1], row[REACH + 2], row[REACH - 1], row[REACH - 4] = 2, 1, -1, -2
    plain = balance({COLUMN: row}, PermutationParameters())
    assert plain.tolist() == [0.0]
    total = 1 + 2 * sum(1 / k for k in range(1, 51))
    near = balance({COLUMN: row}, PermutationParameters(spatial_decay_power=1))
    assert near.tolist() == [pytest.approx((1 + 1 / 2 - 1 - 1 / 4) / total, rel=1e-12)]
    far = balance({COLUMN: row}, PermutationParameters(center_exclusion_radius=2))
    assert far.tolist() == [pytest.approx((1 - 1) / 98)]
    row[REACH - 4] = 0
    damped = balance({COLUMN: row}, PermutationParameters(blend=True, mixed_weight=0.5, bull_vacuum_weight=3))
    assert damped.tolist() == [pytest.approx((3 + 1 - 1) / 101 * (1 - 0.5 * 98 / 101), rel=1e-12)]


def test_warm_up(quiet):
    """There is no value before `min_periods` of the highest derivative that has a weight."""
    market = quiet(200)
    market = replace(market, bins=replace(market.bins, book_valid=np.ones(200, dtype=bool)))
    for settings, first in (({}, 75), ({"d1_weight": 0, "d2_weight": 1}, 76), ({"d3_weight": 1}, 77)):
        found = PermDerivative().batch(market, PermutationParameters(**settings), seed=0)
        assert int(np.isfinite(found).argmax()) == first


def test_nothing_changes(quiet):
    """A book that never moves has value 0."""
    found = PermDerivative().batch(quiet(200, 0.0), PermutationParameters(), seed=0)
    assert np.nanmax(np.abs(found)) == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_periods": 301}, "min_periods 301 is more than the window, 300 bins"),
        ({"d1_weight": 0}, "d1_weight, d2_weight and d3_weight are all 0"),
        ({"blend": True, **dict.fromkeys(("bull_vacuum_weight", "bull_pressure_weight", "bear_vacuum_weight",
                                          "bear_pressure_weight"), 0)}, "the four classes are all 0"),
        ({"center_exclusion_radius": 51}, "less than or equal to 50"),
        ({"zscore_window_bins": 1}, "greater than or equal to 2"),
        ({"mixed_weight": 1.5}, "less than or equal to 1"),
    ],
)  # fmt: skip
def test_settings_are_checked(settings, message):
    """What cannot give a value, or lies out of range, is refused."""
    with pytest.raises(ValueError, match=message):
        PermutationParameters.model_validate(settings)


@pytest.mark.parametrize(
    "idle",
    [
        {"bull_vacuum_weight": 2},
        {"mixed_weight": 0.3},
        {"blend": True},
        {"d1_weight": 5},
        {"blend": True, "mixed_weight": 0, "bear_pressure_weight": 1},
    ],
)
def test_idle_settings_are_the_default(idle):
    """Weights that nothing reads, or that scale what is not scaled, leave the parameters as they are."""
    assert PermutationParameters(**idle) == PermutationParameters()


def test_bins_of_another_length(quiet):
    """A cell width that is not the data's is refused; that of the data changes nothing."""
    market = quiet(200)
    same = PermDerivative().batch(market, PermutationParameters(cell_width_ms=100), seed=0)
    np.testing.assert_array_equal(same, PermDerivative().batch(market, PermutationParameters(), seed=0))
    with pytest.raises(UserError, match="cell_width_ms: 50, and a bin of this data is 100 ms"):
        PermDerivative().batch(market, PermutationParameters(cell_width_ms=50), seed=0)
    with pytest.raises(UserError, match="cell_width_ms: 50"):
        PermDerivative().stream(PermutationParameters(cell_width_ms=50), tick_size=0.25, bin_s=0.1, seed=0)


def test_other_codes(quiet):
    """Codes beyond the five are refused before a kernel sees them."""
    market = quiet(100)
    market.columns[COLUMN][50, 3] = 5
    with pytest.raises(UserError, match=r"perm_state5_code holds -2 to 5 .valid: -2 to 2"):
        PermDerivative().batch(market, PermutationParameters(), seed=0)
