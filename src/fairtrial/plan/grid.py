"""The full factorial design: every combination of the levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairtrial.contract.strategy import Opened, Plan, Space, Told
from fairtrial.errors import SpecError, nearest


class Once:
    """An opened fixed design: it asks for its plan once, and learns nothing."""

    def __init__(self, plan: Plan) -> None:
        self._plan: Plan | None = plan

    def ask(self) -> Plan | None:
        """Return the plan, then None."""
        plan, self._plan = self._plan, None
        return plan

    def tell(self, told: Sequence[Told]) -> None:
        """Hear what came of it; a fixed design has no use for that."""


class Grid:
    """Every combination of the levels of each variant, without what is excluded, with what is included."""

    name = "grid"
    asynchronous = False
    learns = False

    def open(self, space: Space, options: Mapping[str, Any]) -> Opened:
        """Start on a space. Raises SpecError for options, and for a number of conditions: a grid has what it has."""
        refuse_options(self.name, options)
        if space.study.design.n is not None:
            raise SpecError("design grid takes no n", file=space.study.file, hint="--limit N, or design random")
        return Once(space.grid())


def refuse_options(name: str, options: Mapping[str, Any], known: Sequence[str] = ()) -> None:
    """Raise SpecError for an option that a design does not know."""
    for option in options:
        if option not in known:
            raise SpecError(f"design {name} has no option {option!r}", path="design", hint=nearest(option, known))
