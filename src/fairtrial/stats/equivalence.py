"""Showing that a difference is small, which a test that found none does not show."""

from __future__ import annotations

from fairtrial.errors import FairtrialError
from fairtrial.stats.difference import Difference, tail


def tost(difference: Difference, margin: float) -> float:
    """Return the p of: the difference lies within -margin to margin (against: it does not).

    The larger p of two one-sided tests. Source: Schuirmann (1987), J. Pharmacokinet. Biopharm. 15. Raises
    FairtrialError unless margin > 0.
    """
    if not margin > 0:
        raise FairtrialError(f"a margin of equivalence is above 0, not {margin}")
    return max(tail(difference, margin - difference.estimate), tail(difference, margin + difference.estimate))
