"""lsvm_der: a linear support-vector machine that learns on, from velocities, accelerations and jerks of the book.

60 features, P the column pressure_variant and V vacuum_variant:
36: how v_, a_ and j_ of add, pull, fill and rest_depth lean (mean below the spot less mean above it) in the bands
    k 1-3, 4-11 and 12-23;
18: how P - V leans in the three bands: mean and standard deviation over the last 50, 200 and 600 bins;
6: the mid's change over the last 1, 2, 5, 10, 20 and 50 bins, in ticks.
Hinge loss by stochastic gradient descent. When it is due, the model goes once over the rows whose side became known
since it last learned; once full_bins have passed since it was learned from the whole window, it is so again, and only
then the scale of the features is taken anew. Source: Bottou (2010), Large-scale machine learning with stochastic
gradient descent, COMPSTAT.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field, model_validator

from fairtrial.systems.signals.learned.family import Supervised
from fairtrial.systems.signals.learned.layout import NET, Layout, leans
from fairtrial.systems.signals.learned.settings import MIN_TRAIN, RETRAIN, Count, Labelled
from fairtrial.systems.signals.record import Floats
from fairtrial.systems.signals.signal import Mode

if TYPE_CHECKING:
    from fairtrial.systems.signals.learned.learner import Model
    from fairtrial.systems.signals.learned.window import Rows

DERIVATIVES = tuple(f"{order}_{what}" for order in "vaj" for what in ("add", "pull", "fill", "rest_depth"))
EPOCHS = 50
"""Times that a full fit goes over its rows: with fewer, the last steps are still so large that decisions are noise."""


class Settings(Labelled):
    """Of lsvm_der."""

    min_train_bins: Count = Field(default=1500, description=MIN_TRAIN)
    retrain_bins: Count = Field(default=600, description=RETRAIN)
    full_bins: Count = Field(default=1200, description="Bins from one fit to the whole window to the next.")
    alpha: float = Field(default=1e-4, gt=0, le=1e3, description="Weight of the L2 penalty.")

    @model_validator(mode="after")
    def _order(self) -> Settings:
        if self.full_bins % self.retrain_bins:
            raise ValueError(
                f"full_bins {self.full_bins} is no multiple of retrain_bins {self.retrain_bins}: "
                "a full fit takes the place of a partial one"
            )
        return self


class LsvmDer(Supervised):
    """The signed distance from the plane, in the units of the hinge loss."""

    name = "lsvm_der"
    help = "Linear support-vector machine on derivatives of the book, learning on."
    mode: Mode = "confidence"
    Parameters = Settings
    layout = Layout(
        shown=tuple(one for column in DERIVATIVES for one in leans(column, {column: 1.0})),
        rolled=leans("net", NET),
    )
    columns = layout.columns
    levels = (0.0, 0.3, 0.5, 0.7, 1.0)
    modules = ("numba", "sklearn")

    def _learn(self, rows: Rows, model: Model | None, parameters: Any, *, seed: int) -> Model:
        if isinstance(model, Descent) and rows.now - model.full_at < parameters.full_bins:
            return model.further(rows)
        return Descent(rows, alpha=parameters.alpha, seed=seed)


class Descent:
    """A plane found by gradient descent, and when it was learned."""

    def __init__(self, rows: Rows, *, alpha: float, seed: int) -> None:
        from sklearn.linear_model import SGDClassifier

        from fairtrial.systems.signals.learned.linear import scale

        self.full_at = rows.now
        self._last_at = rows.now
        self._scale = scale(rows.features)
        self._machine = SGDClassifier(
            loss="hinge", alpha=alpha, max_iter=EPOCHS, tol=None, shuffle=True, random_state=seed
        )
        self._machine.fit(self._scale.apply(rows.features), rows.side)
        self._plane = self._taken()

    def further(self, rows: Rows) -> Descent:
        """Go once over the rows whose side became known since it last learned."""
        fresh = rows.pick(np.flatnonzero(rows.known > self._last_at))
        self._last_at = rows.now
        if len(fresh.side):
            self._machine.partial_fit(self._scale.apply(fresh.features), fresh.side)
            self._plane = self._taken()
        return self

    def predict(self, features: Floats) -> Floats:
        """Return the decisions of rows, (n,)."""
        found: Floats = self._plane.predict(features)
        return found

    def _taken(self) -> Any:
        from fairtrial.systems.signals.learned.linear import Linear

        return Linear(self._scale, self._machine.coef_[0].copy(), float(self._machine.intercept_[0]))
