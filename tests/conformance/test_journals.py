"""Books sit the exam that strangers sit."""

from __future__ import annotations

from fairtrial.store.book import open_book
from fairtrial.testing.book import MemoryBook
from fairtrial.testing.exams import JournalExam


class TestMemory(JournalExam):
    """The book in memory."""

    def make(self, folder):
        return MemoryBook(folder)


class TestStore(JournalExam):
    """The book over SQLite."""

    def make(self, folder):
        return open_book(folder, write=True)
