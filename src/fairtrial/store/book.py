"""The book: opened for reading by anyone, for writing by drivers that hold their study."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from fairtrial.errors import BookError, BookUnwritable, NothingMeasured
from fairtrial.model.event import Acted
from fairtrial.model.provenance import Provenance
from fairtrial.store import actions, schema
from fairtrial.store.artifacts import Artifacts
from fairtrial.store.connection import Connection, bare, reader, writer
from fairtrial.store.failures import told
from fairtrial.store.home import FILE
from fairtrial.store.journal import Journal
from fairtrial.store.ledger import Ledger
from fairtrial.store.lock import book_lock, study_lock
from fairtrial.store.network import shared
from fairtrial.store.session import Opening, begin


class Book:
    """An open book. `cautions` says what its reader must know of where it lies."""

    def __init__(
        self,
        folder: Path,
        *,
        connection: Connection | None,
        ledger: Connection,
        clock: Callable[[], float],
        cautions: tuple[str, ...] = (),
    ) -> None:
        self.folder = folder
        self.ledger = Ledger(ledger, folder)
        self.cautions = cautions
        self.id = str(ledger.rows("SELECT id FROM book")[0][0])
        self._connection = connection
        self._reading = ledger
        self._clock = clock
        self._artifacts = Artifacts(folder)

    def hold(self, study: str) -> AbstractContextManager[None]:
        """Hold a study as its only driver, by an advisory lock that the kernel frees. Raises StudyHeld."""
        return study_lock(self.folder, study, now=self._clock())

    def begin(
        self,
        *,
        study: str,
        document: Mapping[str, Any],
        system: str,
        identity: Mapping[str, Any],
        metrics: Sequence[str],
        provenance: Provenance,
        live: bool,
        fresh: bool,
        durability: str = "normal",
        tags: Sequence[str] = (),
        planned: int | None = None,
    ) -> Journal:
        """Continue the study's newest run (amending it), or open a new one: `fresh`, or the identity changed.

        Attempts that a dead driver left running are lost. Raises StudyHeld, BookUnwritable.
        """
        connection = self.writable()
        opening = Opening(
            study=study,
            document=document,
            system=system,
            identity=identity,
            metrics=metrics,
            provenance=provenance,
            live=live,
            fresh=fresh,
            durability=durability,
            tags=tags,
            planned=planned,
        )
        with connection.transaction() as db:
            session = begin(db, opening, now=self._clock())
        if session.durable:
            connection.synchronous("FULL")
        return Journal(connection, session, self._artifacts, clock=self._clock)

    def act(
        self,
        verb: str,
        *,
        why: str = "",
        command: Sequence[str] = (),
        run: int | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Append to the action log outside a run."""
        said = Acted(verb, self._clock(), why=why, command=tuple(command), run=run, detail=detail or {})
        with self.writable().transaction() as db:
            actions.write(db, said)

    def writable(self) -> Connection:
        """Return the writing connection. Raises BookUnwritable where the book was opened to read."""
        if self._connection is None:
            raise BookUnwritable(f"book {self.folder / FILE} was opened to read only")
        return self._connection

    @property
    def reading(self) -> Connection:
        """Return the connection that its ledger reads by."""
        return self._reading

    def now(self) -> float:
        """Return unix seconds by the book's clock."""
        return self._clock()

    def close(self) -> None:
        """Close; may be called twice."""
        self._reading.close()
        if self._connection is not None:
            self._connection.close()


def open_book(folder: Path, *, write: bool, clock: Callable[[], float] = time.time) -> Book:
    """Open the book in a `.fairtrial` folder; with `write` it is made where there is none, and migrated.

    Raises NothingMeasured (no book to read), BookError (newer, damaged, not a book), BookUnwritable.
    """
    path = folder / FILE
    if write:
        return _open_to_write(folder, path, clock)
    with told(path):
        if not path.exists():
            raise NothingMeasured(f"no book at {folder}", hint="run a study first: fairtrial run study.yaml")
        _refuse_empty(path)
    connection = reader(path)
    if schema.check(connection) < schema.VERSION:
        raise BookError(f"book {path} has an older version", hint="any writing command, such as `run`, migrates it")
    return Book(folder, connection=None, ledger=connection, clock=clock)


def _open_to_write(folder: Path, path: Path, clock: Callable[[], float]) -> Book:
    network = shared(folder)
    _prepare(folder, path, clock)
    connection = writer(path, wal=not network)
    with connection.transaction():
        pass  # a book that cannot be written is refused now, not after the first trial
    cautions = (f"the book lies on a network file system ({network}): slower commits",) if network else ()
    return Book(folder, connection=connection, ledger=reader(path), clock=clock, cautions=cautions)


def _prepare(folder: Path, path: Path, clock: Callable[[], float]) -> None:
    """Make the book where there is none, and bring an older one up to date, one process at a time."""
    with told(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with book_lock(folder):
        if not path.exists():
            schema.create(path, now=clock())
            with told(folder):
                (folder / ".gitignore").write_text("*\n")
        _refuse_empty(path)
        connection = bare(path)
        try:
            schema.migrate(connection)
        finally:
            connection.close()


def _refuse_empty(path: Path) -> None:
    """SQLite takes an empty file for a new database; a book is never empty, so this one was truncated."""
    if not path.stat().st_size:
        raise BookError(
            f"book {path} cannot be read: it is empty", hint="nothing was changed; restore it from a backup"
        )
