"""Blocks of time: the same for every configuration, nothing lost, joined to the longest trade."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.signals.judge.block import LATTICE, blocks, joined
from fairtrial.systems.signals.judge.fold import Stretch
from fairtrial.systems.signals.record import TP, TRUNCATED, Trades


def trades(entries, net, markets=None):
    """Make trades with these entries and results; NaN: truncated."""
    entry, net = np.array(entries), np.array(net, dtype=np.float64)
    zeros = np.zeros(len(entry), np.int64)
    market = zeros if markets is None else np.array(markets)
    kind = np.where(np.isnan(net), TRUNCATED, TP).astype(np.int8)
    return Trades(market, zeros, entry, entry, entry + 1, kind, kind, net, 0 * net, 0 * net)


def test_blocks_lie_on_a_lattice():
    """Tested bins 700 to 2,400 of one market: blocks 1 to 3, cut to what was tested; a truncated trade is in none."""
    found = blocks(
        trades([700, 1199, 1200, 1300, 1900], [1, 2, 4, np.nan, 8]),
        [Stretch(0, 700, 1500, 1500), Stretch(0, 1500, 2400, 2400)],
    )
    assert {name: column.tolist() for name, column in found.items()} == {
        "market": [0, 0, 0],
        "block": [1, 2, 3],
        "start_bin": [700, 1200, 1800],
        "stop_bin": [1200, 1800, 2400],
        "net_ticks": [3, 4, 8],
        "trades": [2, 1, 1],
    }


def test_several_days():
    """Blocks are numbered in each market; the markets' ends are not joined."""
    tested = [Stretch(0, 0, 1300, 1300), Stretch(2, 300, 900, 900)]
    found = blocks(trades([10, 1299, 600], [1, 2, 4], [0, 0, 2]), tested)
    assert found["market"].tolist() == [0, 0, 0, 2, 2]
    assert found["block"].tolist() == [0, 1, 2, 0, 1]
    assert found["net_ticks"].tolist() == [1, 0, 2, 0, 4]
    assert joined(found, "net_ticks", 1200).tolist() == [1, 2, 4]
    assert joined(found, "trades", LATTICE).tolist() == found["trades"].tolist()


@pytest.mark.parametrize("tested", [[], [Stretch(0, 300, 300, 300)]])
def test_nothing_tested(tested):
    """No rows."""
    found = blocks(trades([], []), tested)
    assert all(len(column) == 0 for column in found.values())
    assert joined(found, "net_ticks", 1200).tolist() == []
