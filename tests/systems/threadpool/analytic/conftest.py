"""Rows of telemetry that tests of the oracles share."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.threadpool.telemetry.schema import NAMES


@pytest.fixture(scope="session")
def rows():
    """Make rows of features from some columns; the others are 0."""

    def make(**columns):
        count = max(np.size(values) for values in columns.values())
        features = np.zeros((count, len(NAMES)))
        for name, values in columns.items():
            features[:, NAMES.index(name)] = values
        return features

    return make


@pytest.fixture(scope="session")
def older_rows():
    """2,000 rows of the older generator."""
    from fairtrial.systems.threadpool.telemetry.older import older

    return np.array([older(0, row, cores=8).features for row in range(2000)])
