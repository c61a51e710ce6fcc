"""What the learned signals share: batch and stream are one learner, given all bins or each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from fairtrial.systems.signals.learned.layout import Layout
from fairtrial.systems.signals.learned.needs import need
from fairtrial.systems.signals.record import Floats, Market
from fairtrial.systems.signals.signal import Mode

if TYPE_CHECKING:
    from fairtrial.systems.signals.learned.learner import Learner, Model, Steps
    from fairtrial.systems.signals.learned.window import Rows, Window

LEAST_ROWS = 10
"""Of each side: with fewer nothing is learned."""


class Learned(ABC):
    """A signal that learns; its subclasses say from what, when, and how."""

    name: str
    help: str
    mode: Mode
    Parameters: type[Any]
    layout: Layout
    columns: tuple[str, ...]
    levels: tuple[float, ...]
    """The thresholds to try."""
    modules: tuple[str, ...] = ("numba",)
    """What it imports when it works."""

    def batch(self, market: Market, parameters: Any, *, seed: int) -> Floats:
        """Return its value at each bin, (n,). Raises MissingPart where a library is not installed."""
        mids = np.where(market.bins.book_valid, market.mid_ticks, np.nan)
        columns = {name: market.columns[name] for name in self.columns}
        return self._learner(parameters, seed).take(columns, mids)

    def stream(self, parameters: Any, *, tick_size: float, bin_s: float, seed: int) -> Steps:
        """Return the same, bin by bin; windows are counted in bins, whatever their length."""
        from fairtrial.systems.signals.learned.learner import Steps

        return Steps(self._learner(parameters, seed), self.columns)

    def thresholds(self, values: Floats) -> tuple[float, ...]:
        """Return its thresholds, which are fixed."""
        return self.levels

    def _learner(self, parameters: Any, seed: int) -> Learner:
        need(self.modules, self.name)
        from fairtrial.systems.signals.learned.learner import Learner
        from fairtrial.systems.signals.learned.schedule import Schedule

        def fit(rows: Rows, model: Model | None) -> Model | None:
            return self._fit(rows, model, parameters, seed=seed % 2**31)

        schedule = Schedule(parameters.min_train_bins, parameters.retrain_bins)
        return Learner(self.layout, self._window(parameters), schedule, fit)

    @abstractmethod
    def _window(self, parameters: Any) -> Window:
        """Return the empty window that it learns from."""

    @abstractmethod
    def _fit(self, rows: Rows, model: Model | None, parameters: Any, *, seed: int) -> Model | None:
        """Learn from rows; None where they are too few."""


class Supervised(Learned):
    """A signal that learns from rows whose side is known."""

    def _window(self, parameters: Any) -> Window:
        from fairtrial.systems.signals.learned.window import Labels, Window

        barrier = min(parameters.label_tp_ticks, parameters.label_sl_ticks)
        labels = Labels(barrier, parameters.label_max_bins)
        return Window(parameters.max_train_rows, len(self.layout.names), labels)

    def _fit(self, rows: Rows, model: Model | None, parameters: Any, *, seed: int) -> Model | None:
        return self._learn(rows, model, parameters, seed=seed) if enough(rows) else None

    @abstractmethod
    def _learn(self, rows: Rows, model: Model | None, parameters: Any, *, seed: int) -> Model | None:
        """Learn from rows of both sides."""


def enough(rows: Rows) -> bool:
    """Say whether there are rows of both sides to learn from."""
    return min(int(np.count_nonzero(rows.side == side)) for side in (1, -1)) >= LEAST_ROWS
