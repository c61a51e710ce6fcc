"""A model at work on one market: bins in, values out, learning anew when it is due."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from fairtrial.systems.signals.learned.features import Columns, Features
from fairtrial.systems.signals.learned.layout import Layout
from fairtrial.systems.signals.learned.schedule import Schedule
from fairtrial.systems.signals.learned.window import Rows, Window
from fairtrial.systems.signals.record import Bin, Floats


class Model(Protocol):
    """What was learned."""

    def predict(self, features: Floats) -> Floats:
        """Return the values of rows, (n, features) -> (n,); each depends on its own row alone."""


Fit = Callable[[Rows, Model | None], Model | None]
"""Rows and the model so far -> the new one; None: there are too few rows, and the model so far goes on."""


class Learner:
    """Takes bins in order, in pieces of any length: the values do not depend on where they are cut."""

    def __init__(self, layout: Layout, window: Window, schedule: Schedule, fit: Fit) -> None:
        self.retrained = 0
        """How often a model was learned, so far."""
        self._features, self._window = Features(layout), window
        self._schedule, self._fit = schedule, fit
        self._model: Model | None = None
        self._seen = 0

    def take(self, columns: Columns, mids: Floats) -> Floats:
        """Return the values, (n,), at the next n bins: columns (n, LEVELS), mids in ticks (n,), NaN: none."""
        found = np.full(len(mids), np.nan)
        at = 0
        while at < len(mids):
            stop = min(at + min(self._schedule.left(self._seen), self._window.size), len(mids))
            piece = slice(at, stop)
            found[piece] = self._piece({name: values[piece] for name, values in columns.items()}, mids[piece])
            at = stop
        return found

    def _piece(self, columns: Columns, mids: Floats) -> Floats:
        """Take bins in which no model is learned but after the last one."""
        rows = self._features.take(columns, mids)
        found = np.full(len(mids), np.nan)
        complete = np.isfinite(rows[:, 0])
        if self._model is not None and complete.any():
            found[complete] = self._model.predict(rows[complete])
        self._window.put(rows, mids)
        self._seen += len(mids)
        if self._schedule.due(self._seen):
            self._learn()
        return found

    def _learn(self) -> None:
        model = self._fit(self._window.rows(), self._model)
        if model is not None:
            self._model = model
            self.retrained += 1


class Steps:
    """A learner bin by bin."""

    def __init__(self, learner: Learner, columns: tuple[str, ...]) -> None:
        self.retrained = 0
        """How often a model was learned, so far."""
        self._learner, self._columns = learner, columns

    def step(self, now: Bin) -> float:
        """Return the value at this bin, NaN where it has none yet, no book, or a cell without a value."""
        columns = {name: now.columns[name][None, :] for name in self._columns}
        found = self._learner.take(columns, np.array([now.mid_ticks if now.valid else np.nan]))
        self.retrained = self._learner.retrained
        return float(found[0])
