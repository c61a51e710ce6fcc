"""Streams of random numbers, as a trial has them."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.model.identity import stream_seed


@pytest.fixture
def streams():
    """Seed -> stream name -> generator."""

    def of(seed: int = 0):
        return lambda name: np.random.default_rng(stream_seed(seed, name))

    return of
