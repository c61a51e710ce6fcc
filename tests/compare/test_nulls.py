"""Stored differences of unchanged systems: kept, matched, and made into a false-alarm rate."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from fairtrial.compare.nulls import Nulls, differences
from fairtrial.compare.sample import Sample
from fairtrial.compare.verdict import compare
from fairtrial.model.comparison import Gate, Null, Status
from fairtrial.stats.resample import generator

Make = Callable[..., Sample]


def runs(make: Make, *, sd: float, rounds: int = 10, shift: float = 1.0) -> tuple[Sample, Sample]:
    """Make two runs of log-normal values."""
    rng = generator(0, "runs")
    sides = []
    for run, factor in ((1, 1.0), (2, shift)):
        values = [(factor * np.exp(rng.normal(0.0, sd, rounds))).tolist()]
        rates = [(50 * np.exp(rng.normal(0.0, sd, rounds))).tolist()]
        sides.append(make({"latency_s": values, "throughput_per_s": rates}, run=run))
    return sides[0], sides[1]


def null_of(metric: str, gaps: Sequence[float]) -> Null:
    """Make the stored differences of a metric here."""
    return Null("here", "s", metric, absolute=False, differences=tuple(gaps), run=1)


def test_differences_are_signed_so_that_more_is_worse(make: Make) -> None:
    """Logs of ratios, in rounds, for each metric of this machine and system."""
    one = make({"latency_s": [[1.0, 2.0]], "throughput_per_s": [[10.0, 10.0]]}, run=1)
    other = make({"latency_s": [[2.0, None]], "throughput_per_s": [[5.0, 20.0]]}, run=2)
    latency, throughput = differences(one, other)
    assert (latency.metric, latency.machine, latency.system, latency.run) == ("latency_s", "here", "s", 2)
    assert latency.differences == pytest.approx([np.log(2)])
    assert throughput.differences == pytest.approx([np.log(2), -np.log(2)])
    assert not latency.absolute


def test_false_alarms_are_those_of_the_rule(make: Make) -> None:
    """With noise far beyond the margin the rate is near alpha; with little noise it is near none."""
    for sd, low, high in ((0.5, 0.02, 0.09), (0.01, 0.0, 0.005)):
        one, other = runs(make, sd=sd, rounds=40)
        found = compare(one, other, mode="interleaved", stored=differences(one, other))
        alarms = found.false_alarms
        assert alarms is not None
        assert low <= alarms.alarms / alarms.repeats <= high
        assert alarms.pairs == 40
        assert alarms.interval.low <= alarms.alarms / alarms.repeats <= alarms.interval.high


def test_stored_differences_of_other_machines_do_not_count(make: Make) -> None:
    """Another machine, another system, or no difference at all: nothing is known here."""
    null = null_of("latency_s", [0.1] * 9)
    assert Nulls.fitting([null], machine="here", system="s").of("latency_s", absolute=False)
    for machine, system in (("there", "s"), ("here", "t")):
        assert not Nulls.fitting([null], machine=machine, system=system).of("latency_s", absolute=False)
    still = null_of("latency_s", [0.0] * 9)
    assert not Nulls.fitting([still], machine="here", system="s").by_metric


def test_a_band_keeps_an_old_baseline_from_passing_or_regressing(make: Make) -> None:
    """What the machine does to an unchanged system widens comparisons of different times, and those alone."""
    one, other = runs(make, sd=0.01, shift=1.15)
    wild = [
        null_of(name, generator(0, "wild").normal(0, 0.5, 20).tolist()) for name in ("latency_s", "throughput_per_s")
    ]
    assert compare(one, other).changes[0].status is Status.REGRESS
    widened = compare(one, other, stored=wild)
    assert widened.verdict is Gate.INCONCLUSIVE
    assert {change.status for change in widened.changes} == {Status.UNCLEAR}
    assert compare(one, other, mode="interleaved", stored=wild).verdict is Gate.FAIL
