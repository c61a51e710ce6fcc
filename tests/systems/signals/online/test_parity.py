"""Parity: how far two courses of values lie apart, and when they are equal."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fairtrial.systems.signals.online.parity import Parity, compared, parity

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("once", "stepped", "wanted", "equal"),
    [
        ([NAN, 1.0, 2.0], [NAN, 1.0, 2.0 + 5e-10], Parity(3, 2, 5e-10 / 2, 2, 0), True),
        ([NAN, 0.5, 2.0], [NAN, 0.5 + 2e-9, 2.0], Parity(3, 2, 2e-9, 1, 0), False),
        ([NAN, 1.0, 2.0], [0.0, 1.0, NAN], Parity(3, 1, 0.0, 1, 2), False),
        ([1e6, 1.0], [1e6 + 5e-4, 1.0], Parity(2, 2, 5e-10, 0, 0), True),
        ([INF, -INF], [INF, -INF], Parity(2, 2, 0.0, 0, 0), True),
        ([INF, 1.0], [-INF, 1.0], Parity(2, 2, INF, 0, 0), False),
        ([1.0, INF], [1.0, 5.0], Parity(2, 2, INF, 1, 0), False),
        ([NAN, NAN], [NAN, NAN], Parity(2, 0, 0.0, -1, 0), False),
        ([], [], Parity(0, 0, 0.0, -1, 0), False),
    ],
)
def test_compared(once, stepped, wanted, equal):
    """Differences above 1e-9, of values above 1 relative, and bins where only one has a value, are told."""
    found = compared(np.array(once, dtype=float), np.array(stepped, dtype=float))
    assert found.worst == pytest.approx(wanted.worst, rel=1e-6)
    assert (found.bins, found.compared, found.worst_bin, found.missing) == (
        wanted.bins, wanted.compared, wanted.worst_bin, wanted.missing,
    )  # fmt: skip
    assert found.equal is equal


def test_parity(scripted, market):
    """The stream is stepped through the market and compared with the batch."""
    signal = scripted([0.0] * 30, np.linspace(-1, 1, 30).tolist())
    assert parity(signal, None, market(30), seed=0) == Parity(30, 30, 0.0, 0, 0)
    straight = signal.batch
    signal.batch = lambda data, parameters, *, seed: straight(data, parameters, seed=seed) + 1e-8 * (np.arange(30) == 7)
    found = parity(signal, None, market(30), seed=0)
    assert not found.equal
    assert (found.worst_bin, found.worst) == (7, pytest.approx(1e-8))
