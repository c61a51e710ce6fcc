"""Features: how many, called what, and equal to what they are said to be."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.signals.catalogue import LEARNED, signal
from fairtrial.systems.signals.grid.columns import NAMES
from fairtrial.systems.signals.learned.features import Features
from fairtrial.systems.signals.record import REACH

COUNTS = {"svm_sp": 45, "gbm_mf": 53, "knn_cl": 35, "lsvm_der": 60, "xgb_snap": 163, "pca_ad": 103}


@pytest.mark.parametrize("name", LEARNED)
def test_counts(name):
    """Each signal has as many features as it says, under names of their own, from columns that a grid has."""
    layout = signal(name).layout
    assert len(layout.names) == len(set(layout.names)) == COUNTS[name]
    assert set(signal(name).columns) == set(layout.columns) <= set(NAMES)


def test_blocks():
    """The blocks are those that were asked for: sampled cells, rolled bands, centre cells, the whole grid."""
    named = {name: signal(name).layout.names for name in LEARNED}
    assert sum(one.startswith("net[") for one in named["svm_sp"]) == 21
    assert sum(" mean " in one or " sd " in one for one in named["svm_sp"]) == 18
    assert sum(one.startswith("return ") for one in named["svm_sp"]) == 6
    assert sum("[" in one for one in named["xgb_snap"]) == 153
    assert sum("[" in one for one in named["pca_ad"]) == 101


@pytest.mark.parametrize("name", LEARNED)
def test_rows_match_plain_reference(name, market):
    """A row is what numpy makes of the bin and those before it."""
    made = market(900, edge=0.5)
    layout = signal(name).layout
    rows = Features(layout).take(made.columns, made.mid_ticks)
    assert np.isnan(rows[: layout.reach]).all()
    assert np.isfinite(rows[layout.reach :]).all()
    for bin_ in (layout.reach, 700, 899):
        np.testing.assert_allclose(rows[bin_], [_plain(one, made, bin_) for one in layout.names], atol=1e-9)


def _plain(name, market, at):
    """Read a feature's value off its name."""
    if name.startswith("return "):
        return market.mid_ticks[at] - market.mid_ticks[at - int(name.split()[1])]
    if name.startswith("volatility "):
        window = int(name.split()[1])
        return np.std(np.diff(market.mid_ticks[at - window : at + 1]))
    if " mean " in name or " sd " in name:
        of, kind, window = name.rsplit(" ", 2)
        values = [_plain(of, market, bin_) for bin_ in range(at - int(window) + 1, at + 1)]
        return np.mean(values) if kind == "mean" else np.std(values)
    if "[" in name:
        field, k = name[:-1].split("[")
        return _field(field, market)[at, int(k) + REACH]
    return _sides(name, market, at)


def _sides(name, market, at):
    field, band, kind = name.split(" ")
    cells = {"inner": (1, 3), "mid": (4, 11), "outer": (12, 23), "side": (1, 50)}[band]
    row = _field(field, market)[at]
    below = row[REACH - cells[1] : REACH - cells[0] + 1].mean()
    above = row[REACH + cells[0] : REACH + cells[1] + 1].mean()
    return below - above if kind == "lean" else below + above


def _field(name, market):
    if name == "net":
        return market.columns["pressure_variant"] - market.columns["vacuum_variant"]
    return market.columns[name]


def test_gaps(market):
    """A bin without a mid, or with an empty cell, has no row; those after it have theirs, as if nothing had changed."""
    made = market(1400, edge=0.5)
    layout = signal("gbm_mf").layout
    mids = made.mid_ticks.copy()
    columns = {name: values.copy() for name, values in made.columns.items()}
    mids[1000] = np.nan
    columns["pressure_variant"][1100, REACH + 2] = np.nan
    rows = Features(layout).take(columns, mids)
    assert np.flatnonzero(np.isnan(rows).any(axis=1)).tolist() == [*range(layout.reach), 1000, 1100]
    mids[1000] = mids[999]
    filled = Features(layout).take(columns, mids)
    np.testing.assert_array_equal(rows[1001:1100], filled[1001:1100])
