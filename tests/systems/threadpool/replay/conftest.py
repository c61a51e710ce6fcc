"""Labels to learn from, tasks that arrive at a rate that jumps, and choosers that look at the rate alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fairtrial.systems.threadpool.parameters import Parameters
from fairtrial.systems.threadpool.record import Tasks
from fairtrial.systems.threadpool.system import ThreadPool
from fairtrial.systems.threadpool.telemetry.schema import NAMES
from fairtrial.systems.threadpool.words import SIZES
from fairtrial.testing.context import FakeContext

RATE = NAMES.index("arrival_rate")


@dataclass(frozen=True)
class ByRate:
    """Chooses the large size above a rate, else the small one; knows nothing above another rate."""

    sizes: tuple[int, ...] = (4, 16)
    above_per_s: float = 300.0
    known_per_s: float = np.inf

    def costs(self, features: np.ndarray) -> np.ndarray:
        """Return 1 for the size wanted, 2 for the other."""
        large = features[:, RATE] > self.above_per_s
        return np.where(large[:, None], [2.0, 1.0], [1.0, 2.0])

    def inside(self, features: np.ndarray) -> np.ndarray:
        """Say whether the rate is known."""
        return features[:, RATE] <= self.known_per_s


@pytest.fixture
def by_rate() -> type[ByRate]:
    """The class of choosers above."""
    return ByRate


@pytest.fixture
def stepped() -> Callable[..., Tasks]:
    """Return tasks of 1 ms, evenly spaced, so many a second from each instant to the next."""

    def tasks(*steps: tuple[float, float]) -> Tasks:
        parts, begin_s = [], 0.0
        for until_s, rate_per_s in steps:
            parts.append(begin_s + np.arange(1, 1 + round((until_s - begin_s) * rate_per_s)) / rate_per_s)
            begin_s = until_s
        due_s = np.concatenate(parts)
        return Tasks(due_s, np.full(len(due_s), 1e-3), np.zeros(len(due_s)))

    return tasks


@pytest.fixture(scope="session")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table of a small oracle study: 48 rows, all sizes, two replicates."""
    system, table = ThreadPool(), []
    for row, replicate in product(range(48), range(2)):
        trials = [
            Parameters.model_validate({"telemetry": {"row": row}, "pool": {"workers": size}, "tasks": 400})
            for size in SIZES
        ]
        found = system.run_many(trials, [FakeContext(replicate) for _ in trials])
        keys = {"telemetry.row": row, "replicate": replicate}
        table += [{**keys, "pool.workers": size, **one} for size, one in zip(SIZES, found, strict=True)]
    path = tmp_path_factory.mktemp("labels") / "labels.parquet"
    pl.DataFrame(table, infer_schema_length=None).write_parquet(path)
    return path
