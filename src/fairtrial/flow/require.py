"""What a system needs from outside, checked before anything starts: an extra, a server, a port."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from fairtrial.contract.system import Requires, Shares, System
from fairtrial.model.identity import digest
from fairtrial.model.trial import Trial

LOOKED = 300
"""Trials that are looked at, from the first of the plan on: what the others lack fails them."""


def require(system: System, trials: Iterable[Trial]) -> None:
    """Have a system check what the first trials need, once for what they share. Raises what it raises: MissingPart."""
    if not isinstance(system, Requires):
        return
    conditions = {trial.condition.digest: trial.condition for trial in islice(trials, LOOKED)}
    seen: set[bytes] = set()
    for condition in conditions.values():
        parameters = system.Parameters.model_validate(dict(condition.parameters))
        key = system.share_key(parameters) if isinstance(system, Shares) else None
        name = condition.digest if key is None else digest(key)
        if name not in seen:
            seen.add(name)
            system.require(parameters)
