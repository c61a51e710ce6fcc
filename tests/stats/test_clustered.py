"""Rates in clusters: exact without clustering, wide enough with it, and a test that exchanges whole clusters."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.errors import FairtrialError
from fairtrial.stats.clustered import clustered_interval, design_effect, levels_differ
from fairtrial.stats.interval import rate_interval


@pytest.mark.parametrize(("hits", "size"), [(0, 10), (3, 10), (10, 10), (37, 100)])
def test_without_clustering_it_is_clopper_and_pearsons(hits, size):
    """A design effect of 1 or less changes nothing."""
    for effect in (1.0, 0.4):
        assert clustered_interval(hits, size, effect=effect, df=9) == pytest.approx(rate_interval(hits, size))


def test_nothing_observed_has_no_interval():
    """No answers, no rate; more hits than answers is a bug."""
    assert clustered_interval(0, 0, effect=1, df=0) is None
    with pytest.raises(FairtrialError, match="no rate: 3 of 2"):
        clustered_interval(3, 2, effect=1, df=0)


def test_design_effect_by_hand():
    """Two clusters of ten, all hits and none: 2/1 x (25 + 25) over 20/4 is 20; the cluster is the unit."""
    effect, df = design_effect(np.array([10.0, 0.0]), np.array([10.0, 10.0]), np.zeros(2, dtype=np.int64))
    assert effect == pytest.approx(20)
    assert df == 1


def test_design_effect_of_independent_answers_is_one():
    """Without clustering it scatters around 1."""
    rng = np.random.default_rng(0)
    level = np.repeat(np.arange(4), 200)
    effect, df = design_effect(rng.binomial(10, 0.3, 800).astype(float), np.full(800, 10.0), level)
    assert effect == pytest.approx(1, abs=0.15)
    assert df == 796


def test_clustered_answers_are_covered():
    """Where answers of a trial correlate by 0.5, the 95 % interval holds the rate in at least 93 % of 1,000 repeats.

    The binomial interval holds it in fewer than 80 %.
    """
    rng = np.random.default_rng(0)
    held = plain = 0
    level = np.repeat(np.arange(4), 6)
    for _ in range(1000):
        hits = rng.binomial(10, rng.beta(0.3, 0.7, 24)).astype(float)
        effect, df = design_effect(hits, np.full(24, 10.0), level)
        low, high = clustered_interval(hits[:6].sum(), 60, effect=effect, df=df)
        held += low <= 0.3 <= high
        low, high = rate_interval(int(hits[:6].sum()), 60)
        plain += low <= 0.3 <= high
    assert held >= 930
    assert plain < 800


def blocks(replicates, levels):
    """Return level and block of a full design, one cluster a cell."""
    return np.tile(np.arange(levels), replicates), np.repeat(np.arange(replicates), levels)


def test_levels_that_differ_are_seen():
    """All answers at one level, none at the other, in eight replicates."""
    level, block = blocks(8, 2)
    p = levels_differ(level * 10.0, np.full(16, 10.0), level=level, block=block, rng=np.random.default_rng(0))
    assert p is not None
    assert p < 0.02


def test_clusters_stay_in_their_block():
    """Where a block holds one level only, there is nothing to exchange."""
    level = np.array([0, 0, 1, 1])
    rng = np.random.default_rng(0)
    assert levels_differ(level * 10.0, np.full(4, 10.0), level=level, block=level, rng=rng) is None
    assert levels_differ(level * 10.0, np.full(4, 10.0), level=level * 0, block=level * 0, rng=rng) is None


def test_the_order_of_clusters_does_not_matter():
    """The same clusters in another order give the same p."""
    rng = np.random.default_rng(0)
    level, block = blocks(5, 4)
    hits, sizes = rng.binomial(10, 0.4, 20).astype(float), np.full(20, 10.0)
    order = rng.permutation(20)
    one = levels_differ(hits, sizes, level=level, block=block, rng=np.random.default_rng(1))
    other = levels_differ(
        hits[order], sizes[order], level=level[order], block=block[order], rng=np.random.default_rng(1)
    )
    assert one == other
