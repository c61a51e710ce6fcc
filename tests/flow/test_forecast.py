"""What a plan will take: jobs of this machine, times of the book, else what the system expects."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import BaseModel

from fairtrial.errors import MissingPart
from fairtrial.flow.forecast import forecast, places, places_here
from fairtrial.model.run import History
from fairtrial.model.study import Needs, Parallel, Study, SystemRef
from fairtrial.model.trial import Condition, Trial

STUDY = Study(name="s", system=SystemRef("fake"))


class Parameters(BaseModel):
    """One number."""

    x: float


class Costly:
    """A system that says what a trial costs."""

    name, version, Parameters, metrics = "costly", "1", Parameters, dict[str, Any]()

    def run(self, parameters: Any, context: Any) -> dict[str, float]:
        """Not called."""
        raise AssertionError

    def cost_s(self, parameters: Any) -> float:
        """Return x seconds."""
        return float(parameters.x)


def trials(*levels: float) -> list[Trial]:
    """Make a trial for each level."""
    conditions = [Condition("", {"x": x}, {"x": x}, bytes([place] * 16)) for place, x in enumerate(levels)]
    return [Trial(condition, 0, 1, b"", b"") for condition in conditions]


def test_jobs_are_those_that_will_run() -> None:
    """A number is that number; auto fits this machine; a timing study runs alone."""
    assert places(replace(STUDY, parallel=Parallel(jobs=7)), History()) == 7
    assert places(replace(STUDY, parallel=Parallel(jobs_max=1)), History()) == 1
    assert places(replace(STUDY, timing=True), History()) == 1
    assert places(replace(STUDY, needs=Needs(cpus=0.01, memory_bytes=1)), History()) > 1


def test_a_machine_without_the_gpus_refuses_to_run_and_not_to_plan() -> None:
    """A plan may be made where nothing runs."""
    wants = replace(STUDY, needs=Needs(gpus=1000))
    with pytest.raises(MissingPart):
        places(wants, History())
    assert places_here(wants, History()) == 1


def test_a_system_that_knows_its_cost_is_asked() -> None:
    """The mean of what it says, over the jobs: the book's times may be those of other parameters."""
    made = forecast(Costly(), trials(1.0, 3.0), known=History(), left=10, jobs=2)
    assert made.wall_s == pytest.approx(10 * 2.0 / 2)
    timed = forecast(Costly(), trials(1.0), known=History(trials=4, wall_mean_s=5.0), left=10, jobs=1)
    assert timed.wall_s == pytest.approx(10.0)
    silent = forecast(cast("Any", SimpleNamespace()), trials(1.0), known=History(), left=10, jobs=1)
    assert silent.wall_s is None
    assert forecast(Costly(), [], known=History(), left=None, jobs=1) is None
