"""The life of a generator process: connect, say so, start with the others, send, follow, write down, end."""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import count, repeat
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from fairtrial.systems.services.load.closed import Closed, User
from fairtrial.systems.services.load.gauge import Gauge
from fairtrial.systems.services.load.opened import Bounds, Opened
from fairtrial.systems.services.load.pace import ahead, precise, tighten
from fairtrial.systems.services.load.parts import merge, write
from fairtrial.systems.services.load.schedule import arrivals, share
from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.record import Records
from fairtrial.systems.services.target import Elastic, Reply, Target

FLOOR_S = 0.01
"""How long the harness's own floor is measured."""


@dataclass(frozen=True, slots=True)
class Task:
    """What one process of several does."""

    endpoint: Mapping[str, Any]
    load: Load
    seed: int
    worker: int
    processes: int
    part: Path
    """Where its records go."""

    def portion(self, whole: int) -> int:
        """Return this process's portion of a whole, at least 1."""
        return max(1, len(range(self.worker, whole, self.processes)))


class Crew(Protocol):
    """The process that started this one, and the others."""

    async def start(self) -> int:
        """Say that all is connected; return when the load begins, in nanoseconds of the monotonic clock."""


def serve(target: Target, task: Task, crew: Crew) -> dict[str, Any]:
    """Do the task; return what this process saw of itself (a Host as JSON). Its records are in the file of the task.

    Raises ServiceFailed where it cannot connect, UserError for a trace that cannot be read, OSError for a full disk.
    """
    tighten()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        records, host = runner.run(_drive(target, task, crew))
    write(records, task.part)
    return host


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the fastest event loop that is installed; None: the standard one."""
    try:
        import uvloop
    except ImportError:
        return None
    make: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return make


async def _drive(target: Target, task: Task, crew: Crew) -> tuple[Records, dict[str, Any]]:
    floor_s = await floor()
    load, clock = task.load, time.perf_counter_ns
    pace, quiet = precise(clock), precise(clock, 0)
    driver = _driver(target, task, pace if load.mode == "open" else quiet)
    gauge = Gauge(clock, quiet)
    try:
        await driver.connect()
        begin_ns = await crew.start()
        end_ns = begin_ns + round((load.lead_s + load.duration_s) * 1e9)
        gauge.watch(end_ns - round(load.duration_s * 1e9), end_ns)
        with undisturbed(), ahead(wanted=load.goes_first) as first:
            await driver.run(begin_ns, end_ns)
    finally:
        await driver.close()
        for one in (pace, quiet):
            one.close()
    records = merge(driver.records(task.worker, target.operations))
    return replace(records, begin_ns=begin_ns, end_ns=end_ns), asdict(replace(gauge.host(floor_s), ordinary=not first))


def _driver(target: Target, task: Task, pace: Any) -> Closed | Opened:
    load, worker, clock = task.load, task.worker, time.perf_counter_ns
    endpoint = dict(task.endpoint) | {"path": load.path}
    if load.mode == "closed":
        numbers = range(worker, load.clients, task.processes)
        users = [
            User(number, target.session(endpoint, number), target.requests(number, task.seed), _think(task, number))
            for number in numbers
        ]
        return Closed(users, load, clock=clock, pace=pace)
    bounds = Bounds(
        task.portion(load.connections),
        task.portion(load.max_in_flight),
        load.timeout_s,
        elastic=isinstance(target, Elastic) and target.elastic,
        numbers=count(worker, task.processes),
    )
    schedule = share(arrivals(load, task.seed), worker, task.processes)
    requests = target.requests(worker, task.seed)
    return Opened(lambda number: target.session(endpoint, number), requests, schedule, bounds, clock=clock, pace=pace)


def _think(task: Task, number: int) -> random.Random:
    return random.Random(f"think {task.seed} {number}")  # noqa: S311


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep the garbage collector away meanwhile."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


class Instant:
    """A session whose answer is there in the next turn of the event loop: what is left is the harness."""

    async def connect(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    async def call(self, prepared: Any) -> Reply | None:
        """Answer."""
        await asyncio.sleep(0)
        return None


async def floor() -> float:
    """Return the service time (median, seconds) that a closed loop of one user sees when the answer is instant."""
    clock = time.perf_counter_ns
    pace = precise(clock, 0)
    load = Load(clients=1, duration_s=FLOOR_S, warmup_s=0.0, timeout_s=1.0)
    users = [User(0, Instant(), repeat((0, None)), random.Random(0))]  # noqa: S311
    loop = Closed(users, load, clock=clock, pace=pace)
    begin_ns = clock()
    try:
        await loop.run(begin_ns, begin_ns + round(FLOOR_S * 1e9))
    finally:
        pace.close()
    seen = loop.records(0, ("call",))[0].service_s
    return float(np.median(seen)) if len(seen) else 0.0  # not even one: not known
