"""The thread pool of `threadpool.py` as a user of SimPy would write it: a process a task, cores by re-scheduling.

Processor sharing keeps finishing times on a virtual clock in a heap and re-schedules one timer, the fastest way that
SimPy has: interrupting every job that shares a core would take time in proportion to their number.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np
import simpy

from fairtrial.systems.threadpool.record import Tasks
from fairtrial.systems.threadpool.words import Machine, Pool


@dataclass
class Window:
    """What is counted, and from when until when."""

    since_s: float
    until_s: float
    switches: float = 0.0
    core_s: float = 0.0

    def switch(self, now_s: float) -> None:
        """Count a switch."""
        self.switches += self.since_s < now_s <= self.until_s

    def passes(self, from_s: float, to_s: float, *, cores: float, switches_per_s: float) -> None:
        """Count what was in use."""
        span_s = min(to_s, self.until_s) - max(from_s, self.since_s)
        if span_s > 0:
            self.core_s += span_s * cores
            self.switches += span_s * switches_per_s


class Cores:
    """Cores that all who compute share."""

    def __init__(self, env: simpy.Environment, machine: Machine, workers: int, window: Window) -> None:
        self.env, self.window, self.cores = env, window, machine.cores
        turn_s = (machine.quantum_us + machine.switch_us) * 1e-6
        self.switches_per_s = machine.cores / turn_s
        self.rates = [rate(machine, max(runnable, 1)) for runnable in range(workers + 1)]
        self.jobs: list[tuple[float, int, simpy.Event]] = []
        self.order = itertools.count()
        self.virtual_s = self.before_s = 0.0
        self.timer: simpy.Event | None = None

    def compute(self, cpu_s: float) -> simpy.Event:
        """Return what happens when so much work is done."""
        self._pass()
        done = self.env.event()
        heapq.heappush(self.jobs, (self.virtual_s + cpu_s, next(self.order), done))
        self._again()
        return done

    def _pass(self) -> None:
        now_s, runnable = self.env.now, len(self.jobs)
        busy, over = min(runnable, self.cores), runnable > self.cores
        self.window.passes(self.before_s, now_s, cores=busy, switches_per_s=over * self.switches_per_s)
        self.virtual_s += (now_s - self.before_s) * self.rates[runnable]
        self.before_s = now_s

    def _again(self) -> None:
        self.timer = None
        if self.jobs:
            left_s = max(0.0, self.jobs[0][0] - self.virtual_s)
            self.timer = self.env.timeout(left_s / self.rates[len(self.jobs)])
            self.timer.callbacks.append(self._end)

    def _end(self, timer: simpy.Event) -> None:
        if timer is self.timer:  # else another job came or went since
            self._pass()
            heapq.heappop(self.jobs)[2].succeed()
            self._again()


def rate(machine: Machine, runnable: int) -> float:
    """Return the CPU-seconds a second of each of so many who compute (Gunther's law over them)."""
    law = 1 + machine.contention * (runnable - 1) + machine.coherence * runnable * (runnable - 1)
    over = machine.quantum_us / (machine.quantum_us + machine.switch_us) if runnable > machine.cores else 1.0
    return min(1.0, machine.cores / runnable) * over / law


@dataclass
class Simulated:
    """A pool at work, and what becomes of its tasks."""

    tasks: Tasks
    machine: Machine
    pool: Pool
    window: Window
    env: simpy.Environment = field(default_factory=simpy.Environment)

    def __post_init__(self) -> None:
        self.workers = simpy.Resource(self.env, self.pool.workers)
        self.cores = Cores(self.env, self.machine, self.pool.workers, self.window)
        self.begin_s, self.end_s = np.full((2, len(self.tasks)), np.nan)

    def run(self) -> Simulated:
        """Simulate until the last task is done."""
        self.env.process(self._source())
        self.env.run()
        return self

    def _source(self) -> Generator[simpy.Event]:
        columns = zip(self.tasks.due_s.tolist(), self.tasks.cpu_s.tolist(), self.tasks.blocking_s.tolist(), strict=True)
        for number, (due_s, cpu_s, blocking_s) in enumerate(columns):
            yield self.env.timeout(max(0.0, due_s - self.env.now))
            idle = self.workers.count < self.workers.capacity
            if idle or self.pool.queue_limit is None or len(self.workers.queue) < self.pool.queue_limit:
                self.env.process(self._task(number, cpu_s, blocking_s, wake_s=self.machine.wake_us * 1e-6 * idle))

    def _task(self, number: int, cpu_s: float, blocking_s: float, *, wake_s: float) -> Generator[simpy.Event]:
        with self.workers.request() as worker:
            yield worker
            self.begin_s[number] = self.env.now
            if wake_s:
                yield self.env.timeout(wake_s)
            yield self.cores.compute(cpu_s / 2 if blocking_s else cpu_s)
            if blocking_s:
                self.window.switch(self.env.now)
                yield self.env.timeout(blocking_s + self.machine.wake_us * 1e-6)
                yield self.cores.compute(cpu_s / 2)
            self.end_s[number] = self.env.now
            if not self.workers.queue:
                self.window.switch(self.env.now)


@dataclass
class Plain:
    """Workers that each have a core, nothing lost: the plain FIFO queue."""

    tasks: Tasks
    workers: int
    env: simpy.Environment = field(default_factory=simpy.Environment)

    def __post_init__(self) -> None:
        self.pool = simpy.Resource(self.env, self.workers)
        self.begin_s, self.end_s = np.full((2, len(self.tasks)), np.nan)

    def run(self) -> Plain:
        """Simulate until the last task is done."""
        self.env.process(self._source())
        self.env.run()
        return self

    def _source(self) -> Generator[simpy.Event]:
        for number, (due_s, cpu_s) in enumerate(zip(self.tasks.due_s.tolist(), self.tasks.cpu_s.tolist(), strict=True)):
            yield self.env.timeout(max(0.0, due_s - self.env.now))
            self.env.process(self._task(number, cpu_s))

    def _task(self, number: int, cpu_s: float) -> Generator[simpy.Event]:
        with self.pool.request() as worker:
            yield worker
            self.begin_s[number] = self.env.now
            yield self.env.timeout(cpu_s)
            self.end_s[number] = self.env.now
