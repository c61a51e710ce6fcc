"""Rows of telemetry with what every size measured there: what labels are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairtrial.stats.summary import Floats

Ints = np.ndarray[tuple[int], np.dtype[np.int64]]
Bools = np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Labelled:
    """One entry a row of telemetry; sizes ascend; replicate k of every size saw the same tasks."""

    rows: Ints
    """Numbers of the rows."""
    features: Floats
    """(rows, 10), in the order of `telemetry.schema.FEATURES`."""
    family: Ints
    """Number of the workload's family, in the order of `parameters.FAMILIES`."""
    sizes: tuple[int, ...]
    p95_s: Floats
    """(rows, sizes, replicates); NaN where the trial failed, is missing, or the size is unstable."""
    stable: np.ndarray[tuple[int, int], np.dtype[np.bool_]]
    """(rows, sizes): the size can do what arrives; False is a result, not a failure."""


@dataclass(frozen=True, slots=True)
class Label:
    """What the sizes of one row came to."""

    best: tuple[int, ...]
    """Sizes that cannot be told from the best one; empty where no size is stable and has two replicates."""
    smallest: int | None
    """The label: the smallest size of the best set."""
    mean_s: Floats
    """(sizes): mean p95 over replicates; NaN where unstable."""
    low_s: Floats
    """Lower and upper end of its interval."""
    high_s: Floats
    regret: Floats
    """(sizes): p95 over that of the size with the lowest mean, less 1; infinite where unstable."""
