"""Reading attempts: how each went, what it wrote, its series, its tables and files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from fairtrial.errors import UnknownName
from fairtrial.model.outcome import Captured, Status, Usage
from fairtrial.model.run import AttemptRow, TrialRow
from fairtrial.model.trial import Role
from fairtrial.store.artifacts import Artifacts
from fairtrial.store.connection import Row
from fairtrial.store.keeping import STDERR, STDOUT, unpack
from fairtrial.store.metrics import Codec
from fairtrial.store.process import Process, alive
from fairtrial.store.runs import Reader
from fairtrial.store.trials import SELECT, failure_of, metric_sets, trial_row

_ATTEMPTS = """
SELECT a.id, d.run, t.digest, row_number() OVER (PARTITION BY d.run, a.trial ORDER BY a.id), a.role, a.status,
  a.started, a.ended, a.wall_s, a.cpu_s, a.peak_bytes, a.spin_before_s, a.spin_after_s, a.metric_set, a.metrics, a.pid,
  a.cautions, a.batch, f.kind, f.message, f.detail, f.exit_code, f.signal, f.limiter, f.overshoot_bytes
FROM attempt a JOIN trial t ON t.id = a.trial JOIN driver d ON d.id = a.id >> 32 LEFT JOIN failure f ON f.attempt = a.id
"""
_OF_RUN = """a.id IN (
  SELECT b.id FROM driver e JOIN attempt b ON b.id BETWEEN e.id << 32 AND (e.id << 32) + 4294967295 WHERE e.run = ?
)"""


class Attempts(Reader):
    """Attempts and what they left."""

    def attempts(self, trial: bytes | None = None, run: int | None = None) -> Sequence[AttemptRow]:
        """List attempts, oldest first (their output by `captured`); running ones of a dead driver read as lost."""
        where: list[str] = []
        values: list[bytes | int] = []
        if trial is not None:
            where.append("t.digest = ?")
            values.append(trial)
        if run is not None:
            where.append("d.run = ?" if trial is not None else _OF_RUN)
            values.append(run)
        clause = f"WHERE {' AND '.join(where)} " if where else ""
        rows = self._connection.rows(f"{_ATTEMPTS}{clause}ORDER BY a.id", values)
        codecs, dead = metric_sets(self._connection), self._dead()
        return [_attempt(row, codecs, dead) for row in rows]

    def captured(self, attempt: int) -> Captured:
        """Return what an attempt wrote; while it runs, the files that it is writing. Raises UnknownName."""
        row = self._connection.row(
            "SELECT a.status, a.stdout_slot, a.stderr_slot, o.stdout, o.stderr, o.packed, o.stdout_file, o.stderr_file"
            " FROM attempt a LEFT JOIN output o ON o.attempt = a.id WHERE a.id = ?",
            (attempt,),
        )
        if row is None:
            raise UnknownName("attempt", str(attempt), ())
        status, stdout_slot, stderr_slot, stdout, stderr, packed, stdout_file, stderr_file = row
        if status in (Status.RUNNING, Status.LOST):
            return Captured(stdout_path=_existing(stdout_slot), stderr_path=_existing(stderr_slot))
        return Captured(
            stdout=unpack(stdout, packed=bool((packed or 0) & STDOUT)),
            stderr=unpack(stderr, packed=bool((packed or 0) & STDERR)),
            stdout_path=self._path(stdout_file),
            stderr_path=self._path(stderr_file),
        )

    def series(self, attempt: int) -> Sequence[tuple[int, Mapping[str, float | None]]]:
        """Return an attempt's steps, in order."""
        rows = self._connection.rows(
            "SELECT step, metric_set, metrics FROM step WHERE attempt = ? ORDER BY step", (attempt,)
        )
        codecs = metric_sets(self._connection)
        return [(step, codecs[names].unpack(blob)) for step, names, blob in rows]

    def tables(self, run: int, name: str | None = None) -> Sequence[tuple[TrialRow, str, Path]]:
        """List the raw tables of a run's settled, unretired trials: trial, table name, Parquet file."""
        return self._left(run, "table", name)

    def files(self, run: int) -> Sequence[tuple[TrialRow, str, Path]]:
        """List the artifacts of a run's settled, unretired trials."""
        return self._left(run, "file", None)

    def _left(self, run: int, kind: str, name: str | None) -> list[tuple[TrialRow, str, Path]]:
        rows = self._connection.rows(
            SELECT.replace("FROM member m", ", x.name, x.digest FROM member m", 1)
            + "JOIN artifact x ON x.attempt = m.attempt WHERE m.run = ? AND NOT m.retired AND x.kind = ?"
            " AND x.name = ifnull(?, x.name) ORDER BY m.number, x.name",
            (run, kind, name),
        )
        codecs = metric_sets(self._connection)
        return [(trial_row(row[:-2], codecs), row[-2], Artifacts(self._folder).path(row[-1])) for row in rows]

    def _dead(self) -> set[int]:
        rows = self._connection.rows("SELECT id, pid, pid_started, boot_id, host FROM driver WHERE state = 'open'")
        return {number for number, *who in rows if not alive(Process(*who))}

    def _path(self, digest: bytes | None) -> str:
        return "" if digest is None else str(Artifacts(self._folder).path(digest))


def _existing(path: str | None) -> str:
    return path if path and Path(path).exists() else ""


def _attempt(row: Row, codecs: Mapping[int | None, Codec], dead: set[int]) -> AttemptRow:
    number, run, trial, nth, role, status, started, ended = row[:8]
    if status == Status.RUNNING and number >> 32 in dead:
        status = Status.LOST
    names, blob, pid, cautions, batch = row[13:18]
    return AttemptRow(
        id=number,
        run=run,
        trial=trial,
        number=nth,
        role=Role(role),
        status=Status(status),
        started=started,
        ended=ended,
        usage=Usage(*row[8:13]),
        failure=failure_of(row[18:]),
        metrics=codecs[names].unpack(blob),
        pid=pid,
        cautions=tuple(json.loads(cautions)) if cautions else (),
        batch=batch,
    )
