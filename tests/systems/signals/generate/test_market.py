"""A made-up market as signals see it."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.errors import UserError
from fairtrial.systems.signals.generate.flow import START_NS
from fairtrial.systems.signals.generate.market import fitted, market
from fairtrial.systems.signals.record import LEVELS, REACH
from fairtrial.systems.signals.words import Grid, Synthetic


def test_a_market_has_what_is_asked_for(known):
    """Bins, tick and columns are those that were asked for, mids are the path's, cells on both sides have depth."""
    asked = Synthetic(bins=400, bin_s=0.2, tick_size=0.5)
    made = market(asked, np.random.default_rng(0), columns=("bid_depth", "ask_depth", "v_add"))
    assert set(made.columns) == {"bid_depth", "ask_depth", "v_add"}
    assert (len(made), made.tick_size, made.bin_s) == (400, 0.5, 0.2)
    assert made.columns["v_add"].shape == (400, LEVELS)
    assert np.array_equal(np.diff(made.mid_ticks), np.diff(known(asked, 0).mid))
    assert made.bins.bin_start_ns[0] == START_NS
    assert np.all(np.diff(made.bins.bin_start_ns) == 200_000_000)
    assert np.all(made.columns["bid_depth"][:, : REACH - 1] > 0)
    assert np.all(made.columns["ask_depth"][:, REACH + 3 :] > 0)


def test_the_half_spread_is_mostly_half_a_tick():
    """What the book says that half a spread costs makes sense."""
    half = market(Synthetic(bins=3000), np.random.default_rng(1), columns=()).half_spread_ticks
    assert np.median(half) == 0.5
    assert half.max() <= 1.5
    assert 0.8 < np.mean(half == 0.5) < 0.95


def test_a_variant_differs_in_its_grid_alone():
    """The same seed with another grid gives the same bins and other columns."""
    asked = Synthetic(bins=200)
    plain, other = (
        market(asked, np.random.default_rng(2), grid=grid, columns=("pressure_variant",)) for grid in (None, Grid(c1=3))
    )
    assert np.array_equal(plain.bins.mid_price, other.bins.mid_price)
    assert not np.array_equal(plain.columns["pressure_variant"], other.columns["pressure_variant"])


def test_bins_are_as_long_as_the_market_says():
    """The grid's bins have the market's length; a grid that asks for another is refused in one line."""
    assert fitted(Synthetic(bin_s=0.25), None).cell_width_ms == 250
    assert fitted(Synthetic(bin_s=0.25), Grid(c1=2)) == Grid(c1=2, cell_width_ms=250)
    assert fitted(Synthetic(bin_s=0.25), Grid(cell_width_ms=250)).cell_width_ms == 250
    with pytest.raises(UserError, match="cell_width_ms 50: the bins of a market that is made up last 250 ms"):
        fitted(Synthetic(bin_s=0.25), Grid(cell_width_ms=50))
    with pytest.raises(UserError, match=r"bin_s 0\.0015 is not a whole number of milliseconds"):
        fitted(Synthetic(bin_s=0.0015), None)
