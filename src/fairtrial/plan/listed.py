"""The design that is told its conditions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairtrial.contract.strategy import Opened, Space
from fairtrial.errors import SpecError
from fairtrial.plan.grid import Once, refuse_options

_FORM = "conditions: [{variant: NAME, assignment: {PATH: VALUE}}]"


class Listed:
    """Every replicate of the conditions that are listed."""

    name = "listed"
    asynchronous = False
    learns = False

    def open(self, space: Space, options: Mapping[str, Any]) -> Opened:
        """Start on a space. Raises SpecError for another option, and for what is no condition of the study."""
        refuse_options(self.name, options, ("conditions",))
        entries = options.get("conditions")
        if not isinstance(entries, list | tuple) or not entries:
            raise SpecError("design listed needs its conditions", file=space.study.file, path="design", hint=_FORM)
        return Once(space.fixed([space.condition(*_condition(entry, space.study.file)) for entry in entries]))


def _condition(entry: Any, file: str) -> tuple[str, Mapping[str, Any]]:
    if not isinstance(entry, Mapping) or not {"assignment"} <= set(entry) <= {"variant", "assignment"}:
        raise SpecError(f"{entry!r} is no condition", file=file, path="design.conditions", hint=_FORM)
    assignment = entry["assignment"]
    if not isinstance(assignment, Mapping):
        raise SpecError(f"{assignment!r} is no assignment", file=file, path="design.conditions", hint=_FORM)
    return str(entry.get("variant", "")), assignment
