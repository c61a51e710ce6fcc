"""The driver's loop: fill the engine, wait, record, then act on what is durable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from signal import Signals as Names

from fairtrial.contract.engine import Session, Stepped
from fairtrial.contract.strategy import Watches
from fairtrial.execute.loop.allowance import Allowance
from fairtrial.execute.loop.course import Budget, Course, Heading
from fairtrial.execute.loop.flight import Flights
from fairtrial.execute.loop.pace import Pace
from fairtrial.execute.loop.progress import Meter
from fairtrial.execute.loop.record import Record
from fairtrial.execute.loop.settle import Call, Settlement
from fairtrial.execute.loop.setup import RunEnd, Setup
from fairtrial.execute.loop.signals import Signals
from fairtrial.execute.loop.wake import Wake
from fairtrial.model.price import tariff
from fairtrial.model.trial import Role

GRACE_S = 5.0
"""For running trials to end when everything stops at once; commands have two seconds from SIGTERM to SIGKILL."""
LAST_S = 0.1
"""For an engine that runs trials in the driver's thread to tell what it began."""
_MANY = 1 << 30


@dataclass(frozen=True, slots=True)
class Parts:
    """What the loop drives."""

    setup: Setup
    session: Session
    allowance: Allowance
    signals: Signals
    wake: Wake
    flights: Flights
    record: Record
    meter: Meter
    budget: Budget
    course: Course
    pace: Pace
    watch: Watches | None


class Drive:
    """The loop."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._settlement = Settlement(
            allowance=parts.allowance,
            meter=parts.meter,
            budget=parts.budget,
            tariff=tariff(parts.setup.study),
            enough=lambda words: self.turn(Heading.DRAIN, "failures", words),
        )
        self._halt_by = 0.0
        self.abandoned = False
        """Something did not end when told to: the engine must kill it."""

    def run(self, call: Call) -> RunEnd:
        """Run a call's trials to their end, or to the session's."""
        parts = self._parts
        parts.pace.begin(more=not call.line.empty)
        while self._goes_on(call):
            self._fill(call)
            if parts.course.heading and not parts.flights.tasks:
                continue  # the budget of trials is used up, and nothing is left to wait for
            timeout_s = parts.pace.timeout_s(parts.record, parts.budget)
            reports = parts.wake.wait(timeout_s, flying=bool(parts.flights.tasks), ahead=self._ahead())
            settled, asked = parts.record.take(reports, call.role)
            for task in settled:
                self._settlement.apply(task, call)
            self._answer(asked)
            parts.pace.tick(more=not call.line.empty)
        parts.record.flush()
        parts.pace.finish()
        course = parts.course
        return RunEnd(
            call.answers(), course.state, course.signal, course.reason, call.done, call.failed, call.cancelled
        )

    def turn(self, heading: Heading, state: str, reason: str, signal: int | None = None) -> None:
        """Head for an end: what has no process yet is taken back; HALT ends the rest at once."""
        parts = self._parts
        if not parts.course.turn(heading, state, reason, signal):
            return
        if heading is Heading.HALT:
            self._halt_by = parts.setup.monotonic() + GRACE_S
            parts.flights.halt()
        else:
            parts.flights.recall()

    def _goes_on(self, call: Call) -> bool:
        self._steer()
        parts = self._parts
        if not parts.flights.tasks:
            return parts.course.heading is Heading.ON and not call.line.empty
        if parts.course.heading is Heading.HALT and parts.setup.monotonic() >= self._halt_by:
            self.abandoned = True
            settled, _ = parts.record.take(parts.flights.abandon(), call.role)
            for task in settled:
                self._settlement.apply(task, call)
            return False
        return True

    def _steer(self) -> None:
        parts = self._parts
        signals = parts.signals
        if signals.count and parts.course.heading is not Heading.HALT:
            twice = signals.count > 1
            heading = Heading.HALT if twice else Heading.DRAIN
            self.turn(heading, "interrupted", Names(signals.last).name, signals.last)
            if twice and parts.session.fileno() is None:
                self._halt_by = parts.setup.monotonic() + LAST_S  # the trial in this thread was broken off
        over = parts.budget.over_wall(parts.setup.monotonic()) or parts.budget.over_cost()
        if over:
            self.turn(Heading.DRAIN, "budget", over)

    def _ahead(self) -> int:
        """Return how many tasks the engine can go on with while this loop takes its time: none that await answers."""
        flights = self._parts.flights
        return 0 if self._parts.watch is not None else len(flights.tasks) - len(flights.begun)

    @property
    def _hand_to_mouth(self) -> bool:
        """Say whether nothing may wait at the engine: it would hold GPUs that others can use, or outrun `stop`."""
        study = self._parts.setup.study
        return bool(study.needs.gpus) or study.stop.failures is not None or study.stop.failures_share is not None

    def _fill(self, call: Call) -> None:
        parts = self._parts
        while self._may_start(call):
            gpus = parts.allowance.take_gpus()
            if gpus is None:
                return
            again = call.line.returned
            tickets = call.line.take(self._largest(call))
            if call.role is Role.TRIAL and not again:
                parts.budget.start(len(tickets))
            parts.flights.start(tickets, gpus)

    def _may_start(self, call: Call) -> bool:
        parts = self._parts
        if parts.course.heading or parts.course.paused or parts.allowance.waits:
            return False
        if parts.session.room() <= 0 or call.line.empty:
            return False
        if self._hand_to_mouth and len(parts.flights.tasks) >= parts.allowance.jobs:
            return False
        if call.role is Role.TRIAL and not call.line.returned and parts.budget.left() == 0:
            parts.course.turn(Heading.DRAIN, "budget", parts.budget.over_trials())  # what is begun is within it
            return False
        return True

    def _largest(self, call: Call) -> int:
        """Return the largest batch now: within the budget, and no larger than keeps every job busy."""
        parts = self._parts
        budget = parts.budget.left() if call.role is Role.TRIAL else None
        left = parts.meter.left()
        busy = _MANY if left is None else ceil(left / parts.allowance.jobs)
        return max(1, min(busy, _MANY if budget is None else budget))

    def _answer(self, asked: Sequence[Stepped]) -> None:
        parts = self._parts
        for step in asked:
            ticket = parts.flights.tickets.get(step.attempt)
            if ticket is not None and parts.watch is not None:
                stop = parts.watch.judge(ticket.trial, step.step, step.metrics)
                parts.session.answer(step.attempt, step.step, stop=stop)
