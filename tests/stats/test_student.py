"""Student's t: against scipy."""

from __future__ import annotations

import pytest
import scipy.special

from fairtrial.stats.student import LARGE, quantile


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95, 0.99, 0.999])
def test_quantiles_are_those_of_scipy(level):
    """Eleven digits at every number of degrees of freedom, on both sides of the expansion's border."""
    for df in [*range(1, 60), 99, LARGE - 2, LARGE - 1, LARGE, LARGE + 1, 10_000, 10**6]:
        expected = float(scipy.special.stdtrit(df, (1 + level) / 2))
        assert quantile(df, (1 + level) / 2) == pytest.approx(expected, rel=1e-11)


def test_the_middle_is_zero():
    """Half of the probability lies below 0."""
    assert quantile(3, 0.5) == 0.0
