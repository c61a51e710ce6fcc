"""The outbox of a run for one destination: its settled trials less what was delivered there."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fairtrial.model.outcome import Usage
from fairtrial.model.parcel import RUN, Parcel, Receipt, Step
from fairtrial.store.artifacts import Artifacts
from fairtrial.store.book import Book
from fairtrial.store.connection import Row
from fairtrial.store.metrics import Codec
from fairtrial.store.trials import SELECT, metric_sets, trial_row

_SEAL = "m.attempt || CASE WHEN m.retired THEN ' retired ' ELSE ' ' END || :settings"
_OWED = f"""
FROM member m LEFT JOIN delivery y ON y.destination = :destination AND y.run = m.run AND y.number = m.number
WHERE m.run = :run AND m.status IS NOT NULL AND m.number > :after AND y.seal IS NOT {_SEAL}
"""
_PARCELS = SELECT.replace(
    "FROM member m",
    f", {_SEAL}, c.parameters, a.started, a.ended, a.wall_s, a.cpu_s, a.peak_bytes, a.cautions FROM member m",
    1,
)
_PARCELS += "WHERE m.run = :run AND m.number IN (SELECT value FROM json_each(:numbers)) ORDER BY m.number"
_COLUMNS = 8
"""What `_PARCELS` adds to the columns of a trial."""


class Outbox:
    """What one run owes one destination. A seal names attempt, retirement and `settings`: with another it is owed."""

    def __init__(self, book: Book, run: int, *, destination: str, settings: str = "") -> None:
        self.run, self.destination = run, destination
        self._book, self._settings = book, settings
        self._artifacts = Artifacts(book.folder)
        self._sets: dict[int | None, Codec] = {}

    def waiting(self) -> int:
        """Count the trials that are still to be delivered."""
        return int(self._rows(f"SELECT count(*) {_OWED}", after=0)[0][0])

    def parcels(self, limit: int, *, after: int = 0) -> Sequence[Parcel]:
        """Return the first trials, in number order and beyond `after`, that are still to be delivered."""
        with self._book.reading.snapshot():
            owed = self._rows(f"SELECT m.number {_OWED} ORDER BY m.number LIMIT {int(limit)}", after=after)
            numbers = json.dumps([number for (number,) in owed])
            rows = self._rows(_PARCELS, numbers=numbers)
            return [self._parcel(row, left) for row, left in self._with_left(rows)] if rows else []

    def receipt(self) -> Receipt | None:
        """Return what was last delivered of the run itself."""
        rows = self._rows(
            "SELECT remote, seal FROM delivery y"
            " WHERE y.destination = :destination AND y.run = :run AND y.number = :number",
            number=RUN,
        )
        return Receipt(RUN, *rows[0]) if rows else None

    def delivered(self, receipts: Sequence[Receipt]) -> None:
        """Record what was delivered, in one transaction. Raises BookUnwritable."""
        if not receipts:
            return
        now = self._book.now()
        with self._book.writable().transaction() as db:
            db.execute("INSERT INTO destination (name) VALUES (?) ON CONFLICT DO NOTHING", (self.destination,))
            (key,) = db.execute("SELECT id FROM destination WHERE name = ?", (self.destination,)).fetchone()
            db.executemany(
                "INSERT OR REPLACE INTO delivery VALUES (?, ?, ?, ?, ?, ?)",
                [(key, self.run, receipt.number, receipt.remote, receipt.seal, now) for receipt in receipts],
            )

    def _rows(self, sql: str, **more: Any) -> list[Row]:
        known = self._book.reading.row("SELECT id FROM destination WHERE name = ?", (self.destination,))
        values = {"run": self.run, "destination": known[0] if known else None, "settings": self._settings, **more}
        return self._book.reading.rows(sql, values)

    def _with_left(self, rows: Sequence[Row]) -> list[tuple[Row, tuple[list[Step], dict[str, dict[str, Path]]]]]:
        """Put beside each row the steps and the files of the attempt that settled it."""
        attempts = json.dumps([row[8] for row in rows])
        steps, files = defaultdict[int, list[Step]](list), defaultdict[int, dict[str, dict[str, Path]]](dict)
        self._sets = metric_sets(self._book.reading)
        for attempt, step, at, names, blob in self._book.reading.rows(
            "SELECT attempt, step, at, metric_set, metrics FROM step"
            " WHERE attempt IN (SELECT value FROM json_each(?)) ORDER BY attempt, step",
            (attempts,),
        ):
            steps[attempt].append(Step(step, at, self._sets[names].unpack(blob)))
        for attempt, kind, name, digest in self._book.reading.rows(
            "SELECT attempt, kind, name, digest FROM artifact"
            " WHERE attempt IN (SELECT value FROM json_each(?)) ORDER BY attempt, kind, name",
            (attempts,),
        ):
            files[attempt].setdefault(kind, {})[name] = self._artifacts.path(digest)
        return [(row, (steps[row[8]], files[row[8]])) for row in rows]

    def _parcel(self, row: Row, left: tuple[list[Step], dict[str, dict[str, Path]]]) -> Parcel:
        seal, parameters, started, ended, *used, cautions = row[-_COLUMNS:]
        steps, files = left
        return Parcel(
            row=trial_row(row[:-_COLUMNS], self._sets),
            seal=seal,
            parameters=json.loads(parameters),
            started=started,
            ended=started if ended is None else ended,
            usage=Usage(*used),
            cautions=tuple(json.loads(cautions)) if cautions else (),
            steps=steps,
            tables=files.get("table", {}),
            files=files.get("file", {}),
        )
