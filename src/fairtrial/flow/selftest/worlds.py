"""Worlds of conditions whose truth is known: what the cells of several detectors draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fairtrial.analyse.data import Data, data
from fairtrial.model.run import Measurements
from fairtrial.model.study import Direction, Metric

SCORE = Metric("score", Direction.MAXIMIZE)


def conditions(values: Any, *, ended: Sequence[int] | None = None) -> Data:
    """Return a run in which condition i measured values[i, k] as replicate k, run replicate by replicate.

    Where they `ended` early, condition i has that many replicates, and no trials beyond them.
    """
    count, replicates = np.shape(values)
    last = np.full(count, replicates) if ended is None else np.asarray(ended)
    replicate, condition = np.nonzero(np.arange(replicates)[:, None] < last)
    trials = len(replicate)
    return data(
        Measurements(
            run=1,
            number=range(1, trials + 1),
            variant=[""] * trials,
            replicate=replicate.tolist(),
            seed=[0] * trials,
            status=["done"] * trials,
            failure=[""] * trials,
            factors={"x": condition.tolist()},
            metrics={SCORE.name: np.asarray(values)[condition, replicate].tolist()},
        )
    )
