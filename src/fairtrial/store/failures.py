"""What SQLite and the operating system say, as one line for the user."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fairtrial.errors import BookError, BookUnwritable, FairtrialError

_UNWRITABLE = {
    sqlite3.SQLITE_FULL: ("the disk is full", "make room and run the same command again: it continues"),
    sqlite3.SQLITE_READONLY: ("it is read-only", "make the folder writable, or copy it"),
    sqlite3.SQLITE_PERM: ("permission denied", "make the folder writable, or copy it"),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", "is its folder there and writable?"),
    sqlite3.SQLITE_IOERR: ("the disk gave an error", "is the disk full or failing?"),
    sqlite3.SQLITE_BUSY: ("another program kept it locked for 30 s", "run the same command again"),
    sqlite3.SQLITE_LOCKED: ("another program kept it locked for 30 s", "run the same command again"),
}
_BROKEN = {
    sqlite3.SQLITE_CORRUPT: "it is damaged or truncated",
    sqlite3.SQLITE_NOTADB: "it is not a book, or damaged",
    sqlite3.SQLITE_FORMAT: "it is not a book, or damaged",
}
_OS = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up", errno.EROFS: "it is read-only"}


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what goes wrong with a book's files into BookUnwritable or BookError."""
    try:
        yield
    except sqlite3.Error as problem:
        raise translated(problem, path) from problem
    except OSError as problem:
        raise unwritable(problem, path) from problem


def translated(problem: sqlite3.Error, path: Path) -> FairtrialError:
    """Return the error to raise for what SQLite said; what is nobody's fault but ours stays a FairtrialError."""
    code = getattr(problem, "sqlite_errorcode", 0) & 0xFF
    if code in _UNWRITABLE:
        said, hint = _UNWRITABLE[code]
        return BookUnwritable(f"book {path} cannot be used: {said}", hint=hint)
    if code in _BROKEN or "file is not a database" in str(problem):
        said = _BROKEN.get(code, "it is not a book, or damaged")
        return BookError(f"book {path} cannot be read: {said}", hint="nothing was changed; restore it from a backup")
    return FairtrialError(f"book {path}: {problem}")


def unwritable(problem: OSError, path: Path) -> BookUnwritable:
    """Return the error to raise where the operating system refused to write beside the book."""
    said = _OS.get(problem.errno or 0, problem.strerror or str(problem))
    where = problem.filename or path
    return BookUnwritable(f"{where} cannot be used: {said}", hint="make room or the folder writable, then run again")
