"""Trials, tasks, outcomes and studies to try plug-ins on, made from `FakeSystem` and without a plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairtrial.contract.system import Identified, System
from fairtrial.model.identity import digest, replicate_seed
from fairtrial.model.path import put
from fairtrial.model.provenance import Code, Machine, Provenance
from fairtrial.model.trial import Condition, Member, Task, Trial
from fairtrial.testing.fakes import FakeSystem

PROVENANCE = Provenance(code=Code(commit="0" * 40), machine=Machine(host="fake"), python="3.11", fairtrial="0")


def identity_of(system: System) -> dict[str, Any]:
    """Return what a system says of its identity, as runs record it."""
    said = system.identity() if isinstance(system, Identified) else {}
    return {"name": system.name, "version": system.version, **said}


def condition(
    assignment: Mapping[str, Any],
    *,
    system: System | None = None,
    base: Mapping[str, Any] | None = None,
    variant: str = "",
) -> Condition:
    """Resolve an assignment of factors. Raises pydantic's ValidationError where the system refuses it."""
    tree: Any = dict(base or {})
    for path, value in assignment.items():
        tree = put(tree, path, value)
    model = (system or FakeSystem()).Parameters
    parameters = model.model_validate(tree).model_dump(mode="json")
    return Condition(variant, dict(assignment), parameters, digest(parameters))


def trial(
    assignment: Mapping[str, Any],
    *,
    replicate: int = 0,
    position: int = 0,
    system: System | None = None,
    base: Mapping[str, Any] | None = None,
    variant: str = "",
) -> Trial:
    """Make replicate k of a condition, with the study seed 0."""
    system = system or FakeSystem()
    made = condition(assignment, system=system, base=base, variant=variant)
    return Trial(made, replicate, replicate_seed(0, replicate), digest(identity_of(system)), b"", position)


def member(attempt: int, *, seed: int = 1, **parameters: Any) -> Member:
    """Make a task's member that runs FakeSystem with these parameters."""
    return Member(attempt, FakeSystem.Parameters(**parameters).model_dump(mode="json"), seed)


def task(*members: Member, **words: Any) -> Task:
    """Make a task of members; `words` are the task's other fields."""
    return Task(id=members[0].attempt, members=members, **words)
