"""The line of trials to start: pulled lazily, those to run again first, neighbours grouped where a system runs many."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

from fairtrial.contract.system import RunsMany, System
from fairtrial.execute.share import Share
from fairtrial.model import path
from fairtrial.model.identity import canonical_json
from fairtrial.model.study import ABSENT
from fairtrial.model.trial import Trial


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
    """Which neighbours may share a process: equal but for the system's batchable paths (or the seed)."""

    def __init__(self, system: RunsMany, share: Share | None) -> None:
        self.limit = max(1, system.batch_limit)
        self._paths = sorted(system.batchable)
        self._share = share
        self._last: tuple[Any, Any] = (None, None)

    def key(self, trial: Trial) -> Any:
        """Return what neighbours must have in common."""
        condition = trial.condition
        if self._last[0] is not condition:  # replicates of a condition have it in common
            self._last = (condition, self._stripped(condition.parameters))
        return self._last[1], self._share(trial) if self._share else None

    def _stripped(self, parameters: Any) -> bytes:
        for name in self._paths:
            if path.get(parameters, name, ABSENT) is not ABSENT:
                parameters = path.put(parameters, name, None)
        return canonical_json(parameters)


def grouping(system: System, share: Share | None) -> Grouping | None:
    """Return how a system's trials are grouped; None for a system that runs one at a time."""
    return Grouping(system, share) if isinstance(system, RunsMany) else None


class Line:
    """The trials of one call, as groups of tickets. Of an iterable however long, only what is asked for is pulled."""

    def __init__(self, trials: Iterable[Trial], groups: Grouping | None = None) -> None:
        self._source = iter(trials)
        self._groups = groups
        self._again: list[tuple[int, int, Ticket]] = []
        self._ahead: Ticket | None = None
        self._place = 0

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
        return not self._again and self._peek() is None

    def take(self, limit: int) -> list[Ticket]:
        """Take the next group: a single one that runs again, or at most `limit` new neighbours; [] at the end."""
        if self._again:
            return [heappop(self._again)[2]]
        first = self._next()
        if first is None:
            return []
        group = [first]
        if self._groups is None or limit < 2:
            return group
        key = self._groups.key(first.trial)
        while len(group) < min(limit, self._groups.limit):
            neighbour = self._peek()
            if neighbour is None or self._groups.key(neighbour.trial) != key:
                break
            group.append(neighbour)
            self._ahead = None
        return group

    def _peek(self) -> Ticket | None:
        if self._ahead is None:
            trial = next(self._source, None)
            if trial is not None:
                self._ahead = Ticket(trial, self._place)
                self._place += 1
        return self._ahead

    def _next(self) -> Ticket | None:
        ticket = self._peek()
        self._ahead = None
        return ticket
