"""Labelled rows made from log p95."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.threadpool.label.record import Labelled
from fairtrial.systems.threadpool.words import SIZES


@pytest.fixture(scope="session")
def made():
    """Log p95 (rows, sizes, replicates), NaN missing -> Labelled; `unstable` is (rows, sizes)."""

    def of(logs, *, sizes=SIZES, unstable=None, features=None):
        rows = len(logs)
        stable = np.ones(logs.shape[:2], bool) if unstable is None else ~unstable
        p95 = np.where(stable[:, :, None], np.exp(logs), np.nan)
        numbers, known = np.arange(rows), np.zeros((rows, 10)) if features is None else features
        return Labelled(numbers, known, numbers % 4, tuple(sizes[: logs.shape[1]]), p95, stable)

    return of
