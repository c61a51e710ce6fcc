"""The state of a pool in virtual time, all of it in arrays: what the compiled engine reads and writes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fairtrial.stats.summary import Floats, Integers, Mask
from fairtrial.systems.threadpool.record import Records, Tally, Tasks
from fairtrial.systems.threadpool.simulate.rates import rates, switching
from fairtrial.systems.threadpool.words import Machine, Pool

UNLIMITED = 2**62


class State:
    """The numbers of a pool; totals count from the start."""

    now: float
    """When the last event was."""
    served: float
    """CPU seconds that each runnable worker got since this clock of service was set back."""
    rate: float
    """Of that clock, a second."""
    finish: float
    """When the first runnable worker ends its stretch of work, if nothing changes."""
    wake_s: float
    spawn_s: float
    busy_s: float
    worker_s: float
    core_s: float
    crowded_s: float
    """How long workers had to take turns."""
    spawning_s: float
    cores: int
    limit: int
    next: int
    """Number of the task that arrives next."""
    head: int
    """No task before this one waits."""
    queued: int
    workers: int
    busy: int
    idle: int
    starting: int
    leaving: int
    """Busy workers that go after their task."""
    first: int
    """Place in the ring of the worker that starts next."""
    runnable: int
    timed: int
    """Workers in the heap of times."""
    ended: int
    dropped: int
    stops: int
    """Times that a worker blocked or fell idle."""
    spawned: int
    retired: int


TYPES = {"float": np.float64, "int": np.int64}
STATE = np.dtype([(name, TYPES[kind]) for name, kind in State.__annotations__.items()], align=True)
"""The same for an array: `Line.state` has one entry of it, which the engine uses like a `State`."""


class Line(NamedTuple):
    """The workers. A task's number, doubled, plus 1 for the last stretch of its work, says what a worker is at."""

    state: np.ndarray
    tags: Floats
    """Runnable workers, a heap: at which reading of `served` the stretch ends."""
    running: Integers
    times: Floats
    """Workers being woken or blocking, a heap: when they will be runnable."""
    waiting: Integers
    starts: Floats
    """Workers that start, a ring: when they can work."""
    rates: Floats
    """By the number of runnable workers."""


class Work(NamedTuple):
    """The tasks: what they need, and what became of them."""

    due: Floats
    cpu: Floats
    blocking: Floats
    begin: Floats
    end: Floats
    dropped: Mask
    order: Integers
    """Numbers of the tasks that ended, in order of their ends."""


class Totals(NamedTuple):
    """What had happened up to an instant."""

    switches: float = 0.0
    busy_s: float = 0.0
    worker_s: float = 0.0
    core_s: float = 0.0
    spawned: int = 0
    retired: int = 0
    spawn_s: float = 0.0


def line(machine: Machine, pool: Pool) -> Line:
    """Return a pool at time 0 whose workers are all idle."""
    size = pool.workers
    state = np.zeros(1, STATE)
    now = state[0]
    now["finish"], now["cores"] = np.inf, machine.cores
    now["wake_s"], now["spawn_s"] = machine.wake_us * 1e-6, machine.spawn_us * 1e-6
    now["limit"] = UNLIMITED if pool.queue_limit is None else pool.queue_limit
    now["workers"] = now["idle"] = size
    return Line(state, *_places(size), rates(machine, size))


def _places(size: int) -> tuple[Floats, Integers, Floats, Integers, Floats]:
    integer = np.int64
    return np.zeros(size), np.zeros(size, integer), np.zeros(size), np.zeros(size, integer), np.zeros(size)


def grown(old: Line, machine: Machine, size: int) -> Line:
    """Return the same pool with room for `size` workers."""
    have = len(old.tags)
    now, new = old.state[0], _places(size)
    for before, after in zip(old[1:5], new[:4], strict=True):
        after[:have] = before
    starting = int(now["starting"])
    new[4][:starting] = old.starts[(int(now["first"]) + np.arange(starting)) % have]
    now["first"] = 0
    return Line(old.state, *new, rates(machine, size))


def work(tasks: Tasks) -> Work:
    """Return tasks of which none has begun."""
    count = len(tasks)
    due, cpu, blocking = (np.ascontiguousarray(one, np.float64) for one in (tasks.due_s, tasks.cpu_s, tasks.blocking_s))
    begin, end = np.full(count, np.nan), np.full(count, np.nan)
    return Work(due, cpu, blocking, begin, end, np.zeros(count, np.bool_), np.empty(count, np.int64))


def totals(pool: Line, machine: Machine, at_s: float) -> Totals:
    """Return the totals at an instant between the last event and the next one; the state stays as it is."""
    now = pool.state[0]
    since, runnable = at_s - float(now["now"]), int(now["runnable"])
    crowded = float(now["crowded_s"]) + since * (runnable > machine.cores)
    return Totals(
        switches=float(now["stops"]) + crowded * switching(machine),
        busy_s=float(now["busy_s"]) + since * int(now["busy"]),
        worker_s=float(now["worker_s"]) + since * int(now["workers"]),
        core_s=float(now["core_s"]) + since * min(runnable, machine.cores),
        spawned=int(now["spawned"]),
        retired=int(now["retired"]),
        spawn_s=float(now["spawning_s"]) + since * int(now["starting"]),
    )


def tally(first: Totals, last: Totals, since_s: float, until_s: float) -> Tally:
    """Return what happened between two instants."""
    return Tally(since_s, until_s, **{name: getattr(last, name) - getattr(first, name) for name in Totals._fields})


def records(tasks: Tasks, done: Work, found: Tally) -> Records:
    """Return what became of the tasks."""
    return Records(tasks, done.begin, done.end, done.dropped, found)
