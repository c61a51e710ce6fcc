"""Bins -> rows of features, in pieces of any length: what is kept of the past is one window, and nothing is summed on.

A row is made of the same values in the same order whether its bin comes alone or among thousands, so that a stream's
rows equal those made at once to the last bit; models of trees would otherwise fall to the other side of a split.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fairtrial.systems.signals.learned.compiled import fill, moments, project
from fairtrial.systems.signals.learned.layout import WINDOWS, Layout
from fairtrial.systems.signals.record import REACH, Floats, Integers

Columns = Mapping[str, npt.NDArray[Any]]


class Features:
    """The features of a layout, of one market, bin after bin.

    A row is NaN throughout where its own bin has no mid or a cell without a value, and before the longest window is
    full. In the windows of later rows such a bin has the value of the one before.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._maps = tuple(_maps(layout))
        tracks = len(layout.rolled) + 1
        self._past = np.full((tracks, layout.reach), np.nan)
        self._last = np.full(tracks, np.nan)

    def take(self, columns: Columns, mids: Floats) -> Floats:
        """Return the rows, (n, features), of the next n bins: columns (n, LEVELS), mids in ticks (n,), NaN: none."""
        layout, before = self._layout, self._layout.reach
        probes = self._probes(columns, len(mids))
        shown = probes[:, : len(layout.shown)]
        tracks = np.ascontiguousarray(np.vstack((probes[:, len(layout.shown) :].T, mids)))
        fill(tracks, self._last)
        tracks = np.hstack((self._past, tracks))
        self._past = tracks[:, tracks.shape[1] - before :].copy()
        rows = np.hstack((shown, self._rolled(tracks, len(mids)), *self._mids(tracks[-1], len(mids))))
        rows[~(np.isfinite(mids) & np.isfinite(probes).all(axis=1) & np.isfinite(rows).all(axis=1))] = np.nan
        return rows

    def _probes(self, columns: Columns, bins: int) -> Floats:
        found = np.zeros((bins, len(self._layout.shown) + len(self._layout.rolled)))
        for one in self._maps:
            rows = np.ascontiguousarray(columns[one.column], dtype=np.float64)
            project(rows, one.cells, one.probes, one.weights, found)
        return found

    def _rolled(self, tracks: Floats, bins: int) -> Floats:
        """Return means (and deviations) of what is rolled, (n, tracks x windows x 1 or 2)."""
        found = _moments(tracks[:-1], self._layout.reach, bins)
        return (found if self._layout.spread else found[..., :1]).reshape(bins, -1)

    def _mids(self, mids: Floats, bins: int) -> Iterator[Floats]:
        """Yield the mid's changes, (n, 1) each, and how much it swings, (n, windows)."""
        before = self._layout.reach
        now = mids[before:]
        for lag in self._layout.lags:
            yield (now - mids[before - lag : before - lag + bins])[:, None]
        if self._layout.volatility:
            yield _moments(np.diff(mids)[None, :], before - 1, bins)[:, 0, :, 1]


class _Map(NamedTuple):
    column: str
    cells: Integers
    probes: Integers
    weights: Floats


def _maps(layout: Layout) -> Iterator[_Map]:
    """Yield what each column adds to which probe."""
    probes = (*layout.shown, *layout.rolled)
    for column in layout.columns:
        parts = [(number, part) for number, one in enumerate(probes) for part in one.parts if part.column == column]
        yield _Map(
            column,
            cells=np.array([part.k + REACH for _, part in parts], np.int64),
            probes=np.array([number for number, _ in parts], np.int64),
            weights=np.array([part.weight for _, part in parts]),
        )


def _moments(tracks: Floats, before: int, bins: int) -> Floats:
    found = np.empty((bins, len(tracks), len(WINDOWS), 2))
    moments(np.ascontiguousarray(tracks), before, np.array(WINDOWS, np.int64), found)
    return found
