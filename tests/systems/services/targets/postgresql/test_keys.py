"""Keys are drawn as declared."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from fairtrial.systems.services.targets.postgresql import keys

ROWS, DRAWN = 1000, 200_000


def test_uniform_keys_are_all_equally_likely() -> None:
    """Chi-squared over all rows, ends included."""
    drawn = keys.uniform(ROWS)(np.random.default_rng(0), DRAWN)
    assert (drawn.min(), drawn.max()) == (1, ROWS)
    assert stats.chisquare(np.bincount(drawn, minlength=ROWS + 1)[1:]).pvalue > 0.001


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.1, 2.0])
def test_zipf_keys_follow_the_law(exponent: float) -> None:
    """The frequency of rank k is proportional to k^-exponent, at the key where rank k lies."""
    drawn = keys.zipf(ROWS, exponent)(np.random.default_rng(0), DRAWN)
    ranks = np.arange(1, ROWS + 1)
    seen = np.bincount(drawn, minlength=ROWS + 1)[ranks * keys.SCATTER % ROWS + 1]
    expected = ranks**-exponent / np.sum(ranks**-exponent) * DRAWN
    often = expected >= 5
    seen_, expected_ = [np.append(counts[often], counts[~often].sum()) for counts in (seen, expected)]
    kept = expected_ > 0
    assert stats.chisquare(seen_[kept], expected_[kept]).pvalue > 0.001


def test_hot_keys_lie_scattered() -> None:
    """Every row has one rank, and the most frequent ten are not neighbours."""
    ranks = np.arange(1, 100_001)
    placed = ranks * keys.SCATTER % 100_000 + 1
    assert len(set(placed.tolist())) == 100_000
    assert np.abs(np.diff(np.sort(placed[:10]))).min() > 100


def test_large_tables_draw_within_their_rows() -> None:
    """No overflow at the greatest scale."""
    rows = 10_000 * 100_000
    drawn = keys.zipf(rows, 1.1)(np.random.default_rng(0), 10_000)
    assert drawn.min() >= 1
    assert drawn.max() <= rows
