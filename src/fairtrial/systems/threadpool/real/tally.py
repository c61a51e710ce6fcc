"""What the threads noted, as records of tasks and a tally of a window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.real.binding import BEGIN, CPU, DROPPED, END, SWITCHES, Nanoseconds
from fairtrial.systems.threadpool.record import Records, Tally, Tasks


@dataclass(frozen=True, slots=True)
class Notes:
    """What the threads noted up to an instant."""

    columns: Nanoseconds
    """(6, tasks): nanoseconds since time zero, NOT_YET where not yet."""
    workers: Nanoseconds
    """(workers, 3): when each was added, could work, and left; NOT_YET where not yet."""
    start_ns: int
    """Time zero of the tasks, on the pool's clock."""
    at_ns: int
    """When this was read, on the pool's clock."""
    switches_seen: bool
    """The system counts the switches of each thread."""

    def seconds(self, times_ns: Nanoseconds) -> Floats:
        """Return times of the pool's clock in seconds after time zero; NaN: not yet, or never."""
        return np.where(times_ns < 0, np.nan, (times_ns - self.start_ns) / 1e9)


def records(tasks: Tasks, notes: Notes, *, since_s: float) -> Records:
    """Return what became of the tasks, and the tally from then to the last due time (or to now)."""
    begin_s, end_s = notes.seconds(notes.columns[BEGIN]), notes.seconds(notes.columns[END])
    now_s = (notes.at_ns - notes.start_ns) / 1e9
    last_s = float(tasks.due_s[-1]) if len(tasks) else now_s
    tally = _tally(notes, begin_s, end_s, window=(since_s, max(since_s, min(last_s, now_s))), now_s=now_s)
    return Records(tasks, begin_s, end_s, notes.columns[BEGIN] == DROPPED, tally)


def _tally(notes: Notes, begin_s: Floats, end_s: Floats, *, window: tuple[float, float], now_s: float) -> Tally:
    since_s, until_s = window
    busy_s = _within(begin_s, np.where(np.isnan(end_s), now_s, end_s), window)
    added_s, ready_s, left_s = notes.seconds(notes.workers.T)
    ready_s, left_s = np.where(np.isnan(ready_s), now_s, ready_s), np.where(np.isnan(left_s), np.inf, left_s)
    later = (added_s > max(since_s, 0.0)) & (added_s <= until_s)
    return Tally(
        since_s=since_s,
        until_s=until_s,
        switches=_switches(notes, end_s, window),
        busy_s=float(busy_s.sum()),
        worker_s=float(_within(added_s, left_s, window).sum()),
        core_s=_core_s(notes, begin_s, end_s, busy_s),
        spawned=int(later.sum()),
        retired=int(((left_s > since_s) & (left_s <= until_s)).sum()),
        spawn_s=float(_within(added_s, ready_s, (max(since_s, 0.0), until_s)).sum()),
    )


def _within(begin_s: Floats, end_s: Floats, window: tuple[float, float]) -> Floats:
    """Return how much of each span lies within the window; 0 where it never began."""
    inside = np.clip(end_s, *window) - np.clip(begin_s, *window)
    return np.nan_to_num(np.maximum(inside, 0.0))


def _switches(notes: Notes, end_s: Floats, window: tuple[float, float]) -> float:
    """Count the switches of tasks that ended in the window, each with the wait of its worker before it."""
    if not notes.switches_seen:
        return float("nan")
    ended = (end_s > window[0]) & (end_s <= window[1])
    return float(notes.columns[SWITCHES][ended].sum())


def _core_s(notes: Notes, begin_s: Floats, end_s: Floats, busy_s: Floats) -> float:
    """Sum the CPU time of tasks, of those that the window cuts the share inside."""
    length = end_s - begin_s
    share = np.divide(busy_s, length, out=np.zeros_like(busy_s), where=length > 0)
    return float((share * np.maximum(notes.columns[CPU], 0)).sum() / 1e9)
