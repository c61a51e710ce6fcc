"""Interim looks: against published levels, multivariate normal integrals, and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from fairtrial.errors import FairtrialError, UnknownName
from fairtrial.stats.sequential import looks, rejection, spending

KINDS = ["obrien-fleming", "pocock", "constant"]


def test_two_constant_looks_are_pococks():
    """0.0294 each, as https://forum.bebac.at/forum_entry.php?id=23824&order=time cites it."""
    assert looks([0.5, 1], 0.05, "constant") == pytest.approx([0.0294] * 2, abs=5e-5)


def test_four_one_sided_looks_are_those_of_another_program():
    """The nominal p values printed on https://github.com/PharmCat/SeqBounds.jl, up to the width of its grid."""
    published = [8.85754e-5, 0.00554366, 0.0218979, 0.0427037]
    assert looks([0.25, 0.5, 0.75, 1], 0.05, sides=1) == pytest.approx(published, rel=2e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("fractions", [[0.5, 1.0], [0.2, 0.7, 1.0], [0.3, 0.301, 1.0]])
def test_all_looks_together_reject_at_alpha(fractions, sides, kind):
    """By scipy's multivariate normal distribution of the statistics at the looks."""
    times = np.asarray(fractions)
    covariance = np.sqrt(np.minimum.outer(times, times) / np.maximum.outer(times, times))
    z = -norm.ppf(np.asarray(looks(fractions, 0.05, kind, sides=sides)) / sides)
    inside = multivariate_normal(np.zeros(len(z)), covariance, abseps=1e-7, maxpts=1_000_000, seed=0).cdf(
        np.minimum(z, 40), lower_limit=np.maximum(-z, -40) if sides == 2 else None
    )
    assert 1 - inside == pytest.approx(0.05, abs=2e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_twenty_looks_at_random_walks_reject_at_alpha(kind):
    """By simulation of 40,000 walks without an effect, within three standard errors."""
    fractions = np.arange(1, 21) / 20
    walks = np.cumsum(np.random.default_rng(0).normal(size=(40_000, 20)), axis=1) / np.sqrt(np.arange(1, 21))
    p = 2 * norm.sf(np.abs(walks))
    share = (p <= looks(fractions.tolist(), 0.05, kind)).any(axis=1).mean()
    assert share == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 40_000))


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_look_uses_all(kind):
    """Without interim looks the level is alpha."""
    assert looks([1.0], 0.01, kind) == pytest.approx([0.01])


def test_looks_that_are_still_to_come_keep_their_share():
    """A schedule cut short spends what is due so far, and its first levels are those of the whole schedule."""
    whole = looks([0.25, 0.5, 1.0], 0.05)
    assert looks([0.25, 0.5], 0.05) == pytest.approx(whole[:2])
    assert rejection([0.25, 0.5], whole[:2]) == pytest.approx(spending("obrien-fleming", 0.5, 0.05))


@pytest.mark.parametrize("fractions", [[], [0.0, 1.0], [0.5, 0.5, 1.0], [1.0, 0.5], [0.5, 1.1]])
def test_looks_ascend(fractions):
    """Looks at no data, twice at the same or at more than all are a mistake."""
    with pytest.raises(FairtrialError, match="ascending"):
        looks(fractions, 0.05)


def test_another_spending_is_unknown():
    """The kinds are said."""
    with pytest.raises(UnknownName, match="did you mean 'pocock'"):
        looks([0.5, 1.0], 0.05, "pococks")
