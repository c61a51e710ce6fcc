"""The physics of the pool in plain Python, event by event and slow: what the compiled engine is compared with."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

NEVER = math.inf


@dataclass(frozen=True)
class Costs:
    """The machine and the pool, all times in seconds."""

    workers: int
    cores: int
    queue_limit: int | None = None
    switch_s: float = 0.0
    quantum_s: float = 1e-3
    wake_s: float = 0.0
    sigma: float = 0.0
    kappa: float = 0.0
    spawn_s: float = 0.0

    def rate(self, runnable: int) -> float:
        """CPU-seconds a second that each of so many runnable workers gets."""
        law = 1 + self.sigma * (runnable - 1) + self.kappa * runnable * (runnable - 1)
        if runnable <= self.cores:
            return 1 / law
        return self.cores / runnable * self.quantum_s / (self.quantum_s + self.switch_s) / law


@dataclass
class Worker:
    """A worker with a task: the phases it still goes through, and what is left of the first of them."""

    task: int
    phases: deque[tuple[str, float]]

    @property
    def computing(self) -> bool:
        """Whether it wants a core."""
        return self.phases[0][0] == "compute"

    def due_s(self, now_s: float, rate: float) -> float:
        """When its phase ends if nothing else happens."""
        kind, left = self.phases[0]
        return now_s + left / rate if kind == "compute" else left


@dataclass
class Reference:
    """Runs tasks through the pool: every step goes to the next instant at which anything happens.

    `resizes`: when the pool gets how many workers, ascending.
    """

    due_s: Sequence[float]
    cpu_s: Sequence[float]
    blocking_s: Sequence[float]
    costs: Costs
    since_s: float = 0.0
    resizes: Sequence[tuple[float, int]] = ()
    begin_s: dict[int, float] = field(default_factory=dict)
    end_s: dict[int, float] = field(default_factory=dict)
    dropped: set[int] = field(default_factory=set)
    switches: float = 0.0
    busy_s: float = 0.0
    core_s: float = 0.0
    worker_s: float = 0.0
    spawn_s: float = 0.0
    spawned: int = 0
    retired: int = 0
    blocks_s: list[float] = field(default_factory=list)
    """When workers blocked."""
    now_s: float = 0.0
    workers: list[Worker] = field(default_factory=list)
    waiting: deque[int] = field(default_factory=deque)
    starting: list[float] = field(default_factory=list)
    """When those that were added can work."""

    def __post_init__(self) -> None:
        self.size, self.leaving = self.costs.workers, 0

    def run(self) -> Reference:
        """Go on until the last task is done."""
        arrivals = [(due_s, 0, task) for task, due_s in enumerate(self.due_s)]
        resizes = [(at_s, 1, workers) for at_s, workers in self.resizes]
        for at_s, kind, number in sorted(arrivals + resizes, key=lambda event: event[:2]):
            self._work(until_s=at_s)
            (self._resize if kind else self._arrive)(number)
        self._work(until_s=NEVER)
        return self

    def _work(self, *, until_s: float) -> None:
        """Let workers work until then; what ends at that very instant has ended."""
        while True:
            rate = self.costs.rate(sum(worker.computing for worker in self.workers) or 1)
            next_s, worker = min(
                ((one.due_s(self.now_s, rate), one) for one in self.workers),
                key=lambda pair: pair[0],
                default=(NEVER, None),
            )
            starts_s = min(self.starting, default=NEVER)
            if min(next_s, starts_s) > until_s or (worker is None and starts_s == NEVER):
                break
            if starts_s < next_s:
                self._pass(starts_s, rate)
                self._start()
            else:
                self._pass(next_s, rate, spare=worker)
                worker.phases.popleft()
                self._next(worker)
        if until_s < NEVER:
            self._pass(until_s, rate)

    def _pass(self, to_s: float, rate: float, spare: Worker | None = None) -> None:
        """Let time pass; `spare` ends its phase then, whatever rounding says."""
        span_s = min(to_s, self.due_s[-1]) - max(self.now_s, self.since_s)
        runnable = sum(worker.computing for worker in self.workers)
        if span_s > 0:
            self.busy_s += span_s * len(self.workers)
            self.worker_s += span_s * (self.size + len(self.starting))
            self.spawn_s += span_s * len(self.starting)
            self.core_s += span_s * min(runnable, self.costs.cores)
            if runnable > self.costs.cores:
                self.switches += span_s * self.costs.cores / (self.costs.quantum_s + self.costs.switch_s)
        for worker in self.workers:
            if worker.computing and worker is not spare:
                left_s = worker.phases[0][1] - (to_s - self.now_s) * rate
                worker.phases[0] = ("compute", max(0.0, left_s))
        self.now_s = to_s

    def _arrive(self, task: int) -> None:
        if len(self.workers) < self.size:
            self._take(task, woken=True)
        elif self.costs.queue_limit is None or len(self.waiting) < self.costs.queue_limit:
            self.waiting.append(task)
        else:
            self.dropped.add(task)

    def _take(self, task: int, *, woken: bool) -> None:
        """A worker takes a task, and goes through its phases."""
        cpu_s, blocking_s = float(self.cpu_s[task]), float(self.blocking_s[task])
        phases: list[tuple[str, float]] = [("wake", self.costs.wake_s)] * woken
        if blocking_s:
            phases += [("compute", cpu_s / 2)] * (cpu_s > 0)
            phases += [("block", blocking_s), ("wake", self.costs.wake_s)]
            phases += [("compute", cpu_s / 2)] * (cpu_s > 0)
        else:
            phases += [("compute", cpu_s)] * (cpu_s > 0)
        self.begin_s[task] = self.now_s
        worker = Worker(task, deque(phases))
        self.workers.append(worker)
        self._next(worker)

    def _next(self, worker: Worker) -> None:
        """A phase begins: one that only lasts gets the instant of its end; after the last phase the task has ended."""
        if not worker.phases:
            self._end(worker)
            return
        kind, length_s = worker.phases[0]
        if kind == "block":
            self.blocks_s.append(self.now_s)
            self._switch()
        if kind != "compute":
            worker.phases[0] = (kind, self.now_s + length_s)

    def _end(self, worker: Worker) -> None:
        """A task has ended: the next one is taken without waking, or the worker falls idle."""
        self.end_s[worker.task] = self.now_s
        self.workers.remove(worker)
        if self.leaving:
            self.leaving -= 1
            self.size -= 1
            self.retired += self._counts
        elif self.waiting:
            self._take(self.waiting.popleft(), woken=False)
        else:
            self._switch()

    def _start(self) -> None:
        """One that was added can work: it takes a task that waits, or falls idle."""
        self.starting.remove(min(self.starting))
        self.size += 1
        if self.waiting:
            self._take(self.waiting.popleft(), woken=False)
        else:
            self._switch()

    def _resize(self, workers: int) -> None:
        """One by one: whoever was to leave stays before one is added; starting ones, idle ones, busy ones go."""
        while self.size - self.leaving + len(self.starting) < workers:
            if self.leaving:
                self.leaving -= 1
            else:
                self.starting.append(self.now_s + self.costs.spawn_s)
                self.spawned += self._counts
        while self.size - self.leaving + len(self.starting) > workers:
            if not self.starting and len(self.workers) == self.size:
                self.leaving += 1
                continue
            self.retired += self._counts
            if self.starting:
                self.starting.remove(max(self.starting))
            else:
                self.size -= 1

    @property
    def _counts(self) -> bool:
        """Whether this instant counts: the first one of the window does not, the last one does."""
        return self.since_s < self.now_s <= self.due_s[-1]

    def _switch(self) -> None:
        self.switches += self._counts
