"""The catalogue of metrics."""

from __future__ import annotations

import pytest

from fairtrial.model.study import Direction
from fairtrial.systems.services.measure.known import COMMON, METRICS

FAMILIES = ("ttft_", "tpot_", "inter_chunk_", "stall_", "tokens_", "cached_", "recall_")


def test_names_are_their_own_and_units_are_in_them():
    """A metric answers to its name, says what it is, and a name that ends in a unit has that unit."""
    units = {"_per_s": "1/s", "_s": "s", "_bytes": "bytes", "_share": "share"}
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.help
        ending = next((unit for end, unit in units.items() if name.endswith(end)), None)
        assert ending is None or metric.unit == ending


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("latency_p99_s", Direction.MINIMIZE),
        ("throughput_per_s", Direction.MAXIMIZE),
        ("attainment", Direction.MAXIMIZE),
        ("recall_mean", Direction.MAXIMIZE),
        ("requests", Direction.NONE),
    ],
)
def test_directions(name, direction):
    """Times are better low, shares of successes high, and counts of what was asked for neither."""
    assert METRICS[name].direction is direction


def test_common_metrics_hang_on_no_target():
    """What language models and vector stores alone have is not common; all else is."""
    assert {name for name in METRICS if not name.startswith(FAMILIES)} == COMMON
