"""What a plan will take: how many trials run at once here, and what the book and the system know of their times."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from fairtrial.contract.journal import Ledger
from fairtrial.contract.system import EstimatesCost, System
from fairtrial.errors import MissingPart
from fairtrial.flow.declared import Declared
from fairtrial.model.outcome import Usage
from fairtrial.model.price import RATES, tariff
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


def forecast(
    system: System,
    trials: Sequence[Trial],
    *,
    known: History,
    left: int | None,
    jobs: int,
    study: Study | None = None,
) -> Any:
    """Estimate time, memory and (of a study with prices) cost of what is left; None where it is not counted."""
    from fairtrial.plan.estimate import estimate

    if left is None:
        return None
    expected_s = _cost_s(system, trials[:ASKED])
    made = estimate(known, left=left, jobs=jobs, cost_s=expected_s)
    trial_s = known.wall_mean_s if expected_s is None else expected_s
    return made if study is None else replace(made, cost=_cost(study, trial_s, left))


def _cost(study: Study, trial_s: float | None, left: int) -> float | None:
    """Price what trials use: their time on all the CPUs and GPUs that they have. What they measure is not known yet."""
    rates = {name for name in RATES if study.prices.get(name)}
    if not rates or (trial_s is None and rates != {"trial"}):
        return None
    usage = Usage(wall_s=trial_s or 0.0, cpu_s=(trial_s or 0.0) * study.needs.cpus)
    return left * tariff(study).usage(usage)


def _cost_s(system: System, trials: Sequence[Trial]) -> float | None:
    if not trials or not isinstance(system, EstimatesCost):
        return None
    costs = [system.cost_s(system.Parameters.model_validate(trial.condition.parameters)) for trial in trials]
    return sum(costs) / len(costs)
