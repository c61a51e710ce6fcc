"""The stretch of time that is measured, cut into equal bins: what was due, answered and waiting in each."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fairtrial.errors import Invalid
from fairtrial.stats.summary import Floats, Integers, Mask
from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.record import Outcome, Records

MOST_BINS = 2000


@dataclass(frozen=True, slots=True)
class Window:
    """From `begin_ns` to before `end_ns`. A request belongs to the window in which it was due."""

    begin_ns: int
    end_ns: int

    @property
    def length_s(self) -> float:
        """Return its length."""
        return (self.end_ns - self.begin_ns) * 1e-9

    def holds(self, times_ns: Integers) -> Mask:
        """Say which times lie inside."""
        inside: Mask = (times_ns >= self.begin_ns) & (times_ns < self.end_ns)
        return inside

    def bin(self, times_ns: Integers, bins: int) -> Integers:
        """Return the bin (0 … bins - 1) of times inside."""
        found: Integers = (times_ns - self.begin_ns) * bins // (self.end_ns - self.begin_ns)
        return found

    def edge_ns(self, place: int, bins: int) -> int:
        """Return where the bin of this number begins."""
        return self.begin_ns - (self.begin_ns - self.end_ns) * place // bins


@dataclass(frozen=True, slots=True)
class Answers:
    """What became of requests per bin of a window: arrays of one entry a bin."""

    due: Floats
    """Successes that were due in the bin."""
    time_ns: Floats
    """Sum of their response times."""
    ended: Floats
    """Requests that ended in the bin, however."""
    failed: Floats
    """Requests that were due in the bin and did not succeed."""

    def tail(self, first: int) -> Answers:
        """Leave out the bins before the first."""
        return Answers(*(array[first:] for array in self._arrays()))

    def grouped(self, groups: int) -> Answers:
        """Join neighbouring bins into so many groups; what is left over at the end is dropped."""
        size = len(self.due) // groups
        kept = (array[: size * groups] for array in self._arrays())
        return Answers(*(array.reshape(groups, size).sum(axis=1) for array in kept))

    def _arrays(self) -> tuple[Floats, ...]:
        return self.due, self.time_ns, self.ended, self.failed


def declared(records: Records, load: Load) -> Window:
    """Return the window that the load declares: from the end of ramp and warm-up to the end of the load.

    Raises Invalid where the load ended before.
    """
    begin_ns = records.begin_ns + round(load.lead_s * 1e9)
    if begin_ns >= records.end_ns:
        lasted_s = (records.end_ns - records.begin_ns) * 1e-9
        raise Invalid(
            f"nothing was measured: the load ended after {lasted_s:.3g} s, within ramp and warm-up of "
            f"{load.lead_s:.3g} s",
            hint="give the load a longer duration_s",
        )
    return Window(begin_ns, records.end_ns)


def answers(records: Records, window: Window, bins: int) -> Answers:
    """Count bin by bin."""
    due = window.holds(records.t_sched_ns)
    ok, failed = records.ok & due, ~records.ok & due
    time_ns = (records.t_done_ns - records.t_sched_ns)[ok].astype(float)
    at = window.bin(records.t_sched_ns[ok], bins)
    ended = records.t_done_ns[(records.t_done_ns > 0) & window.holds(records.t_done_ns)]
    return Answers(
        _count(at, bins),
        np.bincount(at, weights=time_ns, minlength=bins).astype(float),
        _count(window.bin(ended, bins), bins),
        _count(window.bin(records.t_sched_ns[failed], bins), bins),
    )


def _count(places: Integers, bins: int) -> Floats:
    return np.bincount(places, minlength=bins).astype(float)


def backlog(records: Records, window: Window, bins: int) -> Floats:
    """Return how many requests were due and not answered at the edges of the bins: shape (bins + 1,).

    A failure is an answer. What timed out, was shed or never ended was never answered and stays in the backlog, so
    that giving up on requests does not make a service stable.
    """
    answered = np.isin(records.outcome, (Outcome.OK, Outcome.ERROR))
    came = _per_edge(records.t_sched_ns, window, bins)
    left = _per_edge(records.t_done_ns[answered], window, bins)
    waiting: Floats = np.cumsum(came - left)
    return waiting


def _per_edge(times_ns: Integers, window: Window, bins: int) -> Floats:
    """Count times before the window, and in each of its bins."""
    inside = times_ns[window.holds(times_ns)]
    before = int(np.count_nonzero(times_ns < window.begin_ns))
    return np.concatenate([[float(before)], np.bincount(window.bin(inside, bins), minlength=bins)])


def in_flight_mean(records: Records, window: Window) -> float:
    """Return the mean number of requests in the system over the window, each from when it was due until it ended."""
    sent = records.outcome != Outcome.SHED
    begin = np.clip(records.t_sched_ns[sent], window.begin_ns, window.end_ns)
    done = np.where(records.t_done_ns[sent] > 0, records.t_done_ns[sent], window.end_ns)
    inside = np.clip(done, window.begin_ns, window.end_ns) - begin
    return float(np.maximum(inside, 0).sum()) / (window.end_ns - window.begin_ns)


def bins_for(window: Window, requests: int, *, batch: int) -> int:
    """Return into how many bins to cut a window: 0.1 to 0.2 s each, where it is shorter than 10 s a hundredth of it.

    At least 20 ms and four requests a bin on average; a multiple of `batch`.
    """
    wanted = min(max(100, math.ceil(window.length_s / 0.2)), MOST_BINS)
    most = min(wanted, requests // 4, int(window.length_s / 0.02))
    return most // batch * batch
