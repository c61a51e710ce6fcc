"""Mirroring along with a run: started with it, never in its way, and given a short grace when it has ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairtrial.flow.dispatch import Process
from fairtrial.flow.tracked import address, owing
from fairtrial.model.study import Study
from fairtrial.model.tracking import Mirror, public

if TYPE_CHECKING:
    from fairtrial.store.book import Book

SILENT_S = 10.0
"""A run that has ended waits for its mirror while it gets on: so long for the next sign of it …"""
GRACE_S = 20.0
"""… and so long in all."""
LATE = "it did not answer in time"


@dataclass(slots=True)
class Following:
    """The mirror of a run that goes on; it does nothing where the study says nothing of one."""

    book: Book
    study: Study
    run: int
    _process: Process | None = None

    def begin(self) -> None:
        """Start at once; beside a timing study nothing else is at work, so its mirror starts when it has ended."""
        if self.study.tracking is not None and not self.study.timing:
            with suppress(OSError):  # no process to be had: tried again at the end
                self._process = Process(self.book.folder, self.run, follow=True)

    def end(self, *, hurry: bool = False) -> tuple[str, ...]:
        """Give it its grace (none in a hurry), and return a caution where something still waits."""
        if self.study.tracking is None:
            return ()
        try:
            why = self._finish(hurry=hurry)
        except OSError as problem:
            why = str(problem)
        return self._caution(self.study.tracking, why)

    def close(self) -> None:
        """Leave nothing behind."""
        if self._process is not None:
            self._process.close()
            self._process.forget()

    def _finish(self, *, hurry: bool) -> str:
        """Have it finish, and end it; return what was in its way."""
        process = self._process = self._process or Process(self.book.folder, self.run, follow=True)
        process.finish()
        in_time = False
        with suppress(KeyboardInterrupt):  # whoever asks twice is not kept waiting
            in_time = not hurry and process.wait(silent_s=SILENT_S, whole_s=GRACE_S)
        process.close()
        return process.problem or ("" if in_time else LATE)

    def _caution(self, mirror: Mirror, why: str) -> tuple[str, ...]:
        uri = address(mirror)
        owed = owing(self.book, self.book.ledger.run(self.run), mirror, uri)
        if not (owed.trials or owed.run):
            return ()
        said = f"tracking: {owed.text} for mlflow at {public(uri)}{f': {why}' if why else ''}"
        return (f"{said}; `fairtrial mirror {self.run}` catches up",)


@contextmanager
def following(book: Book, study: Study, run: int) -> Iterator[Following]:
    """Mirror a run while it goes on, where its study says where to; what happens there is no failure here."""
    mirror = Following(book, study, run)
    try:
        mirror.begin()
        yield mirror
    finally:
        mirror.close()


def mirrored(book: Book, study: Study, run: int, *, hurry: bool = False) -> tuple[str, ...]:
    """Mirror a run that has ended, within the grace, where its study says where to; return what still waits."""
    mirror = Following(book, study, run)
    try:
        return mirror.end(hurry=hurry)
    finally:
        mirror.close()
