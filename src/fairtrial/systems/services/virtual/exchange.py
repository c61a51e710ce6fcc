"""What is asked of a virtual service, request by request, and how each of them ended."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import numpy as np

from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.record import Outcome
from fairtrial.systems.services.virtual.draw import Demand
from fairtrial.systems.services.virtual.station import Clock, Station
from fairtrial.systems.services.virtual.words import Shape

ERRORS = ("http_503", "timeout")
"""Classes of errors by code; that of the random ones comes behind."""
FULL, LATE, RANDOM = range(3)
NEVER = float("nan")


class Exchange:
    """Asks, in the order of sending, and keeps a column for each fact. Times are seconds from the load's beginning.

    A client that gave up does not tell the service, which finishes the work for nobody.
    """

    def __init__(self, shape: Shape, load: Load, demands: Iterator[Demand]) -> None:
        self._station, self._clock, self._demands = Station(shape), Clock(shape.stall), demands
        self._overhead, self._timeout = shape.generator.overhead_s, load.timeout_s
        self.number, self.send, self.done = array("q"), array("d"), array("d")
        self.outcome, self.error, self.tokens = array("B"), array("h"), array("q")
        self.first, self.last = array("d"), array("d")
        """When the first and the last token came, on the service's clock; NaN without tokens."""

    def ask(self, number: int, send: float, *, due: float | None = None) -> float:
        """Send request `number`, no earlier than the one before; return when its client knows how it ended.

        The time-out counts from when it was due: from sending, unless that is given.
        """
        work, later, tokens, fails = next(self._demands)
        expires = (send if due is None else due) + self._timeout
        visit = self._station.admit(self._clock.worked(send), work)
        outcome, error = (Outcome.ERROR, RANDOM) if fails else (Outcome.OK, -1)
        first = last = NEVER
        if visit is None:
            done, outcome, error = send + self._overhead, Outcome.ERROR, FULL
        else:
            start, last = visit
            first = last - (last - start) * later / work if tokens > 0 else NEVER
            done = self._clock.wall(last) + self._overhead
        if done > expires:
            done, outcome, error = expires, Outcome.TIMEOUT, LATE
        self._keep(number, send, done, outcome=outcome, error=error)
        self.tokens.append(tokens)
        self.first.append(first)
        self.last.append(last)
        return done

    def shed(self, number: int) -> None:
        """Keep a request that is not sent, as too many are in flight."""
        self._unsent(number, NEVER, outcome=Outcome.SHED, error=-1)

    def expire(self, number: int, due: float) -> float:
        """Keep a request that is not sent, as its time was out before there was a connection; return when it was."""
        self._unsent(number, due + self._timeout, outcome=Outcome.TIMEOUT, error=LATE)
        return due + self._timeout

    def _unsent(self, number: int, done: float, *, outcome: int, error: int) -> None:
        next(self._demands)
        self._keep(number, NEVER, done, outcome=outcome, error=error)
        self.tokens.append(-1)
        self.first.append(NEVER)
        self.last.append(NEVER)

    def _keep(self, number: int, send: float, done: float, *, outcome: int, error: int) -> None:
        self.number.append(number)
        self.send.append(send)
        self.done.append(done)
        self.outcome.append(outcome)
        self.error.append(error)

    def column(self, name: str) -> np.ndarray:
        """Return a column as an array."""
        return np.array(getattr(self, name))
