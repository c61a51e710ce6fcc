"""gbm_mf: gradient-boosted trees on many features of flow, depth, their past, and the mid's.

53 features, P the column pressure_variant and V vacuum_variant:
15: how P - V, v_add, v_pull, v_fill and v_rest_depth lean (mean below the spot less mean above it) in the bands
    k 1-3, 4-11 and 12-23;
9: how high P, V and rest_depth are (mean below plus mean above) in the three bands;
2: how P - V and v_add lean over all 50 cells of a side;
18: how P - V leans in the three bands: mean and standard deviation over the last 50, 200 and 600 bins;
6: the mid's change over the last 1, 2, 5, 10, 20 and 50 bins, in ticks;
3: the standard deviation of its change from bin to bin over the last 50, 200 and 600 bins.
The last 20 % of the rows say when to stop. What the mid does decides the sides of many rows in a row: of the rows
before, those whose side was known only after the first of the last 20 % are left out. Source: Ke et al. (2017),
LightGBM, Advances in Neural Information Processing Systems 30.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field, model_validator

from fairtrial.systems.signals.learned.family import Supervised, enough
from fairtrial.systems.signals.learned.layout import NET, SIDE, Layout, lean, leans, levels
from fairtrial.systems.signals.learned.settings import MIN_TRAIN, RETRAIN, Count, Labelled
from fairtrial.systems.signals.record import Floats
from fairtrial.systems.signals.signal import Mode

if TYPE_CHECKING:
    from fairtrial.systems.signals.learned.learner import Model
    from fairtrial.systems.signals.learned.window import Rows

FLOWS = ("v_add", "v_pull", "v_fill", "v_rest_depth")
HEIGHTS = ("pressure_variant", "vacuum_variant", "rest_depth")
KEPT = 0.8
"""Share of the rows, the earlier ones, that trees are grown on."""


class Settings(Labelled):
    """Of gbm_mf."""

    min_train_bins: Count = Field(default=2400, description=MIN_TRAIN)
    retrain_bins: Count = Field(default=600, description=RETRAIN)
    rounds: int = Field(default=200, ge=2, le=10_000, description="Most trees.")
    learning_rate: float = Field(default=0.05, gt=0, le=1, description="Weight of a tree.")
    leaves: int = Field(default=31, ge=2, le=1024, description="Most leaves of a tree.")
    patience_rounds: int = Field(default=20, ge=1, le=10_000, description="Trees without gain until it stops.")

    @model_validator(mode="after")
    def _stops(self) -> Settings:
        if self.patience_rounds >= self.rounds:
            raise ValueError(f"patience_rounds {self.patience_rounds} does nothing: rounds is {self.rounds}")
        return self


class GbmMf(Supervised):
    """The probability that the upper barrier is touched first."""

    name = "gbm_mf"
    help = "Gradient-boosted trees on flow, depth and the past: the chance of up."
    mode: Mode = "probability"
    Parameters = Settings
    layout = Layout(
        shown=(
            *leans("net", NET),
            *(one for column in FLOWS for one in leans(column, {column: 1.0})),
            *(one for column in HEIGHTS for one in levels(column, {column: 1.0})),
            lean("net side", NET, SIDE),
            lean("v_add side", {"v_add": 1.0}, SIDE),
        ),
        rolled=leans("net", NET),
        volatility=True,
    )
    columns = layout.columns
    levels = (0.50, 0.55, 0.60, 0.65)
    modules = ("numba", "lightgbm")

    def _learn(self, rows: Rows, model: Model | None, parameters: Any, *, seed: int) -> Model | None:
        fitted, checked = split(rows)
        return Boosted(fitted, checked, parameters, seed=seed) if enough(fitted) else None


def split(rows: Rows) -> tuple[Rows, Rows]:
    """Return the rows to grow trees on, and the later ones that say when to stop: none of the former reaches these."""
    first = int(KEPT * len(rows.side))
    earlier = np.flatnonzero(rows.known[:first] < rows.begun[first])
    return rows.pick(earlier), rows.pick(np.arange(first, len(rows.side)))


class Boosted:
    """Trees of LightGBM: one thread, and the same rows give the same trees."""

    def __init__(self, fitted: Rows, checked: Rows, parameters: Settings, *, seed: int) -> None:
        import lightgbm

        settings = {
            "objective": "binary",
            "num_leaves": parameters.leaves,
            "learning_rate": parameters.learning_rate,
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
            "seed": seed,
            "verbosity": -1,
        }
        grown = lightgbm.Dataset(fitted.features, fitted.side > 0, params=settings)
        stop = lightgbm.early_stopping(parameters.patience_rounds, verbose=False)
        self._booster = lightgbm.train(
            settings,
            grown,
            num_boost_round=parameters.rounds,
            valid_sets=[grown.create_valid(checked.features, checked.side > 0)],
            callbacks=[stop],
        )

    def predict(self, features: Floats) -> Floats:
        """Return the probabilities of rows, (n,)."""
        return np.asarray(self._booster.predict(features, num_threads=1), dtype=np.float64)
