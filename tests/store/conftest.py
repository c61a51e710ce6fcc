"""What the store's tests share: a book in a fresh folder, trials to put into it, and short ways to run them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from fairtrial.model.event import AttemptEnded, AttemptStarted
from fairtrial.model.identity import digest, replicate_seed
from fairtrial.model.outcome import Failure, FailureClass, Outcome, Status
from fairtrial.model.provenance import Code, Machine, Provenance
from fairtrial.model.trial import Condition, Role, Trial
from fairtrial.store.book import open_book

PROVENANCE = Provenance(code=Code(), machine=Machine(), python="3.11", fairtrial="0", folder="/somewhere")
IDENTITY = {"name": "toy", "version": "1"}


@dataclass
class Clock:
    """A clock that moves only when it is told to."""

    now: float = 1_700_000_000.0

    def __call__(self):
        self.now += 1
        return self.now


@dataclass
class Kit:
    """Books, drivers and trials in one folder."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    opened: list = field(default_factory=list)

    def book(self, *, write=True):
        book = open_book(self.folder, write=write, clock=self.clock)
        self.opened.append(book)
        return book

    def begin(self, book, **said):
        said = {
            "study": "digits",
            "document": {"study": "digits", "factors": {"lr": [0.1, 0.2]}},
            "system": "toy",
            "identity": IDENTITY,
            "metrics": ["loss"],
            "provenance": PROVENANCE,
            "live": False,
            "fresh": False,
            **said,
        }
        return book.begin(**said)

    def trial(self, lr=0.1, *, replicate=0, identity=IDENTITY, inputs=b"", variant="", **more):
        parameters = {"lr": lr, **more}
        condition = Condition(variant, {"lr": lr, **more}, parameters, digest(parameters))
        return Trial(condition, replicate, replicate_seed(0, replicate), digest(identity), inputs)

    def trials(self, count, **more):
        return [self.trial(index / 8, **more) for index in range(count)]

    def start(self, journal, trial, *, role=Role.TRIAL, **more):
        attempt = journal.next_attempt()
        journal.append([AttemptStarted(attempt, journal.run, trial, role, self.clock(), 4321, 7.5, **more)])
        return attempt

    def end(self, journal, attempt, metrics=None, *, settles=True, **outcome):
        outcome.setdefault("status", Status.DONE)
        made = Outcome(attempt, metrics={"loss": 0.5} if metrics is None else metrics, **outcome)
        return journal.append([AttemptEnded(journal.run, made, self.clock(), settles=settles)])

    def fail(self, journal, attempt, kind=FailureClass.CRASH, **more):
        failure = Failure(kind, "it crashed", detail="at line 3", signal=11)
        return self.end(journal, attempt, {}, status=Status.FAILED, failure=failure, **more)

    def done(self, journal, trial, metrics=None, **outcome):
        attempt = self.start(journal, trial)
        assert self.end(journal, attempt, metrics, **outcome) == ()
        return attempt

    def scratch(self, journal, name, data):
        path = self.folder / "trials" / str(journal.driver) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    @staticmethod
    def identity(**parts):
        return {**IDENTITY, **parts}

    @staticmethod
    def provenance(**more):
        return replace(PROVENANCE, **more)


@pytest.fixture
def kit(tmp_path):
    """A kit in a fresh folder; every book that it opened is closed at the end."""
    kit = Kit(tmp_path / ".fairtrial")
    yield kit
    for book in kit.opened:
        book.close()


@pytest.fixture
def book(kit):
    """A book to write."""
    return kit.book()


@pytest.fixture
def journal(kit, book):
    """A driver at work on study `digits`."""
    return kit.begin(book)


@pytest.fixture
def root():
    """Skip where mounting is not permitted."""
    if os.geteuid() != 0:
        pytest.skip("needs root: it mounts a small file system")
