"""Runs made of numbers: two samples of a small study, and changes to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from fairtrial.compare.sample import Sample
from fairtrial.model.comparison import Side
from fairtrial.model.run import Measurements
from fairtrial.model.study import Direction, Metric, Study, SystemRef

Make = Callable[..., Sample]
METRICS = (Metric("latency_s", Direction.MINIMIZE, "s"), Metric("throughput_per_s", Direction.MAXIMIZE, "1/s"))


def sample(
    values: Mapping[str, Sequence[Sequence[float | None]]],
    *,
    run: int = 1,
    metrics: Sequence[Metric] = METRICS,
    failures: Mapping[int, str] | None = None,
    **study: Any,
) -> Sample:
    """Make a run: metric -> condition -> round -> value; `failures` are rows that failed, with their class."""
    first = next(iter(values.values()))
    rounds = len(first[0])
    rows = [(condition, k) for k in range(rounds) for condition in range(len(first))]
    lost = failures or {}
    count = range(len(rows))
    names = {metric.name for metric in metrics}
    measured = Measurements(
        run=run,
        number=[row + 1 for row in count],
        variant=[""] * len(rows),
        replicate=[k for _, k in rows],
        seed=[k for _, k in rows],
        status=["failed" if row in lost else "done" for row in count],
        failure=[lost.get(row, "") for row in count],
        factors={"load": [condition for condition, _ in rows]},
        metrics={
            name: [float("nan") if columns[c][k] is None else columns[c][k] for c, k in rows]  # type: ignore[misc]
            for name, columns in values.items()
        },
        attempt=[1000 * run + row for row in count],
    )
    kept = tuple(metric for metric in metrics if metric.name in names & values.keys())
    made = {"name": "small", "system": SystemRef("s"), "replicates": rounds, "metrics": kept, **study}
    side = Side(run=run, study="small", created=float(run), machine="here")
    return Sample(side, Study(**made), measured, system="s")


@pytest.fixture(scope="session")
def make() -> Make:
    """Give the maker of samples."""
    return sample
