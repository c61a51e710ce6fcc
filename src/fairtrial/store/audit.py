"""Checking a book: SQLite's own integrity, files against their digests, counters, and the action log's chain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fairtrial.store import actions
from fairtrial.store.artifacts import Artifacts
from fairtrial.store.files import digest_file
from fairtrial.store.membership import COUNTERS
from fairtrial.store.runs import Reader

_COUNTED = ("members", "done", "failed", "reused", "retired")
FILES = """
SELECT digest FROM artifact UNION SELECT stdout_file FROM output WHERE stdout_file IS NOT NULL
UNION SELECT stderr_file FROM output WHERE stderr_file IS NOT NULL
"""
_UNBACKED = """
SELECT m.run, m.number FROM member m LEFT JOIN attempt a ON a.id = m.attempt
WHERE m.status IS NOT NULL AND (a.status IS NOT m.status OR a.trial IS NOT m.trial) ORDER BY m.run, m.number LIMIT 5
"""


class Audit(Reader):
    """What is wrong with a book."""

    def verify(self) -> Sequence[str]:
        """Check everything that can be checked; return what is wrong, one line each. Nothing is changed."""
        with self._connection.snapshot():
            return [
                *self._integrity(),
                *self._counters(),
                *self._unbacked(),
                *actions.broken(self._connection),
                *self._files(),
            ]

    def _integrity(self) -> Iterator[str]:
        for (said,) in self._connection.rows("PRAGMA integrity_check(10)"):
            if said != "ok":
                yield f"database: {said}"
        for table, row, parent, _ in self._connection.rows("PRAGMA foreign_key_check"):
            yield f"database: row {row} of {table} refers to a {parent} that is missing"

    def _counters(self) -> Iterator[str]:
        for number, *stored in self._connection.rows(f"SELECT number, {', '.join(_COUNTED)} FROM run"):  # noqa: S608
            counted = self._connection.rows(COUNTERS, (number,))[0]
            for name, kept, real in zip(_COUNTED, stored, counted, strict=True):
                if kept != real:
                    yield f"run {number}: its counter {name} says {kept}, its trials are {real}"

    def _unbacked(self) -> Iterator[str]:
        for run, number in self._connection.rows(_UNBACKED):
            yield f"trial {run}.{number}: its status is not that of its attempt"

    def _files(self) -> Iterator[str]:
        artifacts = Artifacts(self._folder)
        for (digest,) in self._connection.rows(FILES):
            path = artifacts.path(digest)
            if not path.is_file():
                yield f"artifact {digest.hex()}: the file is missing"
            elif digest_file(path)[0] != digest:
                yield f"artifact {digest.hex()}: the file was changed"
