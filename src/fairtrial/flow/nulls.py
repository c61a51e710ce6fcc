"""What is known of nothing: the harness's own floor from a system's null arm, and the same thing against itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fairtrial.contract.system import Nulls, Realises
from fairtrial.flow.evidence import Evidence, gather
from fairtrial.model import path as paths
from fairtrial.model.study import ABSENT


def floor(found: Evidence) -> Mapping[str, float]:
    """Return what the harness itself measures: metric -> mean over the null arm of this run, or of its system's newest.

    Empty where the system has no null arm, or where no run of the book measured it.
    """
    return found.once("floor", lambda: _floor(found))


def _floor(found: Evidence) -> Mapping[str, float]:
    system = found.system
    if not isinstance(system, Nulls):
        return {}
    here = null_trials(found, system.null)
    if here.any():
        return _means(found, here)
    for run in found.ledger.runs():
        if run.system == found.run.system and run.number != found.run.number and run.done:
            other = gather(found.ledger, run.number)
            rows = null_trials(other, system.null)
            if rows.any():
                return _means(other, rows)
    return {}


def null_trials(found: Evidence, null: Mapping[str, Any]) -> Any:
    """Return the mask of the trials whose parameters are those of the null arm."""
    measured, study = found.data.measured, found.study
    settings = {arm.name: arm.set for arm in study.variants}
    mask = np.ones(len(found.data), dtype=np.bool_)
    for path, value in null.items():
        column = measured.factors.get(path)
        fixed = {name: given.get(path, paths.get(study.base, path, default=ABSENT)) for name, given in settings.items()}
        for row, arm in enumerate(measured.variant):
            level = ABSENT if column is None else column[row]
            mask[row] &= (fixed.get(arm, ABSENT) if level is ABSENT else level) == value
    return mask


def _means(found: Evidence, rows: Any) -> Mapping[str, float]:
    columns = {name: values[rows] for name, values in found.data.metrics.items()}
    return {name: float(np.nanmean(values)) for name, values in columns.items() if np.isfinite(values).any()}


def realised(found: Evidence) -> Mapping[str, str]:
    """Return factor -> metric that says what was realised, as far as both are in the run."""
    system = found.system
    if not isinstance(system, Realises):
        return {}
    known = found.data
    return {
        path: metric for path, metric in system.realised.items() if path in known.factors and metric in known.metrics
    }
