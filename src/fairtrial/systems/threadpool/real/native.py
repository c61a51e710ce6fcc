"""A pool of native threads at work while Python waits: its size can be changed and its state looked at."""

from __future__ import annotations

import ctypes
import math
import os
import sys
import weakref
from types import TracebackType
from typing import Any, Self

import numpy as np

from fairtrial.errors import FairtrialError, Invalid
from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.real import tally
from fairtrial.systems.threadpool.real.binding import (
    COLUMNS,
    END,
    NOT_YET,
    ORDER,
    Nanoseconds,
    Plan,
    State,
    check,
    cpus,
    load,
)
from fairtrial.systems.threadpool.real.costs import Spin, spin
from fairtrial.systems.threadpool.real.place import Place, place
from fairtrial.systems.threadpool.record import Look, Records, Tasks
from fairtrial.systems.threadpool.words import Machine, Pool

SLICE_NS = 100_000_000
"""Longest wait without looking: how late an interrupt, or threads that do not move, are noticed."""
FOREVER_NS = 1 << 62
PATIENCE_S = 30.0


class Native:
    """An `Adjustable` on this machine. A context manager: its threads end with it, also in the middle of their tasks.

    Time zero is the first `advance`. Raises UserError: more cores than there are, or threads that cannot be started;
    MissingPart: no compiler.
    """

    def __init__(
        self, tasks: Tasks, machine: Machine, pool: Pool, *, spin: Spin | None = None, patience_s: float | None = None
    ) -> None:
        """`spin` spares measuring CPU work; `patience_s`: how long threads may stand still, else by their tasks."""
        self.tasks, self.place = tasks, place(machine.cores)
        self.spin = _spin(self.place, tasks) if spin is None else spin
        self._library = load()
        self._columns: Nanoseconds = np.full((COLUMNS, len(tasks)), NOT_YET, np.int64)
        self._due_ns = _nanoseconds(tasks.due_s)
        self._patience_ns = int(1e9 * (_patience_s(tasks, pool.workers) if patience_s is None else patience_s))
        self._start_ns: int | None = None
        self._seen = 0
        self._moved = (-1, 0, 0, 0)
        given = (self._due_ns, self.spin.iterations(tasks.cpu_s), _nanoseconds(tasks.blocking_s), self._columns)
        plan = _plan(given, machine, pool, self.place)
        handle = ctypes.c_void_p()
        check(self._library.pool_open(plan, handle), f"start {pool.workers} threads", hint="give fewer pool.workers")
        self._handle = handle
        self._close = weakref.finalize(self, _close, self._library, handle, os.getpid(), (plan, given))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the threads and wait for their ends; nothing can be asked afterwards."""
        self._close()

    def advance(self, until_s: float) -> None:
        """Wait until that instant; infinite: until all tasks have ended or were dropped.

        Raises Invalid where no thread moved for longer than the tasks can explain.
        """
        drains = math.isinf(until_s)
        try:
            until_ns = self._begin() + (FOREVER_NS if drains else int(until_s * 1e9))
            state = self._watch()
            while state.at_ns < until_ns and not (drains and state.settled == len(self.tasks)):
                self._library.pool_wait(self._handle, min(until_ns, state.at_ns + SLICE_NS), drains)
                state = self._watch()
        except BaseException:  # an interrupt too: no thread outlives it
            self.close()
            raise

    def resize(self, workers: int) -> None:
        """Add workers or let some go: those that are starting and idle ones at once, others as they end their task."""
        if workers < 1:
            raise FairtrialError(f"a pool needs a worker, not {workers}")
        check(
            self._library.pool_resize(self._open(), workers), f"start {workers} threads", hint="give fewer pool.workers"
        )

    def look(self) -> Look:
        """Return its state now; `workers` includes those that still start, and those that go after their task."""
        state = self._state()
        start_ns = state.at_ns if self._start_ns is None else self._start_ns
        ended = self._columns[ORDER, self._seen : state.ended].copy()
        self._seen = state.ended
        return Look(
            at_s=max(state.at_ns - start_ns, 0) / 1e9,
            workers=state.workers,
            busy=state.busy,
            queued=state.queued,
            arrived=state.arrived,
            switches=float(state.switches) if _switches_seen() else math.nan,
            busy_s=state.busy_ns / 1e9,
            worker_s=state.worker_ns / 1e9,
            ended=ended,
            ended_s=(self._columns[END, ended] - start_ns) / 1e9,
        )

    def records(self, since_s: float = 0.0) -> Records:
        """Return what became of all tasks so far, and the tally from then to the last due time (or to now)."""
        return tally.records(self.tasks, self._notes(), since_s=since_s)

    @property
    def submitted_s(self) -> Floats:
        """When each task was really submitted, after time zero; NaN: not yet."""
        notes = self._notes()
        return notes.seconds(notes.columns[0])

    @property
    def is_ahead(self) -> bool:
        """The system lets the submitter run before ordinary threads, those of the workers among them."""
        return bool(self._state().ahead)

    def _notes(self) -> tally.Notes:
        columns = np.empty_like(self._columns)
        at_ns = self._library.pool_copy(self._open(), columns.ctypes.data)
        made = self._library.pool_workers(self._handle, None, 0)
        workers = np.empty((made, 3), np.int64)
        self._library.pool_workers(self._handle, workers.ctypes.data, made)
        return tally.Notes(columns, workers, self._start_ns or 0, at_ns, _switches_seen())

    def _begin(self) -> int:
        if self._start_ns is None:
            start = ctypes.c_int64()
            check(self._library.pool_start(self._open(), start), "start the submitting thread")
            self._start_ns = start.value
        return self._start_ns

    def _open(self) -> ctypes.c_void_p:
        if not self._close.alive:
            raise FairtrialError("this pool is closed")
        return self._handle

    def _state(self) -> State:
        state = State()
        self._library.pool_look(self._open(), state)
        return state

    def _watch(self) -> State:
        """Return the state; raise Invalid where there is work and nothing moved for too long (a lost wake-up)."""
        state = self._state()
        moves = (state.arrived, state.begun, state.ended)
        if moves != self._moved[1:] or state.settled == len(self.tasks):
            self._moved = (state.at_ns, *moves)
        since_ns = self._moved[0]
        if not state.busy and not state.queued and state.arrived < len(self.tasks):
            since_ns = max(since_ns, (self._start_ns or 0) + int(self._due_ns[state.arrived]))
        if state.at_ns - since_ns > self._patience_ns:
            said = f"{state.queued} tasks wait, {state.busy} are at work, {state.arrived} of {len(self.tasks)} arrived"
            raise Invalid(
                f"the pool's threads stood still for {self._patience_ns / 1e9:g} s: {said}",
                hint="the machine starved them, or a wake-up was lost: run it again, alone",
            )
        return state


def _spin(where: Place, tasks: Tasks) -> Spin:
    """Measure the CPU work, where tasks have any."""
    return spin(where.workers[0]) if np.any(tasks.cpu_s) else Spin(ns_per_iteration=1.0, spread=0.0)


def _plan(given: tuple[Nanoseconds, ...], machine: Machine, pool: Pool, where: Place) -> Plan:
    due, iterations, blocking, columns = (array.ctypes.data for array in given)
    return Plan(
        count=len(given[0]), due_ns=due, iterations=iterations, blocking_ns=blocking, columns=columns,
        contention=machine.contention, queue_limit=-1 if pool.queue_limit is None else pool.queue_limit,
        workers=pool.workers, spins=where.apart, cpus=cpus(where.workers if where.kept else ()),
        submitter_cpus=cpus(where.submitter if where.kept else ()),
    )  # fmt: skip


def _patience_s(tasks: Tasks, workers: int) -> float:
    """Return how long it may be until something moves: every worker with the longest task, on one core, ten times."""
    if not len(tasks):
        return PATIENCE_S
    return PATIENCE_S + 10 * float(tasks.blocking_s.max() + workers * tasks.cpu_s.max())


def _nanoseconds(seconds: Floats) -> Nanoseconds:
    return np.ascontiguousarray(np.rint(np.asarray(seconds, float) * 1e9), dtype=np.int64)


def _switches_seen() -> bool:
    return sys.platform == "linux"


def _close(library: ctypes.CDLL, handle: ctypes.c_void_p, owner: int, _kept: Any) -> None:
    """End the threads; what they write to is kept until then. A forked child has none of them to wait for."""
    if os.getpid() == owner:
        library.pool_close(handle)
