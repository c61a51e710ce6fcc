"""One pool of fixed size from its first task to its last."""

from __future__ import annotations

import numpy as np

from fairtrial.systems.threadpool.record import Records, Tasks
from fairtrial.systems.threadpool.simulate import engine, state
from fairtrial.systems.threadpool.words import Machine, Pool


def run(tasks: Tasks, machine: Machine, pool: Pool, *, since_s: float = 0.0) -> Records:
    """Return what became of the tasks; the tally is from `since_s` to when the last one is due."""
    return simulated(tasks, machine, pool, since_s=since_s)


def simulated(tasks: Tasks, machine: Machine, pool: Pool, *, since_s: float = 0.0) -> Records:
    """Return the same by the event engine, which has all of the physics."""
    line, work = state.line(machine, pool), state.work(tasks)
    until = float(tasks.due_s[-1])
    since = min(since_s, until)
    engine.advance(line, work, since)
    first = state.totals(line, machine, since)
    engine.advance(line, work, until)
    last = state.totals(line, machine, until)
    engine.advance(line, work, np.inf)
    return state.records(tasks, work, state.tally(first, last, since, until))
