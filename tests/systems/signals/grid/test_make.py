"""What is asked for is made, the same whatever else is; what comes later changes nothing."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from fairtrial.errors import UnknownName, UserError
from fairtrial.systems.signals.grid.columns import COLUMNS, NAMES, asked, needed
from fairtrial.systems.signals.grid.make import derived, make
from fairtrial.systems.signals.record import LEVELS, Events
from fairtrial.systems.signals.words import Grid

GRID = Grid(spectrum_windows=(3, 6), spectrum_z_bins=60, spectrum_min_bins=20)
KINDS = ("add", "pull", "fill", "rest_depth", "bid_depth", "ask_depth")
LISTED = [
    *("add_mass", "pull_mass", "fill_mass", "rest_depth", "bid_depth", "ask_depth"),
    *(f"{of}_{what}" for of in "vaj" for what in KINDS),
    *("pressure_variant", "vacuum_variant", "spectrum_score", "spectrum_state_code"),
    *("best_ask_move_ticks", "best_bid_move_ticks", "ask_reprice_sign", "bid_reprice_sign"),
    *("perm_microstate_id", "perm_state5_code", "chase_up_flag", "chase_down_flag", "last_event_id", "k"),
]


@pytest.fixture
def events(flow):
    return flow(21, 900)


@pytest.fixture
def made(events):
    return make(events, tick_size=0.25, grid=GRID)


def until(events, stop):
    """The first messages."""
    return Events(*(getattr(events, field.name)[:stop] for field in fields(events)))


def test_all_columns(made):
    """Every listed column is there, of its type and shape, finite in every bin, those of an invalid book included."""
    assert sorted(made.columns) == sorted(LISTED) == sorted(NAMES)
    for column in COLUMNS:
        values = made.columns[column.name]
        assert (values.dtype, values.shape) == (np.dtype(column.dtype), (len(made.bins), LEVELS))
        assert np.isfinite(values).all()
        assert column.help.endswith(".")
    assert not made.bins.book_valid.all()
    assert np.abs(made.columns["spectrum_state_code"]).max() == 1
    assert made.columns["k"][5].tolist() == list(range(-50, 51))
    assert not made.odd


@pytest.mark.parametrize("name", NAMES)
def test_one_column_alone(events, made, name):
    """A column that is asked for alone is the same to the last bit, and nothing else comes."""
    alone = make(events, tick_size=0.25, grid=GRID, columns=[name]).columns
    assert list(alone) == [name]
    np.testing.assert_array_equal(alone[name], made.columns[name])


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_causal(events, made, share):
    """Without the messages after a bin, all rows up to it are the same to the last bit."""
    stop = int(share * len(events))
    cut = make(until(events, stop), tick_size=0.25, grid=GRID)
    whole = int(np.searchsorted(made.bins.bin_end_ns, events.ts_ns[stop], side="right"))
    assert whole > 20
    for name in NAMES:
        np.testing.assert_array_equal(cut.columns[name][:whole], made.columns[name][:whole], err_msg=name)


def test_derived_equals_made(made):
    """Pressure, vacuum and spectrum of stored columns are those that messages give."""
    again = derived(made.columns, ["spectrum_score", "vacuum_variant"], GRID)
    assert sorted(again) == ["spectrum_score", "vacuum_variant"]
    for name, values in again.items():
        np.testing.assert_array_equal(values, made.columns[name])


def test_start_and_stop(events, start):
    """Bins begin and end where they are asked to."""
    bins = make(
        events, tick_size=0.25, grid=GRID, start_ns=start + 10**9, stop_ns=start + 2 * 10**9, columns=["k"]
    ).bins
    assert (int(bins.bin_start_ns[0]), int(bins.bin_end_ns[-1])) == (start + 10**9, start + 2 * 10**9)


def test_what_columns_need():
    """Codes of best prices need no other column; a spectrum needs pressure, vacuum, and what they are made of."""
    assert needed(asked(["perm_state5_code"])) == {"perm_state5_code"}
    assert needed(asked(["pressure_variant"])) == {"pressure_variant", "v_add", "v_rest_depth", "a_add"}
    assert {"spectrum_score", "vacuum_variant", "a_pull"} <= needed(asked(["spectrum_state_code"]))


def test_an_unknown_column(events):
    """The nearest column is named."""
    with pytest.raises(UnknownName, match="perm_state5_code"):
        make(events, tick_size=0.25, grid=GRID, columns=["perm_state5"])


@pytest.mark.parametrize("size", [1e-12, 0.25000000001])
def test_a_width_that_prices_cannot_have(events, size):
    """Cells are whole multiples of 1e-9: anything else is refused in one line."""
    with pytest.raises(UserError, match="whole multiple of 1e-09"):
        make(events, tick_size=0.25, grid=Grid(bucket_size=size), columns=["k"])
