"""How far a run is and how long it will take, from the durations seen."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

from fairtrial.model.progress import Progress
from fairtrial.model.run import History

Z90 = 1.6449
"""Two-sided 90 % of the normal distribution."""
ENOUGH = 3
"""Durations before a range is given."""


class Meter:
    """Counts what ended, and estimates the time left.

    Method: n trials are left, a running one counting as half; a trial occupies one of j jobs for m seconds, so that
    ETA = n m / j. m is the larger of the mean duration and of the job-seconds that passed for each trial begun (which
    holds what lies between trials, the main part when they are short). The 90 % range is ETA +- 1.645 s, with
    s^2 = n sd^2 / j^2 (the trials left vary) + (n / j)^2 sd^2 / k (the mean of k durations is uncertain), not below 0.
    Before the first trial ended, the mean comes from the book's history and there is no range.
    """

    def __init__(self, start: Progress, history: History) -> None:
        self.now = start
        self.done = start.done
        self.failed = start.failed
        self.ended = 0
        self.label = ""
        self._history = history
        self._mean = 0.0
        self._squares = 0.0
        self._job_s = 0.0
        self._active_s = 0.0

    def settle(self, wall_s: float, *, failed: bool) -> None:
        """Count a settled trial and its duration."""
        if failed:
            self.failed += 1
        else:
            self.done += 1
        self.ended += 1
        step = wall_s - self._mean  # Welford's update
        self._mean += step / self.ended
        self._squares += step * (wall_s - self._mean)

    def pass_time(self, seconds: float, jobs: int) -> None:
        """Count time in which `jobs` trials could run."""
        self._job_s += seconds * jobs
        self._active_s += seconds

    def left(self) -> int | None:
        """Return how many trials are not settled; None where the plan is not counted."""
        return None if self.now.total is None else max(0, self.now.total - self.done - self.failed)

    def rate_per_s(self) -> float | None:
        """Return settled trials a second of this session, pauses left out."""
        return self.ended / self._active_s if self.ended and self._active_s > 0 else None

    def eta(self, running: int, jobs: int) -> tuple[float | None, float | None, float | None]:
        """Return the seconds left and their 90 % range; None for what is not known yet."""
        left, mean = self.left(), self._occupied(running)
        if left is None or mean is None:
            return None, None, None
        trials = max(0.0, left - min(running, left) / 2)
        lanes = max(1, min(jobs, left))
        eta = trials * mean / lanes
        if self.ended < ENOUGH:
            return eta, None, None
        variance = self._squares / (self.ended - 1)
        half = Z90 * sqrt(trials * variance + trials**2 * variance / self.ended) / lanes
        return eta, max(0.0, eta - half), eta + half

    def _occupied(self, running: int) -> float | None:
        if not self.ended:
            return self._history.wall_mean_s
        return max(self._mean, self._job_s / (self.ended + running))

    def moment(self, *, running: int, jobs: int, state: str, waits: str = "") -> Progress:
        """Return how far the run is now."""
        eta, low, high = self.eta(running, jobs) if state == "running" else (None, None, None)
        self.now = replace(
            self.now,
            state=state,
            done=self.done,
            failed=self.failed,
            running=running,
            jobs=jobs,
            rate_per_s=self.rate_per_s(),
            eta_s=eta,
            eta_low_s=low,
            eta_high_s=high,
            label=waits or self.label,
        )
        return self.now
