"""`mirror`: delivers what waits of runs that have ended, or whose own mirror could not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fairtrial.errors import UserError
from fairtrial.flow.book import reading, writing
from fairtrial.flow.dispatch import Process
from fairtrial.flow.tracked import Owed, address, owing
from fairtrial.model.run import Run
from fairtrial.model.tracking import Mirror, public

if TYPE_CHECKING:
    from fairtrial.store.book import Book

PATIENCE_S = 60.0
"""It waits so long for the next sign that it gets on."""
HINT = "write tracking: {mlflow: {uri: 'sqlite:///mlflow.db'}} and run the study again: what is done is mirrored"


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What became of a run's mirror."""

    run: int
    study: str
    destination: str
    experiment: str
    delivered: int
    waiting: int
    problem: str = ""
    held: bool = False
    """Another mirror is at work on it."""


Progress = Callable[[int, int, int], None]
"""Run, trials delivered, trials that waited."""


def mirror(
    home: Path | None,
    number: int | None,
    *,
    dry_run: bool = False,
    why: str = "",
    command: Sequence[str] = (),
    progress: Progress | None = None,
) -> list[Mirrored]:
    """Deliver what waits of a run, or of every run whose study says where to; return what became of each.

    Raises UserError where no study says so, or nothing says where to; what a destination does is in `problem`.
    """
    with reading(home):
        pass  # a book that is not there is not made
    with reading(home) if dry_run else writing(home) as book:
        owed = list(_owed(book, number))
        if dry_run:
            return [_mirrored(run, mirror, uri, waiting=found.trials) for run, mirror, uri, found in owed]
        return [_catch_up(book, *item, acting=(why, command), progress=progress) for item in owed]


def _owed(book: Book, number: int | None) -> Iterator[tuple[Run, Mirror, str, Owed]]:
    from fairtrial.spec.mirror import recorded_mirror

    ledger = book.ledger
    runs = [ledger.run(number)] if number is not None else [*reversed(ledger.runs())] or [ledger.run()]
    tracked = [(run, said) for run in runs if (said := recorded_mirror(run.document)) is not None]
    if not tracked:
        which = f"run {number} says" if number is not None else "no study of this book says"
        raise UserError(f"{which} nothing of a mirror", hint=HINT)
    for run, said in tracked:
        uri = address(said)
        yield run, said, uri, owing(book, run, said, uri)


def _mirrored(run: Run, mirror: Mirror, uri: str, *, waiting: int, delivered: int = 0, problem: str = "") -> Mirrored:
    return Mirrored(run.number, run.study, public(uri), mirror.experiment, delivered, waiting, problem)


def _catch_up(
    book: Book,
    run: Run,
    mirror: Mirror,
    uri: str,
    owed: Owed,
    *,
    acting: tuple[str, Sequence[str]],
    progress: Progress | None,
) -> Mirrored:
    if not (owed.trials or owed.run):
        return _mirrored(run, mirror, uri, waiting=0)
    process = Process(book.folder, run.number, follow=False)
    try:
        heard = (lambda: progress(run.number, process.delivered, owed.trials)) if progress else None
        ended = process.wait(silent_s=PATIENCE_S, heard=heard)
        process.close()
        delivered, problem, held = process.delivered, process.problem, process.held
    finally:
        process.close()
        process.forget()
    left = owing(book, run, mirror, uri)
    if not ended and not problem:
        problem = f"it did not answer within {PATIENCE_S:.0f} s"
    if delivered:
        why, command = acting
        detail = {"destination": public(uri), "experiment": mirror.experiment, "delivered": delivered}
        book.act("mirror", why=why, command=command, run=run.number, detail=detail)
    made = _mirrored(run, mirror, uri, waiting=left.trials, delivered=delivered, problem=problem)
    return replace(made, held=held)
