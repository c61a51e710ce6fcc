"""Delivering what is owed: a round brings every waiting trial and the run itself to where they belong, once each.

Whatever kills a mirror, the next one finds by their tags the runs that it made, and fills them again: what is sent
twice is there once. A receipt is recorded after the run is whole: a lost one costs a second sending and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fairtrial.contract.journal import Outbox
from fairtrial.errors import FairtrialError
from fairtrial.model.parcel import RUN, Parcel, Receipt
from fairtrial.track.mirror.shown import Gallery, Shown

AT_ONCE = 50
"""Parcels that are read together."""
RECORD_S = 1.0
"""Receipts wait so long for each other: the book's other writers are held up by few transactions."""


class Refused(FairtrialError):
    """The destination does not take this one run; others may still go."""


class Unreachable(FairtrialError):
    """The destination does not answer, or takes nothing at all."""


@dataclass(frozen=True, slots=True)
class Place:
    """A run that is there already."""

    remote: str
    content: str


class Tracker(Protocol):
    """A destination. Every call raises Unreachable, or Refused for what concerns one run alone."""

    def find(self, key: str) -> Place | None:
        """Return the run with this key."""

    def children(self, parent: str) -> dict[str, Place]:
        """Return the runs below a run by their keys."""

    def create(self, shown: Shown, parent: str = "") -> str:
        """Make a run with its tags, and return its id."""

    def fill(self, remote: str, shown: Shown) -> None:
        """Bring all of it there, its status last; doing so again changes nothing."""

    def remove(self, remote: str) -> None:
        """Take a run away."""


@dataclass(slots=True)
class Delivery:
    """Delivers one run of the book to one destination."""

    outbox: Outbox
    tracker: Tracker
    clock: Callable[[], float] = time.monotonic
    refused: dict[int, str] = field(default_factory=dict)
    """Trials that the destination did not take, with what it said."""
    _returned: dict[int, str] = field(default_factory=dict)
    """Their seals: with another one they are tried again."""
    _parent: str = ""
    _there: dict[str, Place] = field(default_factory=dict)
    _receipts: list[Receipt] = field(default_factory=list)
    _recorded: float = 0.0

    def round(self, gallery: Gallery, told: Callable[[int], None] = lambda count: None) -> int:
        """Deliver what waits now; return how many trials that were. `told` hears of each that is there.

        Raises Unreachable: what was delivered before is recorded.
        """
        count, last = 0, 0
        try:
            self._open(gallery)
            while parcels := self.outbox.parcels(AT_ONCE, after=last):
                last = parcels[-1].row.number
                count += self._deliver(gallery, parcels, told)
        finally:
            self._record()
        self._finish(gallery)
        return count

    def _deliver(self, gallery: Gallery, parcels: Sequence[Parcel], told: Callable[[int], None]) -> int:
        count = 0
        for parcel in parcels:
            number = parcel.row.number
            if self._returned.get(number) == parcel.seal:
                continue
            try:
                self._receipts.append(Receipt(number, self._sent(gallery.child(parcel)), parcel.seal))
            except Refused as problem:
                self.refused[number], self._returned[number] = str(problem), parcel.seal
                continue
            self.refused.pop(number, None)
            if self.clock() - self._recorded >= RECORD_S:
                self._record()
            count += 1
            told(1)
        return count

    def _sent(self, shown: Shown) -> str:
        """Bring a trial to its place, and return its id there."""
        remote = self._place(shown)
        self.tracker.fill(remote, shown)
        return remote

    def _open(self, gallery: Gallery) -> None:
        """Find the run, or make it; learn what is below it already."""
        if self._parent:
            return
        shown = gallery.parent()
        found = self.tracker.find(shown.key)
        self._there = self.tracker.children(found.remote) if found else {}
        self._parent = found.remote if found else self.tracker.create(shown)

    def _place(self, shown: Shown) -> str:
        """Return the id of the trial's run; one that shows an attempt which no longer counts makes room."""
        found = self._there.get(shown.key)
        if found is not None and found.content == shown.content:
            return found.remote
        if found is not None:
            self.tracker.remove(found.remote)
        remote = self.tracker.create(shown, self._parent)
        self._there[shown.key] = Place(remote, shown.content)
        return remote

    def _finish(self, gallery: Gallery) -> None:
        """Bring the run itself up to date, where it changed."""
        seal, last = gallery.seal(), self.outbox.receipt()
        if last is None or last.seal != seal or last.remote != self._parent:
            self.tracker.fill(self._parent, gallery.parent())
            self._receipts.append(Receipt(RUN, self._parent, seal))
            self._record()

    def _record(self) -> None:
        made, self._receipts = self._receipts, []
        self._recorded = self.clock()
        self.outbox.delivered(made)
