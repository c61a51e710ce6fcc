"""One pool of fixed size from its first task to its last."""

from __future__ import annotations

import numpy as np

from fairtrial.systems.threadpool.record import Records, Tasks
from fairtrial.systems.threadpool.simulate import engine, fifo, state
from fairtrial.systems.threadpool.words import Machine, Pool


def run(tasks: Tasks, machine: Machine, pool: Pool, *, since_s: float = 0.0) -> Records:
    """Return what became of the tasks; the tally is from `since_s` to when the last one is due.

    By the plain FIFO recursion where that is exact, else by the event engine: both give the same. It takes 50 bytes
    a task; longer runs than memory has room for are better made as independent replications, whose spread is known.
    """
    if not fifo.exact(machine, pool):
        return simulated(tasks, machine, pool, since_s=since_s)
    work, until = state.work(tasks), float(tasks.due_s[-1])
    found = fifo.serve(work, pool.workers, since_s=min(float(since_s), until), until_s=until)
    return state.records(tasks, work, found)


def simulated(tasks: Tasks, machine: Machine, pool: Pool, *, since_s: float = 0.0) -> Records:
    """Return the same by the event engine, which has all of the physics."""
    line, work = state.line(machine, pool), state.work(tasks)
    until = float(tasks.due_s[-1])
    since = min(float(since_s), until)
    engine.advance(line, work, since)
    first = state.totals(line, machine, since)
    engine.advance(line, work, until)
    last = state.totals(line, machine, until)
    engine.advance(line, work, np.inf)
    return state.records(tasks, work, state.tally(first, last, since, until))
