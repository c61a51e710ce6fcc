"""Where a session is heading: on, draining (running trials end, no new ones start), or stopping at once; and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from fairtrial.model.study import Stop

SHARE_AFTER = 10
"""Settled trials before a share of failures means anything."""


class Heading(IntEnum):
    """What the session does next; only ever goes up."""

    ON = 0
    DRAIN = 1
    HALT = 2


@dataclass(slots=True)
class Course:
    """The heading with its reason; the first reason to drain stands until something stops at once."""

    heading: Heading = Heading.ON
    paused: bool = False
    state: str = "complete"
    """complete | budget | failures | cancelled | interrupted"""
    reason: str = ""
    signal: int | None = None

    def turn(self, heading: Heading, state: str, reason: str, signal: int | None = None) -> bool:
        """Head for an end; return whether that is news."""
        if heading <= self.heading:
            return False
        self.heading, self.state, self.reason, self.signal = heading, state, reason, signal
        return True


class Budget:
    """The study's `stop`, counted over this session alone: the same command again has a fresh budget.

    Only `cost` is counted over the whole run: `spent` is what it had cost before. `wall`, `trials` (new ones started)
    and `cost` end the session as 'budget'. `failures` ends it as 'failures': at the Nth
    settled failure, or when more than the share of at least ten settled trials failed.
    """

    def __init__(self, stop: Stop, now: float, *, spent: float = 0.0) -> None:
        self._stop = stop
        self._spent = spent
        self._until = None if stop.wall_s is None else now + stop.wall_s
        self._started = 0
        self._settled = 0
        self._failed = 0

    def start(self, trials: int) -> None:
        """Count trials that start for the first time."""
        self._started += trials

    def settle(self, *, failed: bool) -> None:
        """Count a settled trial."""
        self._settled += 1
        self._failed += failed

    def spend(self, cost: float) -> None:
        """Count what an attempt cost, in the unit of the prices."""
        self._spent += cost

    def over_cost(self) -> str:
        """Say that the run has cost what it may; '' while it has not."""
        limit = self._stop.cost
        over = limit is not None and self._spent >= limit
        return f"stop.cost: {self._spent:.4g} of {limit:g} are spent" if over else ""

    def left(self) -> int | None:
        """Return how many new trials may start; None without a limit."""
        return None if self._stop.trials is None else max(0, self._stop.trials - self._started)

    def wall_left(self, now: float) -> float | None:
        """Return the seconds left; None without a limit."""
        return None if self._until is None else self._until - now

    def over_wall(self, now: float) -> str:
        """Say that the time is up; '' while it is not."""
        over = self._until is not None and now >= self._until
        return f"stop.wall: {self._stop.wall_s:g} s are over" if over else ""

    def over_trials(self) -> str:
        """Say how the budget of trials was used up."""
        return f"stop.trials: {self._stop.trials} trials were started"

    def over_failures(self) -> str:
        """Say that too much failed; '' while it did not."""
        count, share = self._stop.failures, self._stop.failures_share
        if count is not None and self._failed >= max(1, count):
            return f"stop.failures: {self._failed} trials failed"
        if share is not None and self._settled >= SHARE_AFTER and self._failed > share * self._settled:
            return f"stop.failures: {self._failed} of {self._settled} trials failed (more than {share:.0%})"
        return ""
