"""A system that runs several trials in one process: one vector instead of many numbers."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from fairtrial.model.study import Direction, Metric


class Parameters(BaseModel):
    """`x` may differ within a batch, `power` may not; a trial at `broken` fails, alone and in a batch."""

    model_config = ConfigDict(extra="forbid")

    x: float = 1.0
    power: int = 2
    broken: float | None = None


class Stacked:
    """Raises x to a power, up to eight trials at once."""

    name = "stacked"
    version = "1"
    Parameters = Parameters
    metrics: Mapping[str, Metric] = {
        "value": Metric("value", Direction.MINIMIZE),
        "pid": Metric("pid"),
    }
    live = True  # the process id is a measurement, to see who ran with whom
    batchable = frozenset({"x"})
    batch_limit = 8

    def run(self, parameters: Parameters, context: Any) -> dict[str, float]:
        """Measure one."""
        return self.run_many([parameters], [context])[0]

    def run_many(self, parameters: Sequence[Parameters], contexts: Sequence[Any]) -> list[dict[str, float]]:
        """Measure all with one power."""
        (power,) = {one.power for one in parameters}
        if any(one.x == one.broken for one in parameters):
            raise ValueError("a broken member")
        return [{"value": one.x**power, "pid": float(os.getpid())} for one in parameters]
