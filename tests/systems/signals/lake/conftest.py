"""A lake, and small data sets."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from fairtrial.systems.signals.lake.folder import Lake
from fairtrial.systems.signals.lake.publish import publish
from fairtrial.systems.signals.record import LEVELS, Bins, Events


@pytest.fixture
def lake(tmp_path) -> Lake:
    """An empty one."""
    return Lake(tmp_path / "lake")


@pytest.fixture(scope="session")
def content():
    """(bins, seed) -> what is published: bins, grid, manifest, events."""

    def of(count: int = 20, seed: int = 0) -> SimpleNamespace:
        rng = np.random.default_rng(seed)
        number = np.arange(count, dtype=np.int64)
        ends = 1_770_000_000 * 10**9 + (number + 1) * 10**8
        price = (24_000 * 10**9 + rng.integers(-4, 5, count).cumsum() * 250_000_000).astype(np.int64)
        mid = (2 * price + 250_000_000) / 2e9
        mid[3] = np.nan
        events = np.full(count, 2, np.int64)
        best = (price, price + 250_000_000, price)
        bins = Bins(number, ends, ends - 10**8, ends, mid, number * 2 + 1, events, number != 3, *best)
        grid = {
            "rest_depth": rng.normal(size=(count, LEVELS)),
            "v_add": rng.normal(size=(count, LEVELS)),
            "spectrum_state_code": rng.integers(-1, 2, (count, LEVELS)).astype(np.int8),
            "last_event_id": rng.integers(-1, 2**40, (count, LEVELS)),
        }
        messages = Events(
            ends, number.astype(np.int8) % 5, number.astype(np.int8) % 2, price, rng.random(count), number + 1
        )
        return SimpleNamespace(bins=bins, grid=grid, manifest={"source": "made up", "tick_size": 0.25}, events=messages)

    return of


@pytest.fixture
def published(lake, content):
    """(id, count, seed) -> the folder of a data set that was published."""

    def of(name: str = "day1", count: int = 20, seed: int = 0, *, root=None, events: bool = True):
        made = content(count, seed)
        return publish(
            root or lake.immutable,
            name,
            bins=made.bins,
            grid=made.grid,
            manifest=made.manifest,
            events=made.events if events else None,
        )

    return of
