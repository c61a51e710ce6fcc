"""First passages: by hand, against a plain loop, on any grid of prices and off it."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.signals.judge import barrier
from fairtrial.systems.signals.judge.barrier import Barriers, filled, passages
from fairtrial.systems.signals.record import SL, TIMEOUT, TP

NAN = np.nan


def plain(mid, at, side, barriers):
    """Follow one entry, the plain way."""
    last = min(at + barriers.hold_bins, len(mid) - 1)
    for later in range(at + 1, last + 1):
        moved = side * (mid[later] - mid[at])
        if moved >= barriers.tp_ticks - 1e-6:
            return later, TP
        if moved <= -barriers.sl_ticks + 1e-6:
            return later, SL
    return last, TIMEOUT


def agree(mid, barriers):
    """Compare with the plain loop, every bin at which the mid is known, both sides."""
    found = passages(filled(mid), barriers)
    known = np.flatnonzero(~np.isnan(mid)).tolist()
    for row, side in enumerate((1, -1)):
        expected = [plain(mid, at, side, barriers) for at in known]
        assert list(zip(found.exits[row, known].tolist(), found.outcomes[row, known].tolist(), strict=True)) == expected


def test_by_hand():
    """Up 2 or down 1 within three bins: touched exactly, jumped over, too late, and past the end."""
    mid = np.array([10.0, 11.0, 12.0, 9.0, 9.5, 9.0, 9.0, 9.5])
    found = passages(mid, Barriers(2, 1, 3))
    assert found.exits.tolist() == [[2, 3, 3, 6, 7, 7, 7, 7], [1, 2, 3, 6, 7, 7, 7, 7]]
    assert found.outcomes.tolist() == [[TP, SL, SL] + [TIMEOUT] * 5, [SL, SL, TP] + [TIMEOUT] * 5]


def test_a_gap_over_both_barriers_is_what_it_lands_on():
    """From 10 up to 40 and down to -40: past the take profit, past the stop loss, whichever bin comes first."""
    found = passages(np.array([10.0, 40.0, -40.0, 40.0]), Barriers(8, 4, 10))
    assert found.outcomes[:, :3].tolist() == [[TP, SL, TP], [SL, TP, SL]]
    assert found.exits[:, :3].tolist() == [[1, 2, 3], [1, 2, 3]]


@pytest.mark.parametrize("unit", [0.5, 1.0, 0.02, 1 / 3, 0.123456789])
@pytest.mark.parametrize("barriers", [Barriers(8, 4, 1200), Barriers(4, 8, 30), Barriers(2.25, 0.1, 50)])
def test_every_bin_agrees_with_a_plain_loop(unit, barriers, walk):
    """On half ticks, on finer grids and off any, with gaps in the mids and jumps over many ticks."""
    rng = np.random.default_rng(0)
    mid = walk(700, rng)[0] * 2 * unit
    mid[rng.random(700) < 0.01] += np.rint(rng.normal(0, 20)) * unit
    mid[rng.random(700) < 0.05] = NAN
    mid[:3] = NAN
    agree(mid, barriers)


def test_prices_that_no_float_holds():
    """A tick of 0.01 has no exact quotients: eight ticks are eight ticks all the same, at any price."""
    mid = np.array([100.05, 100.13, 100.05, 99.97]) / 0.01
    found = passages(mid, Barriers(8, 8, 5))
    assert found.outcomes[:, :2].tolist() == [[TP, SL], [SL, TP]]
    assert found.exits[:, :2].tolist() == [[1, 2], [1, 2]]


def test_both_ways_give_the_same(walk, monkeypatch):
    """The table of a grid, and following each bin."""
    mid, barriers = walk(20_000, np.random.default_rng(1))[0], Barriers(8, 4, 1200)
    table = passages(mid, barriers)
    monkeypatch.setattr(barrier, "LEVELS", 0)
    followed = passages(mid, barriers)
    assert (table.exits == followed.exits).all()
    assert (table.outcomes == followed.outcomes).all()


def test_nothing_moves():
    """A constant price, one bin, no bin, and no price at all: time-outs, no error."""
    for mid in ([5.0] * 4, [5.0], [], [NAN, NAN, NAN]):
        found = passages(filled(np.array(mid)), Barriers(8, 4, 2))
        assert (found.outcomes == TIMEOUT).all()
        assert found.exits[0].tolist() == [min(at + 2, len(mid) - 1) for at in range(len(mid))]


def test_far_barriers_are_out_of_reach(walk):
    """A million ticks need no million levels."""
    found = passages(walk(100, np.random.default_rng(0))[0], Barriers(1e6, 1e6, 50))
    assert (found.outcomes == TIMEOUT).all()


def test_filled():
    """The last number before; leading ones stay."""
    assert filled(np.array([NAN, 1.0, NAN, NAN, 2.0])).tolist()[1:] == [1, 1, 1, 2]
    assert np.isnan(filled(np.array([NAN, 1.0]))[0])
