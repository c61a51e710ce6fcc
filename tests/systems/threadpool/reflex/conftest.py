"""Labelled rows with a planted rule, and rows in which no size differs from another."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.threadpool.label.record import Labelled
from fairtrial.systems.threadpool.words import SIZES


def _features(rng, rows, cores):
    """Features of a pool that needs so many cores: rates and sizes that belong together, the others noise."""
    size_us = np.exp(rng.uniform(np.log(100), np.log(5000), rows))
    rate = cores / size_us * 1e6
    return np.column_stack(
        [
            rng.poisson(3, rows), rate, rate * rng.uniform(0.9, 1.1, rows), size_us * rng.uniform(1, 1.5, rows),
            size_us * rng.uniform(2, 4, rows), rng.uniform(0, 1, rows), rng.uniform(10, 1000, rows), size_us,
            size_us**2, rng.integers(0, 9, rows),
        ]
    )  # fmt: skip


@pytest.fixture(scope="session")
def planted():
    """Make rows whose best size is the next power of two above twice the cores needed; smaller ones are unstable."""

    def make(rows=200, replicates=5, *, noise=0.03, seed=0, families=4):
        rng = np.random.default_rng(seed)
        cores = np.exp(rng.uniform(np.log(0.4), np.log(30), rows))
        away = np.arange(len(SIZES)) - np.clip(np.log2(cores) + 1, 0, 6)[:, None]
        p95_s = 1e-3 * np.exp(0.15 * away**2)[:, :, None] * np.exp(noise * rng.normal(size=(rows, 7, replicates)))
        p95_s *= np.exp(0.1 * rng.normal(size=(rows, 1, replicates)))
        stable = away > -1.5
        p95_s[~stable] = np.nan
        family = np.arange(rows) % families
        return Labelled(np.arange(rows), _features(rng, rows, cores), family, SIZES, p95_s, stable)

    return make


@pytest.fixture(scope="session")
def equal():
    """Make rows in which all sizes are the same but for the noise of replicates."""

    def make(rows=100, replicates=5, *, seed=0):
        rng = np.random.default_rng(seed)
        p95_s = 1e-3 * np.exp(0.05 * rng.normal(size=(rows, 7, replicates)))
        features = _features(rng, rows, np.full(rows, 2.0))
        return Labelled(np.arange(rows), features, np.arange(rows) % 4, SIZES, p95_s, np.ones((rows, 7), dtype=bool))

    return make
