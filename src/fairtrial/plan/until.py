"""Adaptive replication: a fixed design whose conditions are repeated until their intervals are narrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairtrial.contract.strategy import Opened, Plan, Space, Strategy, Told
from fairtrial.errors import SpecError
from fairtrial.model.claim import Until as Rule
from fairtrial.plan.picked import Noted
from fairtrial.plan.rungs import Rung, Rungs, rungs
from fairtrial.stats.precision import more, nominal


class Until:
    """A fixed design, look after look: what is not known precisely enough gets further replicates."""

    name = "until"
    asynchronous = False
    learns = True

    def __init__(self, base: Strategy) -> None:
        self._base = base

    def open(self, space: Space, options: Mapping[str, Any]) -> Opened:
        """Start on a space whose study says until when, and how many replicates at most.

        Raises SpecError for a design that adapts itself, or that stops trials early.
        """
        study, base = space.study, self._base
        if study.until is None:
            hint = "replicates: {min: 3, max: 20, until: {metric: M, half_width: 5%}}"
            raise SpecError("nothing says until when to replicate", file=study.file, path="replicates", hint=hint)
        if base.learns or base.asynchronous:
            message = f"design {base.name} chooses its trials itself: adaptive replication goes with a fixed design"
            raise SpecError(message, file=study.file, path="replicates", hint="write a number: replicates: 5")
        plan = base.open(space, options).ask()
        return Adaptive(space, rungs(plan, metric=study.until.metric, study=study), study.until)


class Adaptive:
    """Adaptive replication at work."""

    def __init__(self, space: Space, found: Rungs, until: Rule) -> None:
        self._space, self._rungs, self._until = space, found, until
        self._alpha = nominal(space.study.alpha, until.least, until.most)
        self._begun = False

    def ask(self) -> Plan | None:
        """Return the first replicates of every condition, then those of each that is not known precisely enough."""
        first, self._begun = not self._begun, True
        wanted = [(rung, self._until.least if first else self._more(rung)) for rung in self._rungs.all]
        chosen = self._rungs.ask(wanted)
        if not chosen:
            return None
        plan = self._space.listed(chosen)
        return Noted(plan, self._note()) if first else plan

    def tell(self, told: Sequence[Told]) -> None:
        """Hear what came of the last batch."""
        self._rungs.tell(told)

    def _more(self, rung: Rung) -> int:
        if not rung.left or rung.barren:  # what never has a value will not become precise
            return 0
        width = self._until.half_width
        return more(rung.column(), width.value, relative=width.relative, alpha=self._alpha)

    def _note(self) -> str:
        until = self._until
        size = (
            f"{until.half_width.value:.3g} of the mean" if until.half_width.relative else f"{until.half_width.value:g}"
        )
        return f"up to {until.most} replicates of each, until half of the interval of {until.metric} is {size}"
