"""The line of trials to start: pulled lazily, those to run again first, grouped where a system runs many at once."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import islice
from typing import Any

from fairtrial.contract.system import RunsMany, RunsSome, System
from fairtrial.execute.loop.share import Share
from fairtrial.model import path
from fairtrial.model.identity import canonical_json
from fairtrial.model.study import ABSENT, Study
from fairtrial.model.trial import Trial

WINDOW = 16
"""Batches of trials that are looked through for those that may go together."""


@dataclass(slots=True)
class Ticket:
    """A trial on its way: the same one through all its attempts."""

    trial: Trial
    place: int
    """In which order it was given."""
    spent: dict[str, int] | None = None
    """Failure class -> retries used."""
    recalled: bool = False
    """Taken back before it started: runs again at no cost."""
    dropped: bool = False
    """Cancelled by the user: not run again in this session."""


class Grouping:
    """Which trials may share a process: equal but for the system's batchable paths (or the seed).

    Where the order is no part of the design, they are looked for `ahead` of the next one; else only neighbours go
    together.
    """

    def __init__(self, system: RunsMany, share: Share | None, *, ahead: bool = True) -> None:
        self.limit = max(1, system.batch_limit)
        self.ahead = ahead
        self._paths = sorted(system.batchable)
        self._share = share
        self._alone = system.alone if isinstance(system, RunsSome) else None
        self._last: tuple[Any, Any] = (None, None)

    def key(self, trial: Trial) -> Any:
        """Return what the trials of a group have in common; of one that runs alone something that no other has."""
        condition = trial.condition
        if self._alone is not None and self._alone(condition.parameters):
            return object()
        if self._last[0] is not condition:  # replicates of a condition have it in common
            self._last = (condition, self._stripped(condition.parameters))
        return self._last[1], self._share(trial) if self._share else None

    def _stripped(self, parameters: Any) -> bytes:
        for name in self._paths:
            if path.get(parameters, name, ABSENT) is not ABSENT:
                parameters = path.put(parameters, name, None)
        return canonical_json(parameters)


def grouping(system: System, share: Share | None, study: Study) -> Grouping | None:
    """Return how a system's trials are grouped; None for a system that runs one at a time.

    A study that declares a random order, or that its metrics are times, keeps its order: only neighbours are grouped.
    """
    if not isinstance(system, RunsMany):
        return None
    return Grouping(system, share, ahead=study.order.randomise == "none" and not study.timing)


class Line:
    """The trials of one call, as groups of tickets.

    Of an iterable however long only a window is pulled: the next trial, and where trials are grouped the 16 batches
    from it on. Groups are given out in the order of their first trials, each in the order its trials were given.
    """

    def __init__(self, trials: Iterable[Trial], groups: Grouping | None = None) -> None:
        self._source = enumerate(trials)
        self._groups = groups
        self._again: list[tuple[int, int, Ticket]] = []
        self._window: OrderedDict[int, tuple[Ticket, Any]] = OrderedDict()
        """Place -> ticket and its group's key."""
        self._alike: dict[Any, deque[int]] = {}
        """Key -> places in the window."""
        self._stretch: tuple[int, Any] = (0, None)
        """How many stretches of neighbours with one key were pulled, and the key of the last."""

    def again(self, ticket: Ticket) -> None:
        """Put a ticket back: it goes before every new one, in the order they were given."""
        heappush(self._again, (ticket.place, id(ticket), ticket))

    @property
    def returned(self) -> bool:
        """Say whether the next one has run before."""
        return bool(self._again)

    @property
    def empty(self) -> bool:
        """Say whether nothing is left (looks one trial ahead)."""
        if not self._again and not self._window:
            self._pull(1)
        return not self._again and not self._window

    def take(self, limit: int) -> list[Ticket]:
        """Take the next group: a single one that runs again, or at most `limit` new ones; [] at the end."""
        if self._again:
            return [heappop(self._again)[2]]
        most = min(limit, self._groups.limit) if self._groups else 1
        self._pull(1 if most < 2 else WINDOW * most)
        if not self._window:
            return []
        _, key = next(iter(self._window.values()))
        alike = self._alike[key]
        group = [self._window.pop(alike.popleft())[0] for _ in range(max(1, min(most, len(alike))))]
        if not alike:
            del self._alike[key]
        return group

    def _pull(self, size: int) -> None:
        """Fill the window up to a size."""
        for place, trial in islice(self._source, max(0, size - len(self._window))):
            key = self._key(trial)
            self._window[place] = (Ticket(trial, place), key)
            self._alike.setdefault(key, deque()).append(place)

    def _key(self, trial: Trial) -> Any:
        if self._groups is None:
            return None
        key = self._groups.key(trial)
        if self._groups.ahead:
            return key
        if key != self._stretch[1]:
            self._stretch = (self._stretch[0] + 1, key)
        return self._stretch
