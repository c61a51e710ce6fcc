"""How a policy is obeyed: only for a gain worth having, not too often, and not where it was not made for."""

from __future__ import annotations

import math

from fairtrial.errors import UserError
from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.parameters import Control
from fairtrial.systems.threadpool.record import Chooser
from fairtrial.systems.threadpool.reflex.choice import known_costs, lowest

ROUNDING = 1e-9
"""Relative error of a sum of window lengths: two decisions a hold time apart are not a little less."""


class Guard:
    """A chooser with hysteresis, hold time and fallback. Pure: the time is given.

    Out of range, or with a number missing, the size is frozen first: one odd window is no reason to move. When that
    has lasted as long as telemetry looks back (`telemetry_s`, or `hold_s` if longer), nothing of the time before is
    in the window any more, and the size goes to `start`, which was chosen as safe, and stays there until the chooser
    knows again.
    """

    def __init__(self, chooser: Chooser, control: Control, *, start: int) -> None:
        """Begin at `start`. Raises UserError where that is not one of the chooser's sizes."""
        if start not in chooser.sizes:
            near = min(chooser.sizes, key=lambda size: (abs(math.log(size / start)), size))
            raise UserError(f"policy.workers is {start}, and the policy cannot choose that", hint=f"nearest: {near}")
        self._chooser, self._control = chooser, control
        self.start = self.size = start
        self._changed_s = -math.inf
        self._lost_s: float | None = None
        self.decisions = 0
        self.changes = 0
        self.fallbacks = 0
        """Decisions in which the chooser did not know: frozen, or gone back to the start."""

    def decide(self, now_s: float, features: Floats) -> int:
        """Return the size from now on, seeing one row of telemetry (10,); times never fall."""
        self.decisions += 1
        wanted = self._wanted(now_s, features)
        held = now_s - self._changed_s < self._control.hold_s * (1 - ROUNDING)
        if wanted != self.size and not held:
            self.size, self._changed_s = wanted, now_s
            self.changes += 1
        return self.size

    def _wanted(self, now_s: float, features: Floats) -> int:
        """Return the size that would be taken if it were not for the hold time."""
        costs = known_costs(self._chooser, features)
        best = int(lowest(costs)[0])
        if best < 0:
            return self._lost(now_s)
        self._lost_s = None
        size = self._chooser.sizes[best]
        now = float(costs[0, self._chooser.sizes.index(self.size)])
        return size if gain(now, float(costs[0, best])) > self._control.gain else self.size

    def _lost(self, now_s: float) -> int:
        """Freeze, and fall back once that has lasted."""
        self.fallbacks += 1
        if self._lost_s is None:
            self._lost_s = now_s
        patience_s = max(self._control.telemetry_s, self._control.hold_s)
        lasted = now_s - self._lost_s >= patience_s * (1 - ROUNDING)
        return self.start if lasted else self.size


def gain(now: float, new: float) -> float:
    """Return the relative improvement now / new - 1; infinite from an infinite cost, NaN from one that is not known.

    Costs of formulas may reach 0 or below: then the difference is taken relative to the size of the new cost.
    """
    if math.isinf(now) or new == 0:
        return math.inf if now > new else 0.0
    return (now - new) / abs(new)
