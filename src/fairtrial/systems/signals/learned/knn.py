"""knn_cl: what came of the past bins that looked most like this one.

35 features, P the column pressure_variant and V vacuum_variant:
15: how P - V, v_add, v_pull, v_fill and v_rest_depth lean (mean below the spot less mean above it) in the bands
    k 1-3, 4-11 and 12-23;
2: how P - V and v_add lean over all 50 cells of a side;
9: how P - V leans in the three bands: mean over the last 50, 200 and 600 bins;
6: the mid's change over the last 1, 2, 5, 10, 20 and 50 bins, in ticks;
3: the standard deviation of its change from bin to bin over the last 50, 200 and 600 bins.
Distances are Euclidean between features in standard deviations of the rows learned from; weights are 1 / distance. The
value is 2 p - 1, p being the weighted share of neighbours that went up. Source: Dudani (1976), The distance-weighted
k-nearest-neighbor rule, IEEE Transactions on Systems, Man, and Cybernetics 6(4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from fairtrial.systems.signals.learned.family import Supervised
from fairtrial.systems.signals.learned.layout import NET, SIDE, Layout, lean, leans
from fairtrial.systems.signals.learned.settings import MIN_TRAIN, RETRAIN, Count, Labelled
from fairtrial.systems.signals.record import Bytes, Floats
from fairtrial.systems.signals.signal import Mode

if TYPE_CHECKING:
    from fairtrial.systems.signals.learned.learner import Model
    from fairtrial.systems.signals.learned.linear import Scale
    from fairtrial.systems.signals.learned.window import Rows

FLOWS = ("v_add", "v_pull", "v_fill", "v_rest_depth")


class Settings(Labelled):
    """Of knn_cl."""

    min_train_bins: Count = Field(default=1800, description=MIN_TRAIN)
    retrain_bins: Count = Field(default=300, description=RETRAIN)
    neighbours: int = Field(default=11, ge=1, le=10_000, description="Nearest rows that are asked.")

    @model_validator(mode="after")
    def _fits(self) -> Settings:
        if self.neighbours > self.max_train_rows:
            raise ValueError(f"neighbours {self.neighbours} exceed max_train_rows {self.max_train_rows}")
        return self


class KnnCl(Supervised):
    """The weighted mean side of the nearest rows, -1 to 1."""

    name = "knn_cl"
    help = "What came of the past bins that looked most like this one."
    mode: Mode = "confidence"
    Parameters = Settings
    layout = Layout(
        shown=(
            *leans("net", NET),
            *(one for column in FLOWS for one in leans(column, {column: 1.0})),
            lean("net side", NET, SIDE),
            lean("v_add side", {"v_add": 1.0}, SIDE),
        ),
        rolled=leans("net", NET),
        spread=False,
        volatility=True,
    )
    columns = layout.columns
    levels = (0.0, 0.1, 0.2, 0.3)

    def _learn(self, rows: Rows, model: Model | None, parameters: Any, *, seed: int) -> Model | None:
        from fairtrial.systems.signals.learned.linear import scale

        if len(rows.side) < parameters.neighbours:
            return None
        scaled = scale(rows.features)
        stored = np.ascontiguousarray(scaled.apply(rows.features).T)
        return Neighbours(scaled, stored, rows.side, parameters.neighbours)


class Neighbours(NamedTuple):
    """The rows themselves, (features, rows), scaled."""

    scale: Scale
    stored: Floats
    side: Bytes
    asked: int
    """Neighbours."""

    def predict(self, features: Floats) -> Floats:
        """Return the votes on rows, (n,)."""
        from fairtrial.systems.signals.learned.compiled import vote

        found: Floats = vote(self.scale.apply(features), self.stored, self.side, self.asked)
        return found
