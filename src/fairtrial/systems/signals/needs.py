"""What a trial needs from outside: checked before anything starts."""

from __future__ import annotations

from collections.abc import Sequence

from fairtrial.errors import UserError
from fairtrial.systems.signals.catalogue import signal
from fairtrial.systems.signals.grid.variant import check
from fairtrial.systems.signals.lake.folder import Lake, tick_size
from fairtrial.systems.signals.learned.needs import need
from fairtrial.systems.signals.parameters import Parameters

LEARNS = {"svm_sp": "sklearn", "knn_cl": "sklearn", "lsvm_der": "sklearn", "gbm_mf": "lightgbm", "xgb_snap": "xgboost"}
"""Signal -> the module that it learns with."""


def require(parameters: Parameters) -> None:
    """Raise MissingPart with the command that brings what is missing; UserError for data that do not serve.

    Every data set is hashed before anything starts: once by this process, however many trials it serves.
    """
    name = parameters.signal.name
    need(filter(None, ("numba", LEARNS.get(name))), name)
    lake, grid, warmup = Lake(parameters.data.folder), parameters.data.grid, parameters.evaluation.warmup_bins
    for each in parameters.data.ids:
        found = lake.find(each)
        found.verify(*found.files)
        if grid is not None:
            check(lake, each, grid)
        bins = lake.check(each, () if grid else signal(name).columns)
        if bins < warmup + 2:
            raise UserError(f"data set {each}: {bins} bins, of which the warm-up takes {warmup}: nothing is left")
    _alike(lake, parameters.data.ids)


def _alike(lake: Lake, ids: Sequence[str]) -> None:
    """Raise UserError for days whose ticks or bins differ: barriers in ticks and holds in bins mean another thing."""
    for name, values in (
        ("tick_size", [tick_size(lake.find(each)) for each in ids]),
        ("bin_s", [lake.find(each).manifest.get("bin_s") for each in ids]),
    ):
        other = [place for place, value in enumerate(values) if value != values[0]]
        if other and None not in values:
            said = f"{ids[0]} has {values[0]:g}, {ids[other[0]]} has {values[other[0]]:g}"
            raise UserError(f"data.days: {name} differs: {said}", hint="judge them apart, data.dataset as a factor")
