"""The event engine, compiled: a pool's workers, its queue and its cores from one instant to another.

Runnable workers share the cores equally, so all of them have got the same service since they became runnable: a
clock of service (`served`) runs at r(R), and a stretch of work ends at a reading of that clock that is known when it
begins. One heap has these readings, another the workers that wait for a time; an event costs O(log N). Source: the
virtual time of Parekh and Gallager (1993), IEEE/ACM Transactions on Networking 1(3).

At one instant stretches of work end first, then workers are woken, then new workers start, then tasks arrive; among
equals the lower number of a task is first. Nothing is computed at an instant at which nothing happens, so that a run
in pieces is the same, to the last bit, as a run in one go.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from fairtrial.systems.threadpool.simulate.borrow import borrowed
from fairtrial.systems.threadpool.simulate.state import Line, State, Work

FINISH, WAKE, START, ARRIVE = 0, 1, 2, 3
REBASE = 1024
"""Tasks after which the clock of service is set back, to stay small against the work of a task however long the run."""


@njit(cache=True, nogil=True, error_model="numpy")
def advance(pool: Line, work: Work, until_s: float) -> None:
    """Let everything happen that happens up to `until_s`; infinity: until the last task is done."""
    pool, work = _borrowed(pool, work)
    state: State = pool.state[0]
    while True:
        at, event = _upcoming(state, pool, work)
        if at > until_s or at == np.inf:
            break
        _pass(state, at)
        if event == FINISH:
            _finish(state, pool, work)
        elif event == ARRIVE:
            _arrive(state, pool, work)
        elif event == WAKE:
            _wake(state, pool, work)
        else:
            _start(state, pool, work)
        _share(state, pool)


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _borrowed(pool: Line, work: Work) -> tuple[Line, Work]:
    line = Line(
        borrowed(pool.state), borrowed(pool.tags), borrowed(pool.running), borrowed(pool.times),
        borrowed(pool.waiting), borrowed(pool.starts), borrowed(pool.rates),
    )  # fmt: skip
    tasks = Work(
        borrowed(work.due), borrowed(work.cpu), borrowed(work.blocking), borrowed(work.begin), borrowed(work.end),
        borrowed(work.dropped), borrowed(work.order),
    )  # fmt: skip
    return line, tasks


@njit(cache=True, nogil=True, error_model="numpy")
def resize(pool: Line, at_s: float, workers: int) -> None:
    """Add or let go workers at an instant up to which everything has happened; there must be room.

    Those still starting go first (the last one added before the others), then idle ones, then busy ones after
    their task; whoever was to go after the task stays when workers are wanted again.
    """
    state: State = pool.state[0]
    more = workers - (state.workers - state.leaving)
    if more == 0:
        return
    _pass(state, at_s)
    kept = min(max(more, 0), state.leaving)
    state.leaving -= kept
    for _ in range(more - kept):
        pool.starts[(state.first + state.starting) % len(pool.starts)] = at_s + state.spawn_s
        state.starting += 1
        state.workers += 1
        state.spawned += 1
    unborn = min(max(-more, 0), state.starting)
    idle = min(max(-more, 0) - unborn, state.idle)
    state.starting -= unborn
    state.idle -= idle
    state.workers -= unborn + idle
    state.retired += unborn + idle
    state.leaving += max(-more, 0) - unborn - idle
    _share(state, pool)


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _upcoming(state: State, pool: Line, work: Work) -> tuple[float, int]:
    """Return when something happens next, and what."""
    at, event = state.finish, FINISH
    if state.timed > 0 and pool.times[0] < at:
        at, event = pool.times[0], WAKE
    if state.starting > 0 and pool.starts[state.first] < at:
        at, event = pool.starts[state.first], START
    if state.next < len(work.due) and work.due[state.next] < at:
        at, event = work.due[state.next], ARRIVE
    return at, event


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _pass(state: State, at: float) -> None:
    """Let time pass in which nothing happens."""
    since = at - state.now
    state.now = at
    state.served += since * state.rate
    state.busy_s += since * state.busy
    state.worker_s += since * state.workers
    state.spawning_s += since * state.starting
    if state.runnable > state.cores:
        state.core_s += since * state.cores
        state.crowded_s += since
    else:
        state.core_s += since * state.runnable


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _share(state: State, pool: Line) -> None:
    """Share the cores among those who are runnable now: how fast they go, and who is first to end."""
    if state.runnable == 0:
        state.served = 0.0
        state.rate = 0.0
        state.finish = np.inf
        return
    rate = pool.rates[state.runnable]
    state.rate = rate
    state.finish = state.now + max(pool.tags[0] - state.served, 0.0) / rate


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _first(work: Work, task: int) -> tuple[float, int]:
    """Return how much a task computes before it blocks, and the entry of a worker at it."""
    if work.blocking[task] > 0.0:
        return 0.5 * work.cpu[task], 2 * task
    return work.cpu[task], 2 * task + 1


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _arrive(state: State, pool: Line, work: Work) -> None:
    """A task arrives: an idle worker is woken for it, or it waits, or it is dropped."""
    task = state.next
    state.next += 1
    if state.idle > 0:
        state.idle -= 1
        state.busy += 1
        work.begin[task] = state.now
        if state.wake_s > 0.0:
            _push(pool.times, pool.waiting, state.timed, state.now + state.wake_s, 2 * task)
            state.timed += 1
        else:
            _run(state, pool, work, task)
    elif state.queued < state.limit:
        if state.queued == 0:
            state.head = task
        state.queued += 1
    else:
        work.dropped[task] = True
        state.dropped += 1


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _run(state: State, pool: Line, work: Work, task: int) -> None:
    """A worker becomes runnable with the first stretch of a task."""
    stretch, entry = _first(work, task)
    _push(pool.tags, pool.running, state.runnable, state.served + stretch, entry)
    state.runnable += 1


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _wake(state: State, pool: Line, work: Work) -> None:
    """A worker becomes runnable: woken for a task, or after blocking."""
    entry = pool.waiting[0]
    _pop(pool.times, pool.waiting, state.timed)
    state.timed -= 1
    task = entry >> 1
    if entry & 1:
        _push(pool.tags, pool.running, state.runnable, state.served + 0.5 * work.cpu[task], entry)
        state.runnable += 1
    else:
        _run(state, pool, work, task)


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _start(state: State, pool: Line, work: Work) -> None:
    """A worker that was added can work: it takes a task that waits, or falls idle."""
    state.first = (state.first + 1) % len(pool.starts)
    state.starting -= 1
    if state.queued > 0:
        state.busy += 1
        _run(state, pool, work, _taken(state, work))
    else:
        state.idle += 1
        state.stops += 1


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _taken(state: State, work: Work) -> int:
    """Take the task off the queue that waits longest, and return it."""
    task = state.head
    while work.dropped[task]:
        task += 1
    state.head = task + 1
    state.queued -= 1
    work.begin[task] = state.now
    return task


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _finish(state: State, pool: Line, work: Work) -> None:
    """A stretch of work ends: the worker blocks, or the task is done and the worker takes the next, idles or goes."""
    entry = pool.running[0]
    task = entry >> 1
    state.served = pool.tags[0]
    if not entry & 1:
        _leave(state, pool)
        state.stops += 1
        _push(pool.times, pool.waiting, state.timed, state.now + work.blocking[task] + state.wake_s, entry + 1)
        state.timed += 1
        return
    work.end[task] = state.now
    work.order[state.ended] = task
    state.ended += 1
    if state.leaving > 0:
        _retire(state, pool)
    elif state.queued > 0:
        stretch, entry = _first(work, _taken(state, work))
        _replace(pool.tags, pool.running, state.runnable, state.served + stretch, entry)
    else:
        _leave(state, pool)
        state.busy -= 1
        state.idle += 1
        state.stops += 1
    if state.ended % REBASE == 0:
        _rebase(state, pool)


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _leave(state: State, pool: Line) -> None:
    """The worker whose stretch ended is no longer runnable."""
    _pop(pool.tags, pool.running, state.runnable)
    state.runnable -= 1


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _retire(state: State, pool: Line) -> None:
    """The worker goes after its task."""
    _leave(state, pool)
    state.busy -= 1
    state.leaving -= 1
    state.workers -= 1
    state.retired += 1


@njit(cache=True, nogil=True, error_model="numpy")
def _rebase(state: State, pool: Line) -> None:
    """Set the clock of service back to 0, with all that is read off it."""
    for place in range(state.runnable):
        pool.tags[place] -= state.served
    state.served = 0.0


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _before(key: float, number: int, other: float, than: int) -> bool:
    """Say whether (key, number) comes before (other, than)."""
    return key < other or (key == other and number < than)


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _push(keys: np.ndarray, numbers: np.ndarray, size: int, key: float, number: int) -> None:
    """Add an entry to a heap of `size` entries; the arrays must have room."""
    hole = size
    while hole > 0:
        parent = (hole - 1) >> 1
        if not _before(key, number, keys[parent], numbers[parent]):
            break
        keys[hole] = keys[parent]
        numbers[hole] = numbers[parent]
        hole = parent
    keys[hole] = key
    numbers[hole] = number


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _replace(keys: np.ndarray, numbers: np.ndarray, size: int, key: float, number: int) -> None:
    """Put an entry in the place of the first one of a heap of `size` entries."""
    hole = 0
    while True:
        child = 2 * hole + 1
        if child >= size:
            break
        right = child + 1
        if right < size and _before(keys[right], numbers[right], keys[child], numbers[child]):
            child = right
        if not _before(keys[child], numbers[child], key, number):
            break
        keys[hole] = keys[child]
        numbers[hole] = numbers[child]
        hole = child
    keys[hole] = key
    numbers[hole] = number


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _pop(keys: np.ndarray, numbers: np.ndarray, size: int) -> None:
    """Take the first entry off a heap of `size` entries."""
    last = size - 1
    if last > 0:
        _replace(keys, numbers, last, keys[last], numbers[last])
