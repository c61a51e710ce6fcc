"""Choosers that nobody had to train: a fixed size, the rule of thumb, the older oracle, queueing theory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fairtrial.errors import FairtrialError
from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.analytic import older, queueing, rule
from fairtrial.systems.threadpool.parameters import Policy
from fairtrial.systems.threadpool.record import Chooser
from fairtrial.systems.threadpool.words import SIZES, Machine


@dataclass(slots=True)
class Formula:
    """A chooser that is a formula: costs of rows of telemetry, NaN where the formula misses a number."""

    sizes: tuple[int, ...]
    formula: Callable[[Floats], Floats]

    def costs(self, features: Floats) -> Floats:
        """Return the cost of every size, (rows, sizes); lower is better."""
        return self.formula(np.asarray(features, dtype=np.float64))

    def inside(self, features: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Say which rows have all that the formula reads; a formula has no other bounds."""
        return np.asarray(np.isfinite(self.costs(features)).all(axis=1))


def chooser(policy: Policy, *, cores: int, machine: Machine | None = None) -> Chooser:
    """Return the chooser of a policy for a machine of so many cores; `machine`: what else is known of it.

    A fixed size reads nothing, so nothing it reads is ever missing. Raises FairtrialError for a learned policy.
    """
    where = (machine or Machine()).model_copy(update={"cores": cores})
    match policy.kind:
        case "fixed":
            return Formula((policy.workers,), lambda features: np.ones((len(features), 1)))
        case "rule":
            return Formula(SIZES, lambda features: rule.costs(features, cores=cores))
        case "older":
            return Formula(SIZES, lambda features: older.costs(features, policy.alpha, policy.beta, policy.gamma))
        case "queueing":
            weights = (policy.alpha, policy.beta, policy.gamma)
            return Formula(SIZES, lambda features: queueing.terms(features, where).cost(*weights))
    raise FairtrialError(f"policy {policy.kind} is learned: no formula")
