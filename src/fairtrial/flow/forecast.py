"""What a plan will take: how many trials run at once here, and what the book and the system know of their times."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from fairtrial.contract.journal import Ledger
from fairtrial.contract.system import EstimatesCost, System
from fairtrial.errors import MissingPart
from fairtrial.flow.declared import Declared
from fairtrial.model.run import History
from fairtrial.model.study import Study
from fairtrial.model.trial import Trial

ASKED = 100
"""Trials whose cost a system is asked for; the rest is taken to cost as much on average."""


def history(declared: Declared, ledger: Ledger | None) -> History:
    """Return what the book knows of the system's trials."""
    return History() if ledger is None else ledger.history(name=declared.system.name)


def places(study: Study, known: History) -> int:
    """Return how many trials run at once on this machine. Raises MissingPart where it lacks the GPUs of a trial."""
    from fairtrial.execute.machine.host import Host
    from fairtrial.execute.machine.jobs import auto

    fitting = auto(study, known, Host().resources())
    if study.parallel.jobs is not None:
        return study.parallel.jobs
    return 1 if study.timing else fitting


def places_here(study: Study, known: History) -> int:
    """Return how many trials run at once; one where this machine could not run any (a plan is not refused for that)."""
    with suppress(MissingPart):
        return places(study, known)
    return 1


def forecast(system: System, trials: Sequence[Trial], *, known: History, left: int | None, jobs: int) -> Any:
    """Estimate time and memory of what is left; None where it is not counted."""
    from fairtrial.plan.estimate import estimate

    return None if left is None else estimate(known, left=left, jobs=jobs, cost_s=_cost_s(system, trials[:ASKED]))


def _cost_s(system: System, trials: Sequence[Trial]) -> float | None:
    if not trials or not isinstance(system, EstimatesCost):
        return None
    costs = [system.cost_s(system.Parameters.model_validate(trial.condition.parameters)) for trial in trials]
    return sum(costs) / len(costs)
