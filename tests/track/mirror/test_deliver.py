"""Delivery: each trial is there exactly once, whatever breaks off the mirror, and wherever."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from fairtrial.track.mirror.deliver import Delivery, Place, Refused, Unreachable


class Killed(BaseException):
    """The mirror's process ended here."""


@dataclass
class FakeTracker:
    """A destination in memory, which breaks off at call number `dies`: before it has done anything, or after."""

    runs: dict = field(default_factory=dict)
    """Id -> [shown, parent, filled]."""
    removed: list = field(default_factory=list)
    calls: int = 0
    dies: int = -1
    after: bool = False
    error: type = Killed
    refuses: tuple = ()
    clock: float = 0.0

    def find(self, key):
        with self._call():
            return next((Place(n, r[0].content) for n, r in self.runs.items() if r[0].key == key), None)

    def children(self, parent):
        with self._call():
            return {r[0].key: Place(n, r[0].content) for n, r in self.runs.items() if r[1] == parent}

    def create(self, shown, parent=""):
        with self._call():
            remote = str(len(self.runs) + len(self.removed) + 1)
            self.runs[remote] = [replace(shown, status="RUNNING"), parent, 0]
            return remote

    def fill(self, remote, shown):
        with self._call():
            if shown.key in self.refuses:
                raise Refused("a name is too long")
            self.runs[remote][0] = shown
            self.runs[remote][2] += 1

    def remove(self, remote):
        with self._call():
            self.removed.append(self.runs.pop(remote))

    def __enter__(self):
        self.calls += 1
        if self.calls == self.dies and not self.after:
            raise self.error("broken off")

    def __exit__(self, kind, *_):
        if kind is None and self.calls == self.dies:
            raise self.error("broken off")

    def _call(self):
        return self

    def keys(self):
        """The keys of what is there, each as often as it is there."""
        return sorted(shown.key for shown, _, _ in self.runs.values())


WHOLE = ["b00c:3", *(f"b00c:3.{number}" for number in range(1, 6))]


def test_everything_is_there_once(owed, gallery):
    """One parent, a child for each trial, all filled; nothing is left waiting, and a second round sends nothing."""
    tracker = FakeTracker()
    delivery = Delivery(owed, tracker)
    heard = []
    assert delivery.round(gallery, heard.append) == 5
    assert heard == [1] * 5
    assert tracker.keys() == WHOLE
    assert {parent for shown, parent, _ in tracker.runs.values() if shown.key != "b00c:3"} == {"1"}
    assert owed.waiting() == 0
    calls = tracker.calls
    assert delivery.round(gallery) == 0
    assert tracker.calls == calls


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_every_call(owed, gallery, after):
    """Broken off at any call, before or after its effect, and caught up by the next mirror: each is there once."""
    undisturbed = FakeTracker()
    Delivery(owed, undisturbed).round(gallery)
    for dies in range(1, undisturbed.calls + 1):
        owed.receipts.clear()
        tracker = FakeTracker(dies=dies, after=after)
        with pytest.raises(Killed):
            Delivery(owed, tracker).round(gallery)
        Delivery(owed, tracker).round(gallery)
        assert tracker.keys() == WHOLE
        assert {r[0].key: r[0] for r in tracker.runs.values()} == {r[0].key: r[0] for r in undisturbed.runs.values()}
        assert owed.waiting() == 0


def test_killed_again_and_again(owed, gallery):
    """A mirror that is killed at every third call gets on all the same."""
    tracker = FakeTracker()
    for _ in range(40):
        tracker.dies = tracker.calls + 4
        try:
            Delivery(owed, tracker).round(gallery)
        except Killed:
            continue
        break
    assert tracker.keys() == WHOLE
    assert owed.waiting() == 0


def test_receipts_that_were_lost(owed, gallery):
    """Where the book's records are gone, all is sent again and nothing is there twice."""
    tracker = FakeTracker()
    Delivery(owed, tracker).round(gallery)
    owed.receipts.clear()
    Delivery(owed, tracker).round(gallery)
    assert tracker.keys() == WHOLE
    assert {filled for _, _, filled in tracker.runs.values()} == {2}


def test_an_unreachable_destination_keeps_what_was_delivered(owed, gallery):
    """What was there before it stopped answering is recorded; the rest waits."""
    tracker = FakeTracker(dies=7, error=Unreachable)  # find, create; two a trial: the third one's create
    with pytest.raises(Unreachable):
        Delivery(owed, tracker).round(gallery)
    assert owed.waiting() == 3
    assert sorted(owed.receipts) == [1, 2]


def test_what_is_refused_holds_up_no_other(owed, gallery, parcel):
    """A trial that the destination does not take waits, and is named; the others and the run go on."""
    tracker = FakeTracker(refuses=("b00c:3.2",))
    delivery = Delivery(owed, tracker)
    assert delivery.round(gallery) == 4
    assert delivery.refused == {2: "a name is too long"}
    assert owed.waiting() == 1
    assert owed.receipt() is not None
    assert delivery.round(gallery) == 0
    tracker.refuses = ()
    owed.owed[2] = replace(parcel(2, attempt=202), seal="202 s")
    assert delivery.round(gallery) == 1
    assert not delivery.refused


def test_another_attempt_takes_the_place(owed, gallery, parcel):
    """A failure that was tried again shows its new attempt; the old one is taken away."""
    tracker = FakeTracker()
    Delivery(owed, tracker).round(gallery)
    owed.owed[2] = replace(parcel(2, attempt=202), seal="202 s")
    delivery = Delivery(owed, tracker)
    assert delivery.round(gallery) == 1
    assert tracker.keys() == WHOLE
    assert [shown.tags["fairtrial.attempt"] for shown, _, _ in tracker.removed] == ["102"]


def test_a_retired_trial_is_told_so(owed, gallery, parcel):
    """Its run there stays, and says that it does not count."""
    tracker = FakeTracker()
    Delivery(owed, tracker).round(gallery)
    owed.owed[4] = replace(parcel(4, retired=True), seal="104 retired s")
    Delivery(owed, tracker).round(gallery)
    assert tracker.keys() == WHOLE
    assert not tracker.removed
    said = {shown.key: shown.tags.get("fairtrial.retired") for shown, _, _ in tracker.runs.values()}
    assert [key for key, retired in said.items() if retired == "true"] == ["b00c:3.4"]


def test_the_end_of_a_run_is_told(owed, gallery):
    """A run that goes on is RUNNING; when it has ended it is brought up to date once."""
    tracker, running = FakeTracker(), replace(gallery, run=replace(gallery.run, state="open"))
    delivery = Delivery(owed, tracker)
    delivery.round(running)
    assert tracker.runs["1"][0].status == "RUNNING"
    delivery.round(gallery)
    assert tracker.runs["1"][0].status == "FINISHED"
    assert tracker.runs["1"][2] == 2


def test_more_than_are_read_together(gallery, parcel, outbox):
    """Two hundred trials arrive, and receipts are recorded in few transactions."""
    owed = outbox({number: parcel(number) for number in range(1, 201)})
    written = []
    owed.delivered = lambda receipts, record=owed.delivered: (written.append(len(receipts)), record(receipts))
    assert Delivery(owed, FakeTracker(), clock=lambda: 5.0).round(gallery) == 200
    assert owed.waiting() == 0
    assert len([count for count in written if count]) < 5
