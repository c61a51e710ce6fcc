"""The codes of best-price moves, against the whole table."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.signals.grid.permutation import ABOVE, BELOW, moves, permutation, state5
from fairtrial.systems.signals.record import LEVELS, REACH, Bins

TABLE = {
    # (ask, bid): above the spot, at it, below it
    (-1, -1): (-1, 0, -2),
    (-1, 0): (-1, 0, -2),
    (-1, 1): (0, 0, 0),
    (0, -1): (-1, 0, -2),
    (0, 0): (0, 0, 0),
    (0, 1): (2, 0, 1),
    (1, -1): (-1, 0, -2),
    (1, 0): (-1, 0, -2),
    (1, 1): (2, 0, 1),
}
TICK = 250_000_000
NAMES = (
    "best_ask_move_ticks", "best_bid_move_ticks", "ask_reprice_sign", "bid_reprice_sign", "perm_microstate_id",
    "perm_state5_code", "chase_up_flag", "chase_down_flag",
)  # fmt: skip


def bins(bids, asks, valid=None):
    """Bins with these best prices, in ticks."""
    bid, ask = (np.array(prices, np.int64) * TICK for prices in (bids, asks))
    none = np.zeros(len(bid), np.int64)
    valid = np.ones(len(bid), bool) if valid is None else np.array(valid)
    return Bins(none, none, none, none, none * 1.0, none, none, valid, bid, ask, none)


@pytest.mark.parametrize("side", ["above", "at", "below"])
@pytest.mark.parametrize("signs", TABLE)
def test_the_table(signs, side):
    """Each of nine pairs of signs gives the code of the table above the spot, at it and below it."""
    columns = permutation(bins([1000, 1000 + 3 * signs[1]], [1010, 1010 + 2 * signs[0]]), 0.25, NAMES)
    cells = {"above": range(REACH + 1, LEVELS), "at": [REACH], "below": range(REACH)}[side]
    told = TABLE[signs][("above", "at", "below").index(side)]
    assert set(columns["perm_state5_code"][1, cells].tolist()) == {told}
    ask, bid = signs
    assert set(columns["perm_microstate_id"][1].tolist()) == {3 * (ask + 1) + bid + 1}
    assert columns["best_ask_move_ticks"][1, 0] == 2 * ask
    assert columns["best_bid_move_ticks"][1, 0] == 3 * bid
    assert (columns["ask_reprice_sign"][1, 0], columns["bid_reprice_sign"][1, 0]) == signs
    assert columns["chase_up_flag"][1, 0] == (signs == (1, 1))
    assert columns["chase_down_flag"][1, 0] == (signs == (-1, -1))


def test_the_table_is_whole():
    """Each microstate has one code on each side, and there are nine."""
    assert len(ABOVE) == len(BELOW) == len(TABLE) == 9
    for (ask, bid), (above, _, below) in TABLE.items():
        state = np.array([3 * (ask + 1) + bid + 1], np.int8)
        assert state5(state)[0, [REACH - 1, REACH, REACH + 1]].tolist() == [below, 0, above]


def test_the_first_bin_has_no_move():
    """Nothing precedes the first bin: it is microstate 4, code 0."""
    columns = permutation(bins([1000], [1001]), 0.25, NAMES)
    assert set(columns["perm_microstate_id"].ravel().tolist()) == {4}
    assert not columns["perm_state5_code"].any()


def test_invalid_books():
    """An invalid bin has no move, and the next valid one shows the move over the gap."""
    price = np.array([100, 0, 107, 105], np.int64) * TICK
    assert moves(price, np.array([True, False, True, True]), TICK).tolist() == [0, 0, 7, -2]
    assert moves(price, np.zeros(4, bool), TICK).tolist() == [0, 0, 0, 0]


def test_only_what_is_asked():
    """Only the named columns are made; signs and codes are bytes."""
    columns = permutation(bins([1, 2], [3, 4]), 0.25, ["perm_state5_code", "v_add"])
    assert {name: values.dtype for name, values in columns.items()} == {"perm_state5_code": np.dtype(np.int8)}
