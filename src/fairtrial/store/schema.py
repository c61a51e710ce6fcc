"""The book's version: numbered migrations, each in one transaction, with a backup before the first."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from fairtrial.errors import BookError, MissingPart
from fairtrial.store.connection import Connection
from fairtrial.store.failures import told
from fairtrial.store.files import sync

APPLICATION_ID = 0x46545231
"""In the file's header: `file book.db` tells a book from another SQLite database."""
VERSION = 3
_FOLDER = Path(__file__).parent / "migrations"


def scripts() -> list[str]:
    """Return the migrations in order; script n leads to version n."""
    return [(_FOLDER / f"{number:04}.sql").read_text() for number in range(1, VERSION + 1)]


def create(path: Path, *, now: float) -> None:
    """Make an empty book beside its place and move it there whole. Raises BookUnwritable."""
    if sqlite3.sqlite_version_info < (3, 37):
        raise MissingPart(f"SQLite {sqlite3.sqlite_version} is too old", hint="use a Python with SQLite 3.37 or newer")
    made = path.with_name(path.name + ".new")
    with told(path):
        made.unlink(missing_ok=True)
        raw = sqlite3.connect(made, isolation_level=None)
        try:
            for setting in ("journal_mode=MEMORY", "synchronous=OFF", f"application_id={APPLICATION_ID}"):
                raw.execute(f"PRAGMA {setting}")
            _apply(raw, scripts(), 0)
            raw.execute("INSERT INTO book VALUES (1, ?, ?, 0, x'')", (os.urandom(8).hex(), now))
            raw.execute("PRAGMA journal_mode=WAL")
        finally:
            raw.close()
        sync(made)
        made.rename(path)


def check(connection: Connection, latest: int | None = None) -> int:
    """Return the version of a book. Raises BookError for another kind of database and for a newer version."""
    path = connection.path
    application = connection.rows("PRAGMA application_id")[0][0]
    if application != APPLICATION_ID:
        raise BookError(f"book {path} cannot be read: it is a database of something else", hint="nothing was changed")
    version = int(connection.rows("PRAGMA user_version")[0][0])
    latest = VERSION if latest is None else latest
    if version > latest:
        raise BookError(
            f"book {path} has version {version}, this fairtrial knows up to {latest}",
            hint="pip install --upgrade fairtrial",
        )
    return version


def migrate(connection: Connection, steps: Sequence[str] | None = None, *, stamp: str = "") -> Path | None:
    """Bring a book to the latest version; return the backup that was made, or None where nothing was to do.

    Call under the book's lock. Raises BookError, BookUnwritable.
    """
    todo = scripts() if steps is None else steps
    version = check(connection, len(todo))
    if version == len(todo):
        return None
    stamp = stamp or time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    backup = connection.path.with_name(f"{connection.path.name}.v{version}.{stamp}.backup")
    connection.back_up(backup)
    with connection.transaction() as raw:
        _run(raw, todo, version)
    return backup


def _apply(raw: sqlite3.Connection, steps: Sequence[str], version: int) -> None:
    raw.execute("BEGIN IMMEDIATE")
    _run(raw, steps, version)
    raw.execute("COMMIT")


def _run(raw: sqlite3.Connection, steps: Sequence[str], version: int) -> None:
    for script in steps[version:]:
        for statement in script.split(";\n"):
            if statement.strip():
                raw.execute(statement)
    raw.execute(f"PRAGMA user_version={len(steps)}")
