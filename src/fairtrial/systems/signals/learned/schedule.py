"""When a model learns: after the first so many bins, then after every so many.

Bins are counted, not rows: when a model learns is then known before anything has happened. A model that learned after
bin t answers from bin t + 1 on; one for which there are too few rows goes on as it was, and tries again in its turn.
"""

from __future__ import annotations

from typing import NamedTuple


class Schedule(NamedTuple):
    """After which bins a model learns."""

    first_bins: int
    every_bins: int

    def due(self, seen: int) -> bool:
        """Say whether it learns now that so many bins have been seen."""
        return seen >= self.first_bins and (seen - self.first_bins) % self.every_bins == 0

    def left(self, seen: int) -> int:
        """Return the bins from here to the next time it learns, 1 or more."""
        if seen < self.first_bins:
            return self.first_bins - seen
        return self.every_bins - (seen - self.first_bins) % self.every_bins
