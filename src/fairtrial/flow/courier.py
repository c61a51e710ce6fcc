"""The mirror's own process: reads the book, delivers, and ends with whoever started it.

Started as `python -P -m fairtrial.flow.courier ORDERS`; reports on stdout, a JSON record a line. It may be killed at
any instant: the next one finds what it made.
"""

from __future__ import annotations

import json
import os
import select
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from fairtrial.errors import FairtrialError, StudyHeld

if TYPE_CHECKING:
    from fairtrial.contract.system import System
    from fairtrial.model.tracking import Mirror
    from fairtrial.store.book import Book
    from fairtrial.track.mirror.deliver import Delivery
    from fairtrial.track.mirror.shown import Gallery

EVERY_S = 1.0
"""A run that goes on is looked at so often."""
AGAIN_S = (2.0, 5.0, 15.0, 60.0)
"""A destination that does not answer is tried again after so long, the last one over and over."""
LOOK_S = 0.2
NICE = 10
"""Trials come first."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What a courier is told."""

    folder: str
    """The book's."""
    run: int
    parent: int
    """The process that it must not outlive."""
    follow: bool
    """Go on until a line comes on stdin, then finish; else deliver what is there."""

    def written(self) -> str:
        """Write them as an argument."""
        return json.dumps(asdict(self))


class Report:
    """Tells whoever started the courier how it goes."""

    def __init__(self, output: IO[str]) -> None:
        self._output = output
        self._problem = ""

    def tell(self, **said: Any) -> None:
        """Write a record."""
        self._output.write(json.dumps(said) + "\n")
        self._output.flush()

    def delivered(self, count: int) -> None:
        """Say that so many trials more are there."""
        self.tell(delivered=count)

    def problem(self, text: str) -> None:
        """Say why it does not go on, where that is new; '' where it goes on again."""
        if text != self._problem:
            self._problem = text
            self.tell(problem=text)


def main() -> None:
    """Deliver as ordered."""
    orders = Orders(**json.loads(sys.argv[1]))
    threading.Thread(target=_end_with, args=(orders.parent,), daemon=True).start()
    report = Report(_own_stdout())
    if orders.follow:
        os.nice(NICE)
    try:
        with _ready(orders, report) as courier:
            courier.work(follow=orders.follow)
    except StudyHeld as problem:
        report.tell(problem=str(problem), held=True)
    except FairtrialError as problem:
        report.problem(str(problem))


def _end_with(parent: int) -> None:
    """End this process when the one that started it is gone, whatever it is waiting for."""
    while os.getppid() == parent:
        time.sleep(LOOK_S)
    os._exit(0)


def _own_stdout() -> IO[str]:
    """Keep stdout for the report: what libraries print goes nowhere."""
    own = os.fdopen(os.dup(1), "w")
    with Path(os.devnull).open("w") as nothing:
        os.dup2(nothing.fileno(), 1)
    return own


@contextmanager
def _ready(orders: Orders, report: Report) -> Iterator[Courier]:
    """Open the book and the destination, with the run held against other mirrors."""
    from fairtrial.flow.tracked import address
    from fairtrial.spec.mirror import recorded_mirror
    from fairtrial.store.book import open_book

    folder = Path(orders.folder)
    book = open_book(folder, write=True)
    try:
        mirror = recorded_mirror(book.ledger.run(orders.run).document)
        if mirror is None:
            return
        uri = address(mirror)
        os.chdir(folder.parent)  # a relative address starts beside the book
        with _alone(folder, orders, book.now()):
            yield Courier(book, orders.run, mirror, uri, report)
    finally:
        book.close()


@contextmanager
def _alone(folder: Path, orders: Orders, now: float) -> Iterator[None]:
    """Hold the run; one that follows a run waits until it is free, or until the run has ended."""
    from fairtrial.store.lock import mirror_lock

    last = not orders.follow
    with ExitStack() as stack:
        while not _took(stack, mirror_lock(folder, orders.run, now=now), last=last):
            last = _told_to_finish(EVERY_S)
        yield


def _took(stack: ExitStack, lock: AbstractContextManager[None], *, last: bool) -> bool:
    """Take a lock that may be held; at the last attempt that is an error."""
    try:
        stack.enter_context(lock)
    except StudyHeld:
        if last:
            raise
        return False
    return True


class Courier:
    """Delivers one run, now or as it goes on."""

    def __init__(self, book: Book, run: int, mirror: Mirror, uri: str, report: Report) -> None:
        self._book, self._run, self._mirror, self._uri = book, run, mirror, uri
        self._report = report
        self._failed = 0
        self._delivery: Delivery | None = None
        self._system: System | None = None

    def work(self, *, follow: bool) -> None:
        """Go round until the run has ended (at once, unless it follows one) and nothing is left, or nothing goes."""
        last = not follow
        while True:
            went = self._round()
            if last:
                return
            last = _told_to_finish(EVERY_S if went else AGAIN_S[min(self._failed, len(AGAIN_S)) - 1])

    def _round(self) -> bool:
        """Deliver what waits; say whether the destination answered."""
        try:
            delivery = self._opened()
            delivery.round(self._gallery(), self._report.delivered)
        except FairtrialError as problem:
            self._failed += 1
            self._delivery = None  # connect again
            self._report.problem(str(problem))
            return False
        self._failed = 0
        refused = [f"{self._run}.{number} was refused: {said}" for number, said in delivery.refused.items()]
        self._report.problem(refused[0] if refused else "")
        return True

    def _opened(self) -> Delivery:
        if self._delivery is None:
            from fairtrial.flow.tracked import outbox
            from fairtrial.track.mirror.client import Client
            from fairtrial.track.mirror.deliver import Delivery

            client = Client(self._uri, self._mirror.experiment)
            self._report.tell(state="loading")
            client.load()
            self._report.tell(state="connecting")
            client.open()
            self._report.tell(state="connected")
            self._system = _plugin(self._book.ledger.run(self._run).document.get("system"))
            self._delivery = Delivery(outbox(self._book, self._run, self._mirror, self._uri), client)
        return self._delivery

    def _gallery(self) -> Gallery:
        from fairtrial.track.mirror.shown import Gallery

        return Gallery(self._book.id, self._book.ledger.run(self._run), self._mirror, self._system)


def _plugin(name: Any) -> System | None:
    """Return the system that a plug-in brings; none for a user's function, whose code is not run here."""
    from fairtrial.contract.registry import Registry
    from fairtrial.model.study import SystemRef

    if not isinstance(name, str):
        return None
    try:
        return Registry().bind(SystemRef(name))
    except FairtrialError:  # it is not installed here: what it would add is left out
        return None


def _told_to_finish(within_s: float) -> bool:
    """Wait for the word on stdin."""
    ready, _, _ = select.select([sys.stdin], [], [], within_s)
    return bool(ready)


if __name__ == "__main__":
    main()
