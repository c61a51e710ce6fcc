"""A row of telemetry: what a controller saw, and the workload behind it."""

from __future__ import annotations

from dataclasses import dataclass

from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.words import Workload


@dataclass(frozen=True, slots=True)
class Row:
    """One row, from whatever source."""

    features: Floats
    """(10,), in the order of `schema.FEATURES`; NaN where undefined (no task ended in the window)."""
    workload: Workload
    family: int
    """Number of the workload's family, in the order of `parameters.FAMILIES`."""
    cores: int
    """Cores of the machine that was observed."""
