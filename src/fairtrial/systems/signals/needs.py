"""What a trial needs from outside: checked before anything starts."""

from __future__ import annotations

from fairtrial.errors import UserError
from fairtrial.systems.signals.catalogue import signal
from fairtrial.systems.signals.grid.variant import check
from fairtrial.systems.signals.lake.folder import Lake
from fairtrial.systems.signals.learned.needs import need
from fairtrial.systems.signals.parameters import Parameters

LEARNS = {"svm_sp": "sklearn", "knn_cl": "sklearn", "lsvm_der": "sklearn", "gbm_mf": "lightgbm", "xgb_snap": "xgboost"}
"""Signal -> the module that it learns with."""


def require(parameters: Parameters) -> None:
    """Raise MissingPart with the command that brings what is missing; UserError for data that do not serve."""
    name = parameters.signal.name
    need(filter(None, ("numba", LEARNS.get(name))), name)
    lake, grid, warmup = Lake(parameters.data.folder), parameters.data.grid, parameters.evaluation.warmup_bins
    for each in parameters.data.ids:
        if grid is not None:
            check(lake, each, grid)
        bins = lake.check(each, () if grid else signal(name).columns)
        if bins < warmup + 2:
            raise UserError(f"data set {each}: {bins} bins, of which the warm-up takes {warmup}: nothing is left")
