"""svm_sp: a linear support-vector machine on the spectrum of P - V, its lean near the spot, and past returns.

45 features, P the column pressure_variant and V vacuum_variant:
21: P - V at the cells -50, -45, …, 50;
18: how P - V leans (mean below the spot less mean above it) in the bands k 1-3, 4-11 and 12-23: mean and standard
    deviation over the last 50, 200 and 600 bins;
6: the mid's change over the last 1, 2, 5, 10, 20 and 50 bins, in ticks.
Squared hinge loss, L2 penalty, solved in the primal, so that nothing is drawn at random. Source of the solver: Fan,
Chang, Hsieh, Wang and Lin (2008), LIBLINEAR, Journal of Machine Learning Research 9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from fairtrial.systems.signals.learned.family import Supervised
from fairtrial.systems.signals.learned.layout import NET, Layout, cell, leans
from fairtrial.systems.signals.learned.settings import MIN_TRAIN, RETRAIN, Count, Labelled
from fairtrial.systems.signals.record import REACH
from fairtrial.systems.signals.signal import Mode

if TYPE_CHECKING:
    from fairtrial.systems.signals.learned.learner import Model
    from fairtrial.systems.signals.learned.window import Rows


class Settings(Labelled):
    """Of svm_sp."""

    min_train_bins: Count = Field(default=1200, description=MIN_TRAIN)
    retrain_bins: Count = Field(default=300, description=RETRAIN)
    c: float = Field(default=0.1, gt=0, le=1e6, description="Weight of errors against the penalty.")


class SvmSp(Supervised):
    """The signed distance from the plane between rows that went up and rows that went down."""

    name = "svm_sp"
    help = "Linear support-vector machine on P - V over cells and time."
    mode: Mode = "confidence"
    Parameters = Settings
    layout = Layout(
        shown=tuple(cell("net", NET, k) for k in range(-REACH, REACH + 1, 5)),
        rolled=leans("net", NET),
    )
    columns = layout.columns
    levels = (0.0, 0.2, 0.4, 0.6, 0.8)
    modules = ("numba", "sklearn")

    def _learn(self, rows: Rows, model: Model | None, parameters: Any, *, seed: int) -> Model:
        from sklearn.svm import LinearSVC

        from fairtrial.systems.signals.learned.linear import Linear, scale

        scaled = scale(rows.features)
        machine = LinearSVC(C=parameters.c, dual=False, random_state=seed)
        machine.fit(scaled.apply(rows.features), rows.side)
        return Linear(scaled, machine.coef_[0], float(machine.intercept_[0]))
