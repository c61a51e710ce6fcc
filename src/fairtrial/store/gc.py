"""Removing what nothing refers to: loose artifacts, scratch folders of ended drivers, old backups."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fairtrial.store.audit import FILES
from fairtrial.store.book import Book
from fairtrial.store.failures import told
from fairtrial.store.home import FILE
from fairtrial.store.process import Process, alive

BACKUPS_KEPT = 3


@dataclass(frozen=True, slots=True)
class Collected:
    """What was removed, or would be."""

    artifacts: int
    folders: int
    """Scratch folders, with the slot files in them."""
    backups: int
    bytes: int
    paths: tuple[str, ...]
    """Relative to the book's folder, sorted."""
    kept_for: tuple[int, ...] = ()
    """Drivers that are at work: while there are any, no artifact is touched."""


def collect(book: Book, *, dry_run: bool) -> Collected:
    """Remove what no row of the book refers to, unless `dry_run`; return what that was. Raises BookUnwritable.

    No driver can begin meanwhile: the book is held in a write transaction.
    """
    with book.writable().transaction() as db:
        busy = _busy(db)
        artifacts = [] if busy else list(_loose(db, book.folder / "artifacts"))
        folders = list(_scratch(book.folder / "trials", busy, _told_by_lost(db)))
        backups = sorted(book.folder.glob(f"{FILE}.v*.backup"), key=lambda path: path.stat().st_mtime)[:-BACKUPS_KEPT]
        found = [*artifacts, *folders, *backups]
        size = sum(map(_bytes, found))
        if not dry_run:
            _remove(found)
    return Collected(
        artifacts=len(artifacts),
        folders=len(folders),
        backups=len(backups),
        bytes=size,
        paths=tuple(sorted(str(path.relative_to(book.folder)) for path in found)),
        kept_for=tuple(sorted(busy)),
    )


def _busy(db: sqlite3.Connection) -> set[int]:
    rows = db.execute("SELECT id, pid, pid_started, boot_id, host FROM driver WHERE state = 'open'").fetchall()
    return {number for number, *who in rows if alive(Process(*who))}


def _loose(db: sqlite3.Connection, folder: Path) -> Iterator[Path]:
    """Find files that no row names, halves of a copy included."""
    named = {digest.hex() for (digest,) in db.execute(FILES).fetchall()}
    return (path for path in sorted(folder.glob("??/*")) if path.name not in named)


def _told_by_lost(db: sqlite3.Connection) -> set[tuple[str, ...]]:
    """Name the files in which lost attempts left what they wrote, each by its last three parts: the book may move."""
    rows = db.execute("SELECT stdout_slot, stderr_slot FROM attempt WHERE stdout_slot IS NOT NULL").fetchall()
    return {Path(slot).parts[-3:] for row in rows for slot in row if slot}


def _scratch(folder: Path, busy: set[int], told_by_lost: set[tuple[str, ...]]) -> Iterator[Path]:
    """Find folders of drivers that are not at work (each is named by its driver's number), but for those files."""
    for path in sorted(folder.glob("*")):
        if path.name.isdigit() and int(path.name) in busy:
            continue
        kept = {path.parent.joinpath(*parts) for parts in told_by_lost if parts[0] == path.name}
        kept = {file for file in kept if file.is_file()}
        yield from _around(path, kept) if kept else (path,)


def _around(folder: Path, kept: set[Path]) -> Iterator[Path]:
    """Find what lies in a folder beside the files that are kept."""
    for path in sorted(folder.iterdir()):
        if any(path in file.parents for file in kept):
            yield from _around(path, kept)
        elif path not in kept:
            yield path


def _bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]
    return sum(file.lstat().st_size for file in files if file.is_symlink() or file.is_file())


def _remove(found: list[Path]) -> None:
    for path in found:
        with told(path):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
