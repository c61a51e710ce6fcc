"""Which trials share something expensive: the key that a system gives, made into text."""

from __future__ import annotations

from collections.abc import Callable

from fairtrial.contract.system import Shares, System
from fairtrial.model.identity import digest
from fairtrial.model.trial import Trial

Share = Callable[[Trial], tuple[str, str]]
"""Trial -> (key, scope); two empty strings where it needs nothing."""


def sharing(system: System) -> Share | None:
    """Return how trials of a system share; None for a system that shares nothing."""
    if not isinstance(system, Shares):
        return None
    known: dict[bytes, tuple[str, str]] = {}

    def share(trial: Trial) -> tuple[str, str]:
        condition = trial.condition
        if condition.digest not in known:
            known.clear()  # neighbours are mostly replicates of a condition; a plan may have 1e9 conditions
            key = system.share_key(system.Parameters.model_validate(dict(condition.parameters)))
            scope = system.share_scope
            known[condition.digest] = ("", "") if key is None else (digest([scope, key]).hex(), scope)
        return known[condition.digest]

    return share
