"""A winner on its way into a runtime configuration: what goes where, what is missing, and whether the twins agree."""

from __future__ import annotations

import pytest

from fairtrial.systems.signals.parameters import Parameters
from fairtrial.systems.signals.rank.runtime import ready

RUNTIME = {"active": "msd", "signals": {"msd": {"threshold": 1.0}, "iirc": {"threshold": 0.01}}}


@pytest.fixture
def winner():
    """Make parameters on a small made-up market."""

    def make(name: str = "msd", **evaluation) -> Parameters:
        data = {"synthetic": {"bins": 600}}
        return Parameters.model_validate({"signal": {"name": name}, "data": data, "evaluation": evaluation})

    return make


def test_every_parameter_has_a_key_and_the_threshold_is_the_one_that_was_chosen(winner) -> None:
    """A threshold that the study fixed is that; the twins agree, and the evidence says on how many bins."""
    found = ready(winner(tp_ticks=6), {"threshold": 0.3}, RUNTIME)
    assert found.objection == ""
    assert found.values["active"] == ("signal.name", "msd")
    assert found.values["signals.msd.threshold"] == ("metrics.threshold", 0.3)
    assert found.values["signals.msd.tp_ticks"] == ("evaluation.tp_ticks", 6.0)
    assert found.values["signals.msd.parameters.variant"] == ("signal.parameters.variant", "weighted")
    assert found.evidence["parity"]["equal"] is True
    assert 0 < found.evidence["parity"]["compared"] <= 600
    assert ready(winner(threshold=0.7), {"threshold": 0.7}, RUNTIME).values["signals.msd.threshold"][1] == 0.7


def test_a_threshold_that_nobody_measured_is_not_written(winner) -> None:
    """A study may leave the metric out: the file would hold a number that is none."""
    found = ready(winner(), {}, RUNTIME)
    assert "metrics: {threshold: none}" in found.objection


@pytest.mark.parametrize(("runtime", "runs"), [(RUNTIME, "it runs iirc, msd"), ({}, "it names no signals")])
def test_a_signal_that_the_runtime_lacks_is_refused_with_what_is_missing(winner, runtime, runs) -> None:
    """The list names the scorer, its call and every key."""
    found = ready(winner("erd"), {"threshold": 0.3}, runtime)
    assert found.objection.startswith(f"cannot run erd ({runs}). Missing: a scorer of erd")
    for key in ("signals.erd.threshold", "signals.erd.cooldown_bins", "signals.erd.parameters.spike_floor"):
        assert key in found.objection
