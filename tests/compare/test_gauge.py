"""What gates, by which margin, on which scale."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fairtrial.compare.gauge import DEFAULT, RATE, Gauge, Scale, gauges
from fairtrial.errors import UserError
from fairtrial.model.claim import Margin, Tolerance
from fairtrial.model.study import Direction, Metric, Study, SystemRef

LATENCY = Metric("latency_s", Direction.MINIMIZE, "s")
RATE_ = Metric("success_rate", Direction.MAXIMIZE)
STUDY = Study("s", SystemRef("s"), metrics=(LATENCY, RATE_, Metric("note")))


def tolerant(**margins: Margin) -> Study:
    """Make a study with a gate."""
    gate = tuple(Tolerance(name, margin) for name, margin in margins.items())
    return Study("s", SystemRef("s"), metrics=STUDY.metrics, gate=gate)


def test_without_a_gate_every_directed_metric_gates() -> None:
    """By ten per cent; a metric without a direction is left out."""
    found = gauges(STUDY, STUDY)
    assert [(item.metric.name, item.margin, item.gating) for item in found] == [
        ("latency_s", DEFAULT, True),
        ("success_rate", DEFAULT, True),
    ]


def test_the_current_gate_counts_and_the_others_are_exploratory() -> None:
    """The baseline's gate counts where the current study declares none."""
    gate = tolerant(success_rate=Margin(0.01, relative=False))
    for sides in ((STUDY, gate), (gate, STUDY)):
        assert [(item.metric.name, item.gating) for item in gauges(*sides)] == [
            ("success_rate", True),
            ("latency_s", False),
        ]


@pytest.mark.parametrize(
    ("margins", "said"),
    [
        ({"note": DEFAULT}, "note has no direction"),
        ({"success_rate": Margin(1.0, relative=True)}, "nothing could fail"),
    ],
)
def test_gates_that_cannot_judge_are_refused(margins: dict[str, Margin], said: str) -> None:
    """A metric without a direction, and a margin that nothing could miss."""
    with pytest.raises(UserError, match=said):
        gauges(STUDY, tolerant(**margins))


def scale(metric: Metric, margin: Margin, before: list[float], after: list[float], **more: bool) -> Scale | None:
    """Choose a scale."""
    gauge = Gauge(metric, margin, gating=True, declared=more.get("declared", False))
    return gauge.scale(np.array(before), np.array(after))


def test_shares_are_ratios_of_the_direction() -> None:
    """Worse by 25 % is 1.25 times the latency, or 0.75 times the rate."""
    minimise, maximise = (scale(m, Margin(0.25, relative=True), [5.0], [4.0]) for m in (LATENCY, RATE_))
    assert minimise is not None
    assert maximise is not None
    assert minimise.margin == pytest.approx(math.log(1.25))
    assert maximise.margin == pytest.approx(-math.log(0.75))
    assert minimise.back(minimise.of([5.0])[0] - minimise.of([4.0])[0]) == pytest.approx(0.25)
    assert maximise.back(maximise.of([3.0])[0] - maximise.of([4.0])[0]) == pytest.approx(0.25)


def test_rates_near_one_are_judged_by_points() -> None:
    """A share of 0.999 would hide any loss; a declared margin is left as it is."""
    found = scale(RATE_, DEFAULT, [0.99, 1.0], [0.95, 1.0])
    assert found == Scale(-1, log=False, size=RATE.value)
    declared = scale(RATE_, DEFAULT, [0.99, 1.0], [0.95, 1.0], declared=True)
    assert declared is not None
    assert declared.log
    lost = scale(RATE_, DEFAULT, [0.99, 1.0], [0.0, 1.0])
    assert lost == Scale(-1, log=False, size=RATE.value)


def test_what_is_not_positive_needs_an_amount() -> None:
    """No share of a value at or below 0; but equal constants differ on no scale."""
    assert scale(LATENCY, DEFAULT, [0.0, 1.0], [1.0, 1.0]) is None
    assert scale(LATENCY, DEFAULT, [0.0, 0.0], [0.0, 0.0]) == Scale(1, log=False, size=math.inf)
    assert scale(LATENCY, Margin(2.0, relative=False), [-1.0], [1.0]) == Scale(1, log=False, size=2.0)
