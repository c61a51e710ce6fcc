"""A metric at the levels of a factor: its intervals know what its unit allows."""

from __future__ import annotations

import pytest

from fairtrial.analyse.data import data, points
from fairtrial.model.run import Measurements
from fairtrial.model.study import Metric
from fairtrial.stats.interval import t_interval

WAIT = (0.001, 0.003, 0.009)


@pytest.mark.parametrize(("unit", "low"), [("s", 0.0), ("", t_interval(WAIT)[0])], ids=["time", "none"])
def test_the_interval_of_a_level_ends_at_what_is_possible(unit, low):
    """Of a time at 0; of a number without unit nowhere."""
    measured = Measurements(
        run=1,
        number=range(1, 4),
        variant=[""] * 3,
        replicate=[0, 1, 2],
        seed=[0] * 3,
        status=["done"] * 3,
        failure=[""] * 3,
        factors={"load": [1.0] * 3},
        metrics={"wait": list(WAIT)},
    )
    (only,) = points(data(measured, [Metric("wait", unit=unit)]), "wait", "load")
    assert (only.interval.low, only.interval.high) == pytest.approx((low, t_interval(WAIT)[1]))
    assert only.interval.method == ("Student's t, cut at 0" if unit else "Student's t")
