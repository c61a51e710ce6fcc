"""One SQLite connection to a book: opened with the right modes, its errors told as one line."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fairtrial.errors import FairtrialError
from fairtrial.store.failures import told, translated

BUSY_S = 30.0
Row = tuple[Any, ...]


class Connection:
    """A connection that writes in explicit transactions only (BEGIN IMMEDIATE), or reads."""

    def __init__(self, path: Path, raw: sqlite3.Connection) -> None:
        self.path = path
        self.raw = raw
        """For statements inside `transaction`."""
        self._pid = os.getpid()

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
        """Return all rows of a query; no cursor stays open, so that no reader holds up a checkpoint."""
        try:
            return self.raw.execute(sql, parameters).fetchall()
        except sqlite3.Error as problem:
            raise translated(problem, self.path) from problem

    def row(self, sql: str, parameters: Sequence[Any] = ()) -> Row | None:
        """Return the first row of a query."""
        rows = self.rows(sql, parameters)
        return rows[0] if rows else None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write in one transaction: all of it is durable at the end, or nothing of it happened.

        Raises BookUnwritable where it could not be written.
        """
        if os.getpid() != self._pid:
            raise FairtrialError("a book does not survive a fork: open it again in the child")
        raw = self.raw
        with told(self.path):
            try:
                raw.execute("BEGIN IMMEDIATE")
                yield raw
                raw.execute("COMMIT")
            except BaseException:
                _roll_back(raw)
                raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let several reads see one state of the book; one inside another changes nothing."""
        if self.raw.in_transaction:
            yield
            return
        self.rows("BEGIN")
        try:
            yield
        finally:
            self.rows("COMMIT")

    def synchronous(self, level: str) -> None:
        """Set how far a commit is carried before it counts: NORMAL (survives a kill) | FULL (and a power cut)."""
        self.rows(f"PRAGMA synchronous={level}")

    def back_up(self, target: Path) -> None:
        """Copy the whole book into another file, by SQLite's own means."""
        with told(target):
            copy = sqlite3.connect(target)
            try:
                self.raw.backup(copy)
            finally:
                copy.close()

    def close(self) -> None:
        """Close; may be called twice, and does nothing in a forked child."""
        if os.getpid() == self._pid:
            self.raw.close()


def bare(path: Path) -> Connection:
    """Open an existing book with nothing set, to migrate it. A damaged one is noticed and not touched."""
    return _checked(path, "rw")


def writer(path: Path, *, wal: bool) -> Connection:
    """Open an existing book to write. Without a write-ahead log (network file systems), commits are synced in full."""
    connection = bare(path)
    connection.rows(f"PRAGMA journal_mode={'WAL' if wal else 'DELETE'}")
    connection.rows(f"PRAGMA synchronous={'NORMAL' if wal else 'FULL'}")
    for setting in ("foreign_keys=ON", "cache_size=-16000", "wal_autocheckpoint=4000", "journal_size_limit=67108864"):
        connection.rows(f"PRAGMA {setting}")
    return connection


def reader(path: Path) -> Connection:
    """Open a book to read. In a folder that cannot be written, the file alone is read once nothing waits in its log."""
    try:
        return _checked(path, "ro")
    except FairtrialError:
        log = path.with_name(path.name + "-wal")
        if os.access(path.parent, os.W_OK) and not _read_only(path.parent):
            raise
        if log.exists() and log.stat().st_size:
            raise
        return _checked(path, "ro&immutable=1")


def _checked(path: Path, mode: str) -> Connection:
    connection = Connection(path, _connect(path, mode))
    try:
        connection.rows("SELECT count(*) FROM sqlite_schema")
    except FairtrialError:
        connection.close()
        raise
    return connection


def _read_only(folder: Path) -> bool:
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    with told(path):
        uri = f"{path.resolve().as_uri()}?mode={mode}"
        raw = sqlite3.connect(
            uri, timeout=BUSY_S, isolation_level=None, check_same_thread=False, cached_statements=256, uri=True
        )
        raw.execute("PRAGMA mmap_size=0")
        return raw


def _roll_back(raw: sqlite3.Connection) -> None:
    if not raw.in_transaction:
        return  # SQLite has rolled back itself, as it does on a full disk
    try:
        raw.execute("ROLLBACK")
    except sqlite3.Error:
        raw.close()  # a transaction that cannot end must not be joined by the next
