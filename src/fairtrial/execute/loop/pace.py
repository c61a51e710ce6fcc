"""What happens by the clock: the machine is asked for its share, progress is shown, and the loop is woken in time."""

from __future__ import annotations

from collections.abc import Callable

from fairtrial.contract.engine import Session
from fairtrial.execute.loop.allowance import EVERY_S, WAITING_S, Allowance
from fairtrial.execute.loop.course import Budget, Course
from fairtrial.execute.loop.flight import Flights
from fairtrial.execute.loop.progress import Meter
from fairtrial.execute.loop.record import DELAY_S, Record
from fairtrial.model.progress import Progress

SHOW_S = 0.1
"""Between two calls of the progress callback."""


class Pace:
    """Keeps time for the loop."""

    def __init__(
        self,
        session: Session,
        *,
        allowance: Allowance,
        flights: Flights,
        meter: Meter,
        course: Course,
        monotonic: Callable[[], float],
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._session = session
        self._allowance = allowance
        self._flights = flights
        self._meter = meter
        self._course = course
        self._monotonic = monotonic
        self._on_progress = on_progress
        self._shown = float("-inf")
        self._passed = monotonic()

    def begin(self, *, more: bool) -> None:
        """Start a call: the time since the last one is not counted."""
        self._passed = self._monotonic()
        self._adjust(more=more, now=True)

    def tick(self, *, more: bool) -> None:
        """Do what is due; `more` says whether trials wait in the line."""
        now = self._monotonic()
        if not (self._course.paused or self._allowance.waits):
            self._meter.pass_time(now - self._passed, self._allowance.jobs)
        self._passed = now
        self._adjust(more=more)
        if self._on_progress is not None and now - self._shown >= SHOW_S:
            self._shown = now
            self._on_progress(self.moment())

    def finish(self) -> None:
        """End a call: between calls nothing of the machine is asked for, so that others may have it. Show the end."""
        self._adjust(more=False, now=True)
        if self._on_progress is not None:
            self._on_progress(self.moment(finished=True))

    def moment(self, *, finished: bool = False) -> Progress:
        """Return how far the run is."""
        state = "draining" if self._course.heading else "paused" if self._course.paused else "running"
        return self._meter.moment(
            running=self._flights.running,
            jobs=self._allowance.jobs,
            state="finished" if finished else state,
            waits=self._allowance.waits,
        )

    def timeout_s(self, record: Record, budget: Budget) -> float:
        """Return how long the loop may sleep."""
        if self._flights.nudged:
            self._flights.nudged = False
            return 0.0
        waiting = bool(self._allowance.waits) or self._allowance.wants_gpus
        bounds = [WAITING_S if waiting else EVERY_S]
        if self._on_progress is not None or self._course.heading:
            bounds.append(SHOW_S)
        if record.waiting:
            bounds.append(DELAY_S)
        left = budget.wall_left(self._monotonic())
        if left is not None and not self._course.heading:
            bounds.append(max(0.0, left))
        return min(bounds)

    def _adjust(self, *, more: bool, now: bool = False) -> None:
        begun, flying = len(self._flights.begun), len(self._flights.tasks)
        wanted = not (self._course.heading or self._course.paused) and (more or flying > begun)
        jobs, waits = self._allowance.jobs, self._allowance.waits
        if not self._allowance.refresh(running=begun, flying=flying, more=wanted, now=now):
            return
        if self._allowance.jobs != jobs:
            self._session.resize(self._allowance.jobs)
        if self._allowance.waits and not waits:
            self._flights.recall()
