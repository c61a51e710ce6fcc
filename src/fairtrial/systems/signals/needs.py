"""What a trial needs from outside: checked before anything starts."""

from __future__ import annotations

from importlib.util import find_spec

from fairtrial.errors import MissingPart, UserError
from fairtrial.systems.signals.catalogue import signal
from fairtrial.systems.signals.parameters import Parameters

EXTRA = "pip install 'fairtrial[signals]'"
BRINGS = {"svm_sp": "sklearn", "knn_cl": "sklearn", "lsvm_der": "sklearn", "gbm_mf": "lightgbm", "xgb_snap": "xgboost"}
"""Learned signal -> the module that it learns with."""


def require(parameters: Parameters) -> None:
    """Raise MissingPart with the command that brings what is missing; UserError for data that do not serve."""
    for module in filter(None, ("numba", BRINGS.get(parameters.signal.name))):
        if find_spec(module) is None:
            raise MissingPart(f"the system signals needs {module}", hint=EXTRA)
    if parameters.data.ids:
        _columns(parameters)


def _columns(parameters: Parameters) -> None:
    """Raise UserError where a data set is not there, its grid has another shape, or lacks what the signal reads."""
    from fairtrial.systems.signals.lake.folder import Lake

    lake, wanted = Lake(parameters.data.folder), signal(parameters.signal.name).columns
    for name in parameters.data.ids:
        bins = lake.check(name, () if parameters.data.grid else wanted)
        least = parameters.evaluation.warmup_bins + 2
        if bins < least:
            raise UserError(f"data set {name}: {bins} bins, fewer than the warm-up of {least - 2} and two more")
