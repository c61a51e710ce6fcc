"""The terms of an oracle's cost, apart, so that every weight can be turned."""

from __future__ import annotations

from dataclasses import dataclass

from fairtrial.stats.summary import Floats

NAMES = ("alpha", "beta", "gamma")
"""Weights of the latency, the switching and the idle cost."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What J = alpha x latency + beta x switching + gamma x idle + penalty adds up, in microseconds: (rows, sizes)."""

    latency_us: Floats
    switching_us: Floats
    idle_us: Floats
    penalty_us: Floats
    """Without a weight."""

    def cost(self, alpha: float, beta: float, gamma: float) -> Floats:
        """Return J, (rows, sizes); NaN where a feature is missing."""
        total: Floats = alpha * self.latency_us + beta * self.switching_us + gamma * self.idle_us + self.penalty_us
        return total
