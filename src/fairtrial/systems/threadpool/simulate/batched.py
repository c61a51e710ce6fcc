"""Many pools of fixed size at once, a lane each: in turns on a processor or, where asked for, all together on a GPU.

Both run the very functions of the event engine: numba compiles them for CUDA as well, so that there is one physics and
a lane gives what `run.simulated` gives. Lock-step over lanes (as arrays of torch or numpy) would be a second engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from fairtrial.errors import MissingPart
from fairtrial.stats.summary import Floats, Integers
from fairtrial.systems.threadpool.record import Records, Tasks
from fairtrial.systems.threadpool.simulate import engine, state
from fairtrial.systems.threadpool.simulate.state import Line, Work
from fairtrial.systems.threadpool.words import Machine, Pool

THREADS = 64
"""Lanes of a block of a GPU: few, because lanes of a warp go different ways and wait for each other."""
ROOM_BYTES = 2**30
"""How much a launch may take up; more lanes are launched one lot after the other."""
TASK_BYTES = 49


class Job(NamedTuple):
    """One simulation."""

    tasks: Tasks
    machine: Machine
    pool: Pool
    since_s: float = 0.0


class Batch(NamedTuple):
    """Lanes in arrays, with room in each for the most workers and tasks."""

    line: Line
    """Of shape (lanes, workers); `state` (lanes,)."""
    work: Work
    """Of shape (lanes, tasks); what tasks need (sets, tasks): jobs on the same tasks share a set."""
    which: Integers
    """The set of a lane."""
    counts: Integers
    """How many tasks it has."""


def run(jobs: Sequence[Job], *, gpu: bool = False) -> list[Records]:
    """Return what became of the tasks of each job, as `run.run` does within rounding.

    `gpu`: on the first CUDA device. Raises MissingPart where there is none.
    """
    if gpu:
        require()
    return [records for lot in _lots(jobs) for records in _run(lot, gpu=gpu)]


def require() -> None:
    """Raise MissingPart where no CUDA device can be used."""
    from numba import cuda

    if not cuda.is_available():  # type: ignore[no-untyped-call]
        hint = "pip install 'numba-cuda[cu12]' on a machine with an NVIDIA GPU, or leave `gpu` out"
        raise MissingPart("the batched path was asked for a GPU, and no CUDA device can be used here", hint=hint)


def _lots(jobs: Sequence[Job]) -> Iterator[Sequence[Job]]:
    """Cut jobs into lots that fit into the room."""
    longest = max((len(job.tasks) for job in jobs), default=1)
    size = max(1, ROOM_BYTES // (longest * TASK_BYTES))
    for first in range(0, len(jobs), size):
        yield jobs[first : first + size]


def _run(jobs: Sequence[Job], *, gpu: bool) -> Iterator[Records]:
    batch = _batch(jobs)
    device = Graphics(batch) if gpu else Processor(batch)
    until = np.array([job.tasks.due_s[-1] for job in jobs])
    since = np.minimum([job.since_s for job in jobs], until)
    device.advance(since)
    first = _totals(jobs, batch, since)
    device.advance(until)
    last = _totals(jobs, batch, until)
    device.advance(np.full(len(jobs), np.inf))
    device.fetch()
    for lane, job in enumerate(jobs):
        tally = state.tally(first[lane], last[lane], float(since[lane]), float(until[lane]))
        count, done = len(job.tasks), batch.work
        begin, end = done.begin[lane, :count].copy(), done.end[lane, :count].copy()
        yield Records(job.tasks, begin, end, done.dropped[lane, :count].copy(), tally)


def _totals(jobs: Sequence[Job], batch: Batch, at_s: Floats) -> list[state.Totals]:
    lanes = np.split(batch.line.state, len(jobs))
    lines = [batch.line._replace(state=lane) for lane in lanes]
    return [state.totals(line, job.machine, float(at)) for line, job, at in zip(lines, jobs, at_s, strict=True)]


def _batch(jobs: Sequence[Job]) -> Batch:
    """Put pools and tasks into arrays."""
    sets = {id(job.tasks): job.tasks for job in jobs}
    numbers = {key: number for number, key in enumerate(sets)}
    states, *places = zip(*(state.line(job.machine, job.pool) for job in jobs), strict=True)
    needs = zip(*((one.due_s, one.cpu_s, one.blocking_s) for one in sets.values()), strict=True)
    due, cpu, blocking = (_stacked(column) for column in needs)
    shape = len(jobs), due.shape[1]
    begin, end = np.full(shape, np.nan), np.full(shape, np.nan)
    return Batch(
        Line(np.concatenate(states), *map(_stacked, places)),
        Work(due, cpu, blocking, begin, end, np.zeros(shape, np.bool_), np.zeros(shape, np.int64)),
        which=np.array([numbers[id(job.tasks)] for job in jobs]),
        counts=np.array([len(job.tasks) for job in jobs]),
    )


def _stacked(rows: Sequence[Any]) -> Any:
    """Stack rows of different lengths: (rows, longest), filled with 0."""
    found = np.zeros((len(rows), max(map(len, rows))), rows[0].dtype)
    for place, row in zip(found, rows, strict=True):
        place[: len(row)] = row
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def _lane(batch: Batch, lane: int, until_s: float) -> None:
    """Advance one lane."""
    line, work = batch.line, batch.work
    count, given = batch.counts[lane], batch.which[lane]
    pool = Line(
        line.state[lane : lane + 1], line.tags[lane], line.running[lane], line.times[lane], line.waiting[lane],
        line.starts[lane], line.rates[lane],
    )  # fmt: skip
    tasks = Work(
        work.due[given, :count], work.cpu[given, :count], work.blocking[given, :count], work.begin[lane, :count],
        work.end[lane, :count], work.dropped[lane, :count], work.order[lane, :count],
    )  # fmt: skip
    engine.advance(pool, tasks, until_s)


@njit(cache=True, nogil=True, error_model="numpy")
def _each(batch: Batch, until_s: Floats) -> None:
    for lane in range(len(until_s)):
        _lane(batch, lane, until_s[lane])


class Processor:
    """Advances one lane after the other."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def advance(self, until_s: Floats) -> None:
        """Let happen in each lane what happens up to its instant; the states are up to date afterwards."""
        _each(self._batch, until_s)

    def fetch(self) -> None:
        """Bring the tasks up to date: they are."""


class Graphics:
    """Advances all lanes at once, a thread of a GPU each; states come back each time, tasks when they are fetched."""

    def __init__(self, batch: Batch) -> None:
        from numba import cuda

        self._batch = batch
        line, work = Line(*map(cuda.to_device, batch.line)), Work(*map(cuda.to_device, batch.work))
        self._there: Any = Batch(line, work, cuda.to_device(batch.which), cuda.to_device(batch.counts))

    def advance(self, until_s: Floats) -> None:
        """Let happen in each lane what happens up to its instant; the states are up to date afterwards."""
        from numba import cuda

        _kernel()[-(-len(until_s) // THREADS), THREADS](self._there, cuda.to_device(until_s))
        self._there.line.state.copy_to_host(self._batch.line.state)

    def fetch(self) -> None:
        """Bring the tasks up to date."""
        for name in ("begin", "end", "dropped"):
            getattr(self._there.work, name).copy_to_host(getattr(self._batch.work, name))


@cache
def _kernel() -> Any:
    """Compile for the GPU; once, when it is first needed."""
    from numba import cuda

    @cuda.jit  # type: ignore[untyped-decorator]
    def kernel(batch: Any, until_s: Any) -> None:
        lane = cuda.grid(1)  # type: ignore[attr-defined]
        if lane < len(until_s):
            _lane(batch, lane, until_s[lane])

    return kernel
