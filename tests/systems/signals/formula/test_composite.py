"""ads_pfp_svac against a plain reference, and what its settings must be."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import median

import numpy as np
import pytest

from fairtrial.errors import UserError
from fairtrial.systems.signals.formula.composite import AdsPfpSvac, CompositeParameters
from fairtrial.systems.signals.record import REACH

SHORT = CompositeParameters(
    ads_slope_windows_ms=(210, 450), ads_blend=(0.7, 0.2), ads_zscore_window_ms=3410, ads_warmup_ms=3990,
    ads_blend_scale=2, pfp_lag_ms=210, pfp_alpha=0.2, pfp_add_weight=0.7, svac_alpha=0.1,
    ads_weight=0.5, pfp_weight=0.3, svac_weight=0.4,
)  # fmt: skip
"""In bins of 100 ms: windows of 3 and 5, a z of 35, warm after 40, a lag of 3."""


def cells(row, first: int, last: int, side: int) -> list[float]:
    return [row[REACH + side * k] for k in range(first, last + 1)]


def ads_of(series: list[float], seen: int) -> float:
    """Value of asymmetries: straight lines through the last 3 and 5, each against the median of the last 35."""
    if seen < 40:
        return math.nan
    total = 0.0
    for window, weight in ((3, 0.7), (5, 0.2)):
        lines = [np.polyfit(range(window), series[end - window : end], 1)[0] for end in range(window, len(series) + 1)]
        last = lines[-35:]
        deviation = median(abs(line - median(last)) for line in last)
        z = (last[-1] - median(last)) / (1.4826 * deviation) if len(last) >= 30 else 0.0
        total += weight * math.tanh(z / 2)
    return total


def asymmetry(columns, i: int) -> float:
    bands, total = ((1, 3), (4, 11), (12, 23)), 0.0
    shares = [1 / math.sqrt(last - first + 1) for first, last in bands]
    for (first, last), share in zip(bands, shares, strict=True):
        add, pull = columns["add_mass"][i], columns["pull_mass"][i]
        adds = sum(cells(add, first, last, -1)) - sum(cells(add, first, last, 1))
        pulls = sum(cells(pull, first, last, 1)) - sum(cells(pull, first, last, -1))
        total += share / sum(shares) * (adds + pulls)
    return total


def lead(inner: list[float], outer: list[float]) -> float:
    """EMA(inner x outer 3 bins ago) / EMA(inner x outer), both from the first bin that has one 3 bins ago."""
    then = now = None
    for i in range(3, len(inner)):
        late, here = inner[i] * outer[i - 3], inner[i] * outer[i]
        then = late if then is None else then + 0.2 * (late - then)
        now = here if now is None else now + 0.2 * (here - now)
    return math.nan if then is None else then / (now + 1e-9)


def reference(market) -> np.ndarray:
    """The same in plain Python; bins without a book are as if they had not been."""
    columns, found = market.columns, np.full(len(market), np.nan)
    asymmetries, bands, size = [], [([], []) for _ in range(4)], None
    for seen, i in enumerate(np.flatnonzero(market.bins.book_valid), start=1):
        asymmetries.append(asymmetry(columns, i))
        flow = columns["v_add"][i] + columns["v_fill"][i]
        rows = (flow, -1), (flow, 1), (columns["v_pull"][i], -1), (columns["v_pull"][i], 1)
        for (inner, outer), (row, side) in zip(bands, rows, strict=True):
            inner.append(sum(cells(row, 1, 3, side)) / 3)
            outer.append(sum(cells(row, 5, 12, side)) / 8)
        bid, ask, bid_pull, ask_pull = (lead(*band) for band in bands)
        vacuum = columns["vacuum_variant"][i]
        msd = sum((vacuum[REACH + k] - vacuum[REACH - k]) / k for k in range(1, 51))
        size = abs(msd) if size is None else size + 0.1 * (abs(msd) - size)
        parts = (
            (0.5, ads_of(asymmetries, seen)), (0.3, 0.7 * (bid - ask) + 0.3 * (ask_pull - bid_pull)),
            (0.4, msd / max(size, 1e-6)),
        )  # fmt: skip
        warm = [(weight, value) for weight, value in parts if math.isfinite(value)]
        found[i] = sum(weight * value for weight, value in warm) / sum(weight for weight, _ in warm)
    return found


def test_reference(noise):
    """The parts, their warm-up and the weights that are left while one is cold are the reference's."""
    market = noise(110, AdsPfpSvac.columns)
    found = AdsPfpSvac().batch(market, SHORT, seed=0)
    np.testing.assert_allclose(found, reference(market), rtol=1e-9, atol=1e-9)
    assert (np.isfinite(found) == market.bins.book_valid).all()


def test_defaults_are_the_live_ones(noise):
    """In bins of 100 ms the parts are ads and pfp as they are by default, ads from the 200th bin on, and svac."""
    from fairtrial.systems.signals.formula.ads import Ads, AdsParameters
    from fairtrial.systems.signals.formula.pfp import Pfp, PfpParameters

    market = noise(260, AdsPfpSvac.columns, invalid=0)
    ads, pfp = Ads().batch(market, AdsParameters(), seed=0), Pfp().batch(market, PfpParameters(), seed=0)
    svac = AdsPfpSvac().batch(market, CompositeParameters(ads_weight=0, pfp_weight=0), seed=0)
    found = AdsPfpSvac().batch(market, CompositeParameters(), seed=0)
    np.testing.assert_allclose(found[199:], (0.4 * ads + 0.3 * pfp + 0.3 * svac)[199:], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found[5:199], (0.3 * pfp + 0.3 * svac)[5:199] / 0.6, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found[:5], svac[:5], rtol=0, atol=1e-12)


def test_no_vacuum_is_no_value_of_it(noise):
    """A book without any vacuum has svac 0, not a division by nothing."""
    market = noise(50, AdsPfpSvac.columns, invalid=0)
    market = replace(market, columns={**market.columns, "vacuum_variant": np.zeros((50, 101))})
    found = AdsPfpSvac().batch(market, CompositeParameters(ads_weight=0, pfp_weight=0), seed=0)
    assert (found == 0).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ads_blend": [1]}, "ads_blend has 1 weights, ads_slope_windows_ms 3 windows"),
        ({"ads_slope_windows_ms": [2500, 1000, 5000]}, "must ascend, each once"),
        ({"ads_weight": 0, "pfp_weight": 0, "svac_weight": 0}, "are all 0: nothing is left"),
        ({"pfp_lag_ms": 0}, "greater than 0"),
        ({"svac_alpha": 1.5}, "less than or equal to 1"),
    ],
)
def test_settings_are_checked(settings, message):
    """Windows ascend, each has a weight, and some part counts."""
    with pytest.raises(ValueError, match=message):
        CompositeParameters.model_validate(settings)


@pytest.mark.parametrize(
    ("weights", "idle"),
    [
        ({"ads_weight": 0}, {"ads_warmup_ms": 5, "ads_blend_scale": 1}),
        ({"pfp_weight": 0}, {"pfp_lag_ms": 100, "pfp_alpha": 0.5, "pfp_add_weight": 0}),
        ({"svac_weight": 0}, {"svac_alpha": 0.5}),
        ({"ads_weight": 0, "pfp_weight": 0}, {"svac_weight": 7}),
    ],
)
def test_idle_settings_are_the_default(weights, idle):
    """What a part of no weight would read, and the weight of the only part, change nothing."""
    one = CompositeParameters(**weights, **idle)
    assert one == CompositeParameters(**weights, **dict.fromkeys(idle.keys() & {"svac_weight"}, 1.0))


def test_times_become_bins(noise):
    """Times are rounded up to bins; what is too few bins is refused in one line, unless that part has no weight."""
    market = noise(300, AdsPfpSvac.columns)
    rough = CompositeParameters(pfp_lag_ms=401, ads_slope_windows_ms=(901, 2500, 5000), ads_warmup_ms=19_901)
    np.testing.assert_array_equal(
        AdsPfpSvac().batch(market, rough, seed=0), AdsPfpSvac().batch(market, CompositeParameters(), seed=0)
    )
    slow = replace(market, bin_s=2.0)
    message = r"in bins of 2000 ms: slope_windows.0: Input should be greater than or equal to 2 .longer times"
    with pytest.raises(UserError, match=message):
        AdsPfpSvac().batch(slow, CompositeParameters(), seed=0)
    assert np.isfinite(AdsPfpSvac().batch(slow, CompositeParameters(ads_weight=0), seed=0)).any()
