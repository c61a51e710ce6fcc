"""The slow book of `reference.py`, and messages made by hand."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fairtrial.systems.signals.record import Events


@pytest.fixture(scope="session")
def naive():
    """What the module of the slow book has."""
    path = Path(__file__).with_name("reference.py")
    return SimpleNamespace(**runpy.run_path(str(path), run_name="reference"))


@pytest.fixture(scope="session")
def events():
    """Rows of (time, action, side, price, size, order) -> Events."""

    def of(*rows) -> Events:
        columns = list(zip(*rows, strict=True)) or [[]] * 6
        kinds = (np.int64, np.int8, np.int8, np.int64, np.float64, np.int64)
        return Events(*(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)))

    return of
