"""A pool in virtual time whose size can be changed while it works."""

from __future__ import annotations

from math import isfinite

from fairtrial.errors import FairtrialError
from fairtrial.systems.threadpool.record import Look, Records, Tasks
from fairtrial.systems.threadpool.simulate import engine, state
from fairtrial.systems.threadpool.words import Machine, Pool


class Virtual:
    """The `Adjustable` of virtual time: `advance` takes no longer than the simulation of what happens.

    Workers that still start count as workers without a task. Between two events a total is what it was at the last
    one plus what has run up since; what happens at an instant belongs to the time before it, at the start to the run.
    """

    def __init__(self, tasks: Tasks, machine: Machine, pool: Pool) -> None:
        self._tasks, self._machine, self._pool = tasks, machine, pool
        self._line, self._work = state.line(machine, pool), state.work(tasks)
        self._at = 0.0
        self._seen = 0
        """How many of the tasks that ended were looked at."""
        self._resized: list[tuple[float, int]] = []

    def advance(self, until_s: float) -> None:
        """Let happen what happens up to that instant; infinity: until the last task is done.

        Raises FairtrialError for an instant that is past.
        """
        if not until_s >= self._at:
            raise FairtrialError(f"a pool at {self._at:g} s cannot go back to {until_s:g} s")
        engine.advance(self._line, self._work, float(until_s))
        self._at = float(until_s) if isfinite(until_s) else max(self._at, float(self._line.state["now"][0]))

    def resize(self, workers: int) -> None:
        """Add workers (each can work after `spawn_us`), or let some go: starting, idle, busy ones after their task."""
        if workers < 1:
            raise FairtrialError(f"a pool of {workers} workers does no work")
        if workers > len(self._line.tags):
            self._line = state.grown(self._line, self._machine, workers)
        engine.resize(self._line, self._at, workers)
        self._resized.append((self._at, workers))

    def look(self) -> Look:
        """Return its state now."""
        now, totals = self._line.state[0], state.totals(self._line, self._machine, self._at)
        ended = self._work.order[self._seen : int(now["ended"])].copy()
        self._seen = int(now["ended"])
        return Look(
            self._at, int(now["workers"]), int(now["busy"]), int(now["queued"]), int(now["next"]),
            totals.switches, totals.busy_s, totals.worker_s, ended, self._work.end[ended],
        )  # fmt: skip

    def records(self, since_s: float = 0.0) -> Records:
        """Return what became of all tasks so far, and the tally from `since_s` to now, or to when the last is due.

        The totals at these instants are those of the same pool run again up to them, resized as this one was.
        """
        until = min(self._at, float(self._tasks.due_s[-1]))
        since = min(since_s, until)
        first, last = self._again(since), self._again(until)
        work = self._work
        now = work._replace(begin=work.begin.copy(), end=work.end.copy(), dropped=work.dropped.copy())
        return state.records(self._tasks, now, state.tally(first, last, since, until))

    def _again(self, at_s: float) -> state.Totals:
        if at_s <= 0:
            return state.Totals()
        if at_s == self._at:
            return state.totals(self._line, self._machine, self._at)
        twin = Virtual(self._tasks, self._machine, self._pool)
        for when, workers in self._resized:
            if when > at_s:
                break
            twin.advance(when)
            twin.resize(workers)
        twin.advance(at_s)
        return state.totals(twin._line, self._machine, at_s)
