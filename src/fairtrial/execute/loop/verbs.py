"""What a running driver can be asked: status, pause, resume, cancel, set."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from fairtrial.errors import UnknownName, UserError
from fairtrial.execute.loop.allowance import Allowance
from fairtrial.execute.loop.control import Message
from fairtrial.execute.loop.course import Course, Heading
from fairtrial.execute.loop.flight import Flights
from fairtrial.model.progress import Progress


class Verbs:
    """Answers requests. Whoever asks puts what changes the run into the action log."""

    def __init__(
        self,
        *,
        course: Course,
        flights: Flights,
        allowance: Allowance,
        turn: Callable[[Heading, str, str], None],
        see: Callable[[], Progress],
    ) -> None:
        self._course = course
        self._flights = flights
        self._allowance = allowance
        self._turn = turn
        self._see = see
        self._known: dict[str, Callable[[Message], Mapping[str, Any]]] = {
            "status": lambda message: {},
            "pause": self._pause,
            "resume": self._resume,
            "cancel": self._cancel,
            "set": self._set,
        }

    def answer(self, message: Message) -> Message:
        """Do what a message asks and return its answer, the progress after it included.

        Raises UserError for what cannot be done.
        """
        verb = str(message.get("verb"))
        if verb not in self._known:
            raise UnknownName("verb", verb, self._known)
        detail = self._known[verb](message)
        return {"progress": self._see().as_dict(), "pid": os.getpid(), **detail}

    def _pause(self, message: Message) -> Mapping[str, Any]:
        self._course.paused = True
        self._flights.recall()
        return {}

    def _resume(self, message: Message) -> Mapping[str, Any]:
        self._course.paused = False
        return {}

    def _cancel(self, message: Message) -> Mapping[str, Any]:
        if "trial" not in message:
            self._turn(Heading.HALT, "cancelled", "cancelled")
            return {}
        asked = str(message["trial"]).lower()
        found = self._flights.cancel(asked) if asked else ""
        if not found:
            raise UserError(f"trial {asked!r} is not running")
        return {"trial": found}

    def _set(self, message: Message) -> Mapping[str, Any]:
        jobs = message.get("jobs")
        if jobs == "auto":
            self._allowance.fix(None)
        elif isinstance(jobs, int) and not isinstance(jobs, bool) and jobs >= 1:
            self._allowance.fix(jobs)
        else:
            raise UserError(f"jobs must be a number from 1 up, or auto, not {jobs!r}")
        return {"jobs": jobs}
