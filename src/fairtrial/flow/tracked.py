"""Where a study's runs are mirrored: its address from the study, a secret or the environment, and what waits for it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairtrial.errors import UserError
from fairtrial.model.run import Run
from fairtrial.model.secret import Secret
from fairtrial.model.tracking import FILES_HINT, VARIABLE, Mirror, public, unfit

if TYPE_CHECKING:
    from fairtrial.contract.journal import Outbox
    from fairtrial.store.book import Book


def address(mirror: Mirror) -> str:
    """Return where to, password included. Raises UserError where nothing says it, or it can hold no runs."""
    if isinstance(mirror.uri, Secret):
        uri, source = mirror.uri.reveal(), repr(mirror.uri)
    elif mirror.uri is not None:
        return mirror.uri
    else:
        uri, source = os.environ.get(VARIABLE, ""), VARIABLE
        if not uri:
            hint = f"write uri: sqlite:///mlflow.db, or export {VARIABLE}=http://HOST:5000"
            raise UserError("tracking.mlflow: nothing says where to", hint=hint)
    problem = unfit(uri)
    if problem:
        raise UserError(f"tracking.mlflow: {source} {problem}", hint=FILES_HINT)
    return uri


def check_address(mirror: Mirror | None) -> None:
    """Refuse before anything is written what `address` refuses."""
    if mirror is not None:
        address(mirror)


def outbox(book: Book, run: int, mirror: Mirror, uri: str) -> Outbox:
    """Return what a run owes that address."""
    from fairtrial.store.outbox import Outbox
    from fairtrial.track.mirror.shown import settings_of

    return Outbox(book, run, destination=destination(mirror, uri), settings=settings_of(mirror))


def destination(mirror: Mirror, uri: str) -> str:
    """Name a destination in the book: its address without secrets, and the experiment."""
    return f"{public(uri)} {mirror.experiment}"


@dataclass(frozen=True, slots=True)
class Owed:
    """What a run owes its mirror."""

    trials: int
    run: bool
    """What is said of the run itself is not up to date there."""

    @property
    def text(self) -> str:
        """Say it: `12 trials wait`."""
        if not self.trials:
            return "the end of the run waits"
        return f"{self.trials} trials wait" if self.trials > 1 else "1 trial waits"


def owing(book: Book, run: Run, mirror: Mirror, uri: str) -> Owed:
    """Compare the book with what was delivered."""
    from fairtrial.track.mirror.shown import Gallery

    owed = outbox(book, run.number, mirror, uri)
    receipt = owed.receipt()
    return Owed(owed.waiting(), receipt is None or receipt.seal != Gallery(book.id, run, mirror).seal())
