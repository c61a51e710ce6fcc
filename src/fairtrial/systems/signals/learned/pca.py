"""pca_ad: how unusual the shape of P - V is, and which way it points.

103 numbers a bin: P - V (pressure_variant less vacuum_variant) at the cells -50 to 50, of which principal components
are taken, and how v_add and v_pull lean (mean below the spot less mean above it) over all 50 cells of a side. The
components are those of the last window_bins bins, each cell in standard deviations. The value is
(.5 z+(distance from their plane) + .5 z+(Mahalanobis distance within it)) x (.6 tanh(first score) + .4 tanh(lean of
v_add less that of v_pull)), z+ being the robust z against the window's own distances, 0 where negative; the first score
and the lean are in standard deviations, and the first component points to pressure below the spot. The sign is the side
and the size says how sure it is, so it fires as a confidence; unlike a state it may fire again while an anomaly lasts,
once the cooldown is over. Source: Jackson and Mudholkar (1979), Control procedures for residuals associated with
principal component analysis, Technometrics 21(3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from fairtrial.systems.signals.learned.family import Learned
from fairtrial.systems.signals.learned.layout import NET, SIDE, Layout, cell, lean
from fairtrial.systems.signals.learned.settings import MIN_TRAIN, RETRAIN, Count, Learning
from fairtrial.systems.signals.record import LEVELS, REACH, Floats
from fairtrial.systems.signals.signal import Mode

if TYPE_CHECKING:
    from fairtrial.systems.signals.learned.learner import Model
    from fairtrial.systems.signals.learned.linear import Scale
    from fairtrial.systems.signals.learned.window import Rows, Window

NORMAL = 1.4826
"""Standard deviations of a normal distribution in a median absolute deviation."""
RANK = 1e-9
"""Least share of the variance that makes a component."""


class Settings(Learning):
    """Of pca_ad."""

    min_train_bins: Count = Field(default=700, description=MIN_TRAIN)
    retrain_bins: Count = Field(default=100, description=RETRAIN)
    window_bins: int = Field(default=600, ge=50, le=1_000_000, description="Last bins that it is learned from.")
    components: int = Field(default=10, ge=1, le=LEVELS - 1, description="Principal components.")

    @model_validator(mode="after")
    def _fits(self) -> Settings:
        if 2 * self.components >= self.window_bins:
            raise ValueError(f"window_bins {self.window_bins} must exceed 2 x components, {2 * self.components}")
        return self


class PcaAd(Learned):
    """An anomaly with a sign."""

    name = "pca_ad"
    help = "How unusual the shape of P - V is, and which way it points."
    mode: Mode = "confidence"
    Parameters = Settings
    layout = Layout(
        shown=(
            *(cell("net", NET, k) for k in range(-REACH, REACH + 1)),
            lean("v_add side", {"v_add": 1.0}, SIDE),
            lean("v_pull side", {"v_pull": 1.0}, SIDE),
        ),
        lags=(),
    )
    columns = layout.columns
    levels = (0.3, 0.5, 0.75, 1.0, 1.5, 2.0)

    def _window(self, parameters: Any) -> Window:
        from fairtrial.systems.signals.learned.window import Window

        return Window(parameters.window_bins, len(self.layout.names), None)

    def _fit(self, rows: Rows, model: Model | None, parameters: Any, *, seed: int) -> Model | None:
        if len(rows.features) <= parameters.window_bins // 2:
            return None
        return Shape.of(rows.features, parameters.components)


class Robust(NamedTuple):
    """Where values lie and how far they spread."""

    centre: float
    spread: float

    @classmethod
    def of(cls, values: Floats) -> Robust:
        """Take median and scaled median absolute deviation."""
        centre = float(np.median(values))
        return cls(centre, NORMAL * float(np.median(np.abs(values - centre))))

    def above(self, values: Floats) -> Floats:
        """Return how far values lie above, 0 for those below, and for all where there was no spread."""
        if self.spread < 1e-12:
            return np.zeros(len(values))
        return np.maximum((values - self.centre) / self.spread, 0.0)


class Shape(NamedTuple):
    """The usual shape of P - V, and how far from it is usual."""

    scale: Scale
    push: Scale
    """Of the lean of v_add less that of v_pull."""
    axes: Floats
    """(components, LEVELS)."""
    variances: Floats
    outside: Robust
    within: Robust

    @classmethod
    def of(cls, rows: Floats, components: int) -> Shape:
        """Learn from rows, (m, LEVELS + 2)."""
        from fairtrial.systems.signals.learned.compiled import distances
        from fairtrial.systems.signals.learned.linear import scale

        cells = np.ascontiguousarray(rows[:, :LEVELS])
        scaled = scale(cells)
        axes, variances = _components(scaled.apply(cells), components)
        outside, within, _ = distances(scaled.apply(cells), axes, variances)
        return cls(scaled, scale(_push(rows)), axes, variances, Robust.of(outside), Robust.of(within))

    def predict(self, features: Floats) -> Floats:
        """Return signed anomalies, (n,)."""
        from fairtrial.systems.signals.learned.compiled import distances

        cells = np.ascontiguousarray(features[:, :LEVELS])
        outside, within, first = distances(self.scale.apply(cells), self.axes, self.variances)
        anomaly = 0.5 * self.outside.above(outside) + 0.5 * self.within.above(within)
        push = self.push.apply(_push(features))[:, 0]
        found: Floats = anomaly * (0.6 * np.tanh(first) + 0.4 * np.tanh(push))
        return found


def _push(rows: Floats) -> Floats:
    """Return how v_add leans less how v_pull does, (n, 1)."""
    return rows[:, LEVELS : LEVELS + 1] - rows[:, LEVELS + 1 : LEVELS + 2]


def _components(scaled: Floats, count: int) -> tuple[Floats, Floats]:
    """Return the first principal axes (components, features) and their variances, at least one."""
    variances, axes = np.linalg.eigh(scaled.T @ scaled / len(scaled))
    variances, axes = variances[::-1][:count], axes[:, ::-1].T[:count]
    real = max(np.count_nonzero(variances > RANK * scaled.shape[1]), 1)
    axes = np.ascontiguousarray(axes[:real])
    lean_of_first = axes[0, :REACH].sum() - axes[0, REACH + 1 :].sum()
    axes[0] *= 1.0 if lean_of_first >= 0 else -1.0
    return axes, np.maximum(variances[:real], RANK)
