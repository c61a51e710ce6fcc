"""Opening the book for the verbs: reading never creates it, writing does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fairtrial.errors import NothingMeasured

if TYPE_CHECKING:
    from fairtrial.store.book import Book


@contextmanager
def reading(home: Path | None = None) -> Iterator[Book]:
    """Open the book found upwards from `home` (the current folder) to read. Raises NothingMeasured without one."""
    from fairtrial.store.book import open_book

    book = open_book(locate(home), write=False)
    try:
        yield book
    finally:
        book.close()


@contextmanager
def glancing(home: Path | None = None) -> Iterator[Book | None]:
    """Open the book to read, or give None where there is none yet."""
    from fairtrial.store.book import open_book

    try:
        book = open_book(locate(home), write=False)
    except NothingMeasured:
        yield None
        return
    try:
        yield book
    finally:
        book.close()


@contextmanager
def writing(home: Path | None = None) -> Iterator[Book]:
    """Open the book to write, making it where there is none."""
    from fairtrial.store.book import open_book

    book = open_book(locate(home), write=True)
    try:
        yield book
    finally:
        book.close()


def locate(home: Path | None = None) -> Path:
    """Return the `.fairtrial` folder that counts here."""
    from fairtrial.store.home import find

    return find(home)
