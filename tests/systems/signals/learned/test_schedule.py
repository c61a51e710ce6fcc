"""When a model learns."""

from __future__ import annotations

import pytest

from fairtrial.systems.signals.learned.schedule import Schedule


@pytest.mark.parametrize("schedule", [Schedule(5, 3), Schedule(3, 5), Schedule(1, 1)])
def test_due(schedule):
    """It learns after the first so many bins and then after every so many, and says how many are left."""
    wanted = set(range(schedule.first_bins, 40, schedule.every_bins))
    assert {seen for seen in range(1, 40) if schedule.due(seen)} == wanted
    for seen in range(30):
        assert seen + schedule.left(seen) == min(time for time in wanted if time > seen)
