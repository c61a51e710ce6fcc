"""The trailing window that a model learns from: rings of features, of mids, and of what came of each bin."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fairtrial.systems.signals.learned.compiled import resolve
from fairtrial.systems.signals.record import Bytes, Floats, Integers


class Rows(NamedTuple):
    """What a model may learn from after a bin, in order of time (m of them)."""

    features: Floats
    """(m, features), all finite."""
    side: Bytes
    """+1 or -1: which barrier was touched first; 0 throughout where nothing is labelled."""
    begun: Integers
    """The bin itself."""
    known: Integers
    """The bin at which its side was known, never after `now`."""
    now: int
    """The last bin that was seen."""

    def pick(self, chosen: Integers) -> Rows:
        """Return some of the rows."""
        return Rows(self.features[chosen], self.side[chosen], self.begun[chosen], self.known[chosen], self.now)


class Labels(NamedTuple):
    """What a row's side is: which of mid + barrier and mid - barrier the mid touches first, if it does in time."""

    barrier_ticks: float
    max_bins: int


class Window:
    """The last `size` bins; labels: None where a model learns without."""

    def __init__(self, size: int, width: int, labels: Labels | None) -> None:
        self.size = size
        self._labels = labels
        self._features = np.full((size, width), np.nan)
        self._mid, self._side = np.full(size, np.nan), np.zeros(size, np.int8)
        self._known = np.full(size, -1, np.int64)
        self._seen = 0

    def put(self, features: Floats, mids: Floats) -> None:
        """Let bins pass, no more than the window holds."""
        size = self.size
        self._features[np.arange(self._seen, self._seen + len(mids)) % size] = features
        if self._labels is not None:
            rings = (self._mid, self._side, self._known)
            resolve(rings, self._seen, mids, self._labels.barrier_ticks, self._labels.max_bins)
        self._seen += len(mids)

    def rows(self) -> Rows:
        """Return the complete rows; with labels, those whose side is known by now."""
        size = self.size
        begun = np.arange(max(self._seen - size, 0), self._seen)
        at = begun % size
        use = np.isfinite(self._features[at, 0])
        if self._labels is not None:
            use &= self._side[at] != 0
        begun, at = begun[use], at[use]
        return Rows(self._features[at], self._side[at], begun, self._known[at], self._seen - 1)
