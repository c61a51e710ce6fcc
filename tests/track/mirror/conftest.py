"""A run with its trials as parcels, for what is shown of them and how they are delivered."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from fairtrial.model.outcome import Failure, FailureClass, Status, Usage
from fairtrial.model.parcel import RUN, Parcel, Receipt, Step
from fairtrial.model.run import Run, TrialRow
from fairtrial.model.tracking import Mirror
from fairtrial.track.mirror.shown import Gallery

MIRROR = Mirror("experiment", "sqlite:///x.db", "nightly", {"team": "a"})


def make(number=1, **changes):
    """Trial 3.`number`, settled by attempt 100 + number."""
    row = TrialRow(
        3, number, bytes([number]) * 16, "tuned", {"x": number}, 0, 7, Status.DONE, 100 + number, metrics={"loss": 0.5}
    )
    made = Parcel(row, f"{100 + number} s", {"x": number, "seed": 9}, 10.0, 12.5, Usage(2.5, 2.0, 1 << 20))
    own = {name: value for name, value in changes.items() if name in TrialRow.__dataclass_fields__}
    rest = {name: value for name, value in changes.items() if name not in own}
    return replace(made, row=replace(row, **own), **rest)


@pytest.fixture
def parcel():
    """Make trial 3.NUMBER; what is given is changed in it or in its row."""
    return make


@pytest.fixture
def outbox():
    """Make an outbox of parcels by number."""
    return FakeOutbox


@pytest.fixture
def run():
    """Run 3 of study `digits`, ended."""
    document = {"study": "digits", "question": "How many?"}
    return Run(3, "digits", "finished", 5.0, 20.0, document, "toy", done=2, failed=1, tags=("docs",))


@pytest.fixture
def gallery(run):
    """Shows run 3 of book `b00c`."""
    return Gallery("b00c", run, MIRROR)


@dataclass
class FakeOutbox:
    """What run 3 owes, and the receipts for what was delivered."""

    owed: dict
    run: int = 3
    destination: str = "there"
    receipts: dict = field(default_factory=dict)

    def waiting(self):
        return len(self._left())

    def parcels(self, limit, *, after=0):
        return [self.owed[number] for number in self._left() if number > after][:limit]

    def receipt(self):
        return self.receipts.get(RUN)

    def delivered(self, receipts):
        self.receipts |= {receipt.number: receipt for receipt in receipts}

    def _left(self):
        known = self.receipts
        return [n for n, parcel in sorted(self.owed.items()) if known.get(n, Receipt(n, "", "")).seal != parcel.seal]


@pytest.fixture
def owed():
    """Five trials: one with a series, one that failed, the others plain."""
    steps = [Step(1, 11.0, {"loss": 0.9}), Step(2, 12.0, {"loss": 0.5})]
    failure = Failure(FailureClass.CRASH, "it crashed")
    return FakeOutbox(
        {
            1: make(1, steps=steps),
            2: make(2, status=Status.FAILED, failure=failure, metrics={}),
            **{number: make(number) for number in (3, 4, 5)},
        }
    )
