"""Labels against a plain reference, and what a window holds at each bin."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.signals.learned.window import Labels, Window


def _reference(mids, barrier, longest):
    """Return (side, bin at which it was known) of each bin; (0, -1) where none was touched in time."""
    found = []
    for i, start in enumerate(mids):
        touched = ((j, mids[j] - start) for j in range(i + 1, min(i + longest, len(mids) - 1) + 1))
        hit = next(((j, gap) for j, gap in touched if abs(gap) >= barrier - 1e-6), None)
        found.append((0, -1) if hit is None else (1 if hit[1] > 0 else -1, hit[0]))
    return found


@pytest.fixture(scope="module")
def mids():
    """500 mids in half ticks, some bins without."""
    rng = np.random.default_rng(4)
    found = 1000 + np.cumsum(rng.choice([-0.5, 0.0, 0.5], 500))
    found[rng.integers(0, 500, 25)] = np.nan
    return found


@pytest.mark.parametrize("piece", [1, 7, 60])
@pytest.mark.parametrize(("barrier", "longest", "size"), [(2.0, 40, 60), (4.0, 99, 100), (0.5, 1, 60)])
def test_labels_match_reference(mids, barrier, longest, size, piece):
    """At each bin the window has exactly the rows whose side was known by then, with that side, in order."""
    sides = _reference(mids, barrier, longest)
    window = Window(size, 2, Labels(barrier, longest))
    seen = 0
    labelled = 0
    for start in range(0, len(mids), piece):
        part = mids[start : start + piece]
        features = np.where(np.isfinite(part)[:, None], np.arange(start, start + len(part))[:, None], np.nan)
        window.put(np.repeat(features, 2, axis=1), part)
        seen += len(part)
        rows = window.rows()
        wanted = [i for i in range(max(seen - size, 0), seen) if sides[i][0] and sides[i][1] < seen]
        assert rows.begun.tolist() == rows.features[:, 0].tolist() == wanted
        assert list(zip(rows.side, rows.known, strict=True)) == [sides[i] for i in wanted]
        assert rows.now == seen - 1
        labelled += len(wanted)
    assert labelled > 0


def test_prices_that_are_not_whole():
    """Four ticks of a cent are four ticks, whatever rounding makes of them."""
    mids = np.array([100.0, 100.01, 100.02, 100.03, 100.04]) / 0.01
    window = Window(10, 1, Labels(4.0, 5))
    window.put(np.zeros((5, 1)), mids)
    assert window.rows().begun.tolist() == [0]
    assert window.rows().side.tolist() == [1]


def test_without_labels():
    """Without labels every complete row is there."""
    window = Window(4, 1, None)
    window.put(np.array([[0.0], [np.nan], [2.0]]), np.zeros(3))
    window.put(np.array([[3.0], [4.0]]), np.zeros(2))
    assert window.rows().features[:, 0].tolist() == [2.0, 3.0, 4.0]
