"""What a system needs from outside is asked for before a run starts, and by `run` alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from fairtrial import Study
from fairtrial.api import Run
from fairtrial.errors import MissingPart, NothingMeasured, UserError
from fairtrial.flow.require import LOOKED, require
from fairtrial.model.study import Metric
from fairtrial.model.trial import Condition, Trial


class Parameters(BaseModel):
    """A server, and what it is asked."""

    model_config = ConfigDict(extra="forbid")
    server: str = "up"
    x: int = 0


class Needs:
    """A system that needs a server; it notes what it was asked to check."""

    name = "needs"
    version = "1"
    Parameters = Parameters
    metrics: Mapping[str, Metric] = {"y": Metric("y")}

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def require(self, parameters: Parameters) -> None:
        """Servers called `down` do not answer, and `?` is no name of one."""
        self.asked.append((parameters.server, parameters.x))
        if parameters.server == "down":
            raise MissingPart("no server answers", hint="start one")
        if parameters.server == "?":
            raise UserError("'?' is no server")

    def run(self, parameters: Parameters, context: Any) -> Mapping[str, float]:
        """Measure something."""
        return {"y": float(parameters.x)}


class Shared(Needs):
    """Its trials share a server."""

    share_scope = "condition"

    def share_key(self, parameters: Parameters) -> Any:
        """The server's name; nothing where it is attached to."""
        return None if parameters.server == "attached" else parameters.server

    def setup(self, parameters: Parameters, scratch: Path) -> Any:
        """Is never run here."""

    def teardown(self, handle: Any) -> None:
        """Is never run here."""


def trial(replicate: int = 0, **parameters: Any) -> Trial:
    name = str(sorted(parameters.items())).encode()
    return Trial(Condition("", parameters, parameters, name), replicate, replicate, b"s", b"")


def test_each_condition_is_asked_about_once(here: Path) -> None:
    """Replicates need the same; so do conditions that share one thing, and each that shares nothing is asked for."""
    alone, shared = Needs(), Shared()
    trials = [trial(k, server=name, x=x) for k in range(2) for name in ("a", "b", "attached") for x in (1, 2)]
    require(alone, trials)
    require(shared, trials)
    assert alone.asked == [("a", 1), ("a", 2), ("b", 1), ("b", 2), ("attached", 1), ("attached", 2)]
    assert shared.asked == [("a", 1), ("b", 1), ("attached", 1), ("attached", 2)]


def test_of_an_endless_plan_the_first_trials_are_looked_at() -> None:
    """The check stays cheap, whatever the size of the plan."""
    system = Needs()
    require(system, (trial(x=x) for x in iter(int, 1)))
    require(system, (trial(x=x) for x in range(10**9)))
    assert len(system.asked) == 1 + LOOKED


@pytest.mark.parametrize(("server", "error", "code"), [("down", MissingPart, 8), ("?", UserError, 2)])
def test_what_is_missing_ends_a_run_before_it_begins(here: Path, server: str, error: type, code: int) -> None:
    """With the system's own words, and no run in the book; `plan` and `check` do without the server."""
    made = Study(study="s", system=Needs(), base={"server": server}, factors={"x": [1, 2]}, parallel={"jobs": 1})
    assert made.plan().new == 2
    with pytest.raises(error) as caught:
        made.run(engine="inline")
    assert caught.value.exit_code == code
    with pytest.raises(NothingMeasured, match="no run yet"):
        Run()


def test_what_is_there_is_not_asked_for_again_when_all_is_done(here: Path) -> None:
    """A finished run needs no server."""
    system = Needs()
    made = Study(study="s", system=system, factors={"x": [1, 2]}, parallel={"jobs": 1})
    assert made.run(engine="inline").exit_code == 0
    assert system.asked == [("up", 1), ("up", 2)]
    assert made.run(engine="inline").exit_code == 0
    assert len(system.asked) == 2
