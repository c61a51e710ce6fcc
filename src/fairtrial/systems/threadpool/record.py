"""What goes into a pool and what comes out of it: tasks as columns, the same for the simulated and the real one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from fairtrial.stats.summary import Floats


@dataclass(frozen=True, slots=True)
class Tasks:
    """What arrives, one entry a task in order of arrival: the same for every pool (common random numbers)."""

    due_s: Floats
    """When it arrives, in seconds after the start; never falling."""
    cpu_s: Floats
    blocking_s: Floats

    def __len__(self) -> int:
        return len(self.due_s)


@dataclass(frozen=True, slots=True)
class Tally:
    """What the pool did from `since_s` to `until_s`, beside the tasks."""

    since_s: float
    until_s: float
    switches: float
    """Context switches: preemptions, and every time a worker blocked or fell idle."""
    busy_s: float
    """Worker-seconds with a task (waiting for a core and blocking included)."""
    worker_s: float
    """Worker-seconds there were: busy or idle."""
    core_s: float
    """Core-seconds in use, the cost of switching included."""
    spawned: int = 0
    """Workers that were added after the start."""
    retired: int = 0
    spawn_s: float = 0.0
    """Worker-seconds between adding a worker and its being able to work."""


@dataclass(frozen=True, slots=True)
class Records:
    """What became of the tasks, one entry each, in order of arrival."""

    tasks: Tasks
    begin_s: Floats
    """When a worker took it; NaN: dropped, or not yet."""
    end_s: Floats
    """When it was done; NaN: dropped, or not yet."""
    dropped: np.ndarray[tuple[int], np.dtype[np.bool_]]
    tally: Tally

    @property
    def latency_s(self) -> Floats:
        """From arrival to the end; NaN where it did not end."""
        latency: Floats = self.end_s - self.tasks.due_s
        return latency

    @property
    def wait_s(self) -> Floats:
        """From arrival to being taken by a worker; NaN where none took it."""
        wait: Floats = self.begin_s - self.tasks.due_s
        return wait


@dataclass(frozen=True, slots=True)
class Look:
    """A pool at one instant; totals count from the start, so that a window is a difference of two looks."""

    at_s: float
    workers: int
    busy: int
    queued: int
    arrived: int
    """Tasks that have arrived: those before this number; dropped ones included."""
    switches: float
    busy_s: float
    worker_s: float
    ended: np.ndarray[tuple[int], np.dtype[np.int64]]
    """Numbers of the tasks that ended since the last look, in order of their ends."""
    ended_s: Floats = field(default_factory=lambda: np.empty(0))
    """When each of them ended; empty where a pool leaves that to its records, which takes longer to ask."""


class Adjustable(Protocol):
    """A pool at work whose size can be changed: virtual or native."""

    def advance(self, until_s: float) -> None:
        """Let it work up to that instant (in virtual time at once; a real one: wait)."""

    def resize(self, workers: int) -> None:
        """Add workers (each can work after `spawn_us`), or let some go: idle ones at once, others after their task."""

    def look(self) -> Look:
        """Return its state now."""

    def records(self, since_s: float = 0.0) -> Records:
        """Return what became of all tasks so far, and the tally from then on; at the end, after the last task."""


class Chooser(Protocol):
    """What says how good each size would be, seen from telemetry: a formula or a learned model."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes that it chooses from, ascending."""

    def costs(self, features: Floats) -> Floats:
        """Return the expected cost, (rows, sizes), of rows of telemetry (rows, 10); lower is better, NaN: not known.

        The first of the lowest is its choice. A cost is on a scale on which ratios mean something (a p95 or the like).
        """

    def inside(self, features: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Say of each row whether it is within what the chooser was made for; False too where a number is missing."""
