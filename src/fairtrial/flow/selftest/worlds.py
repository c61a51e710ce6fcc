"""Worlds of conditions whose truth is known: what the cells of several detectors draw."""

from __future__ import annotations

from typing import Any

import numpy as np

from fairtrial.analyse.data import Data, data
from fairtrial.model.run import Measurements
from fairtrial.model.study import Direction, Metric

SCORE = Metric("score", Direction.MAXIMIZE)


def conditions(values: Any) -> Data:
    """Return a run in which condition i measured values[i, k] as replicate k, run replicate by replicate."""
    count, replicates = np.shape(values)
    trials = count * replicates
    return data(
        Measurements(
            run=1,
            number=range(1, trials + 1),
            variant=[""] * trials,
            replicate=np.repeat(np.arange(replicates), count).tolist(),
            seed=[0] * trials,
            status=["done"] * trials,
            failure=[""] * trials,
            factors={"x": np.tile(np.arange(count), replicates).tolist()},
            metrics={SCORE.name: np.transpose(values).ravel().tolist()},
        )
    )
