"""xgb_snap: gradient-boosted trees on a snapshot of the cells around the spot.

163 features, P the column pressure_variant and V vacuum_variant:
153: P, V and rest_depth at the cells -25 to 25;
3: how P - V leans (mean below the spot less mean above it) in the bands k 1-3, 4-11 and 12-23;
1: how P - V leans over all 50 cells of a side;
6: the mid's change over the last 1, 2, 5, 10, 20 and 50 bins, in ticks.
Source: Chen and Guestrin (2016), XGBoost: A scalable tree boosting system, KDD.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from fairtrial.systems.signals.learned.family import Supervised
from fairtrial.systems.signals.learned.layout import NET, SIDE, Layout, cell, lean, leans
from fairtrial.systems.signals.learned.settings import MIN_TRAIN, RETRAIN, Count, Labelled
from fairtrial.systems.signals.record import Floats
from fairtrial.systems.signals.signal import Mode

if TYPE_CHECKING:
    from fairtrial.systems.signals.learned.learner import Model
    from fairtrial.systems.signals.learned.window import Rows

SEEN = ("pressure_variant", "vacuum_variant", "rest_depth")
CENTRE = range(-25, 26)
BINS = 64
"""Of a feature's histogram: a quarter of the library's own choice, in half of the time."""


class Settings(Labelled):
    """Of xgb_snap."""

    min_train_bins: Count = Field(default=3000, description=MIN_TRAIN)
    retrain_bins: Count = Field(default=600, description=RETRAIN)
    rounds: int = Field(default=150, ge=1, le=10_000, description="Trees.")
    depth: int = Field(default=4, ge=1, le=12, description="Most decisions on the way to a leaf.")
    learning_rate: float = Field(default=0.1, gt=0, le=1, description="Weight of a tree.")


class XgbSnap(Supervised):
    """The probability that the upper barrier is touched first."""

    name = "xgb_snap"
    help = "Gradient-boosted trees on the cells around the spot: the chance of up."
    mode: Mode = "probability"
    Parameters = Settings
    layout = Layout(
        shown=(
            *(cell(column, {column: 1.0}, k) for column in SEEN for k in CENTRE),
            *leans("net", NET),
            lean("net side", NET, SIDE),
        ),
    )
    columns = layout.columns
    levels = (0.50, 0.55, 0.60, 0.65)
    modules = ("numba", "xgboost")

    def _learn(self, rows: Rows, model: Model | None, parameters: Any, *, seed: int) -> Model:
        return Boosted(rows, parameters, seed=seed)


class Boosted:
    """Trees of XGBoost, one thread; its inputs are rounded to single precision."""

    def __init__(self, rows: Rows, parameters: Settings, *, seed: int) -> None:
        import xgboost

        settings = {
            "objective": "binary:logistic",
            "max_depth": parameters.depth,
            "eta": parameters.learning_rate,
            "tree_method": "hist",
            "max_bin": BINS,
            "nthread": 1,
            "seed": seed,
            "verbosity": 0,
        }
        matrix = xgboost.DMatrix(rows.features.astype(np.float32), rows.side > 0, nthread=1)
        self._booster = xgboost.train(settings, matrix, num_boost_round=parameters.rounds)

    def predict(self, features: Floats) -> Floats:
        """Return the probabilities of rows, (n,)."""
        return np.asarray(self._booster.inplace_predict(features.astype(np.float32)), dtype=np.float64)
