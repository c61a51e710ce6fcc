"""Reading runs: the list, one run, who drove it, and what its system's trials took."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fairtrial.errors import NothingMeasured, UnknownName
from fairtrial.model.run import History, Run
from fairtrial.store import actions
from fairtrial.store.connection import Connection, Row
from fairtrial.store.process import Process, alive

RECENT = 2000
"""A history looks at this many of a system's newest attempts."""

_RUNS = """
SELECT r.number, s.name, r.state, r.created, r.updated,
  (SELECT document FROM spec_version v WHERE v.run = r.number ORDER BY version DESC LIMIT 1),
  y.name, r.live, r.done, r.failed, r.reused, r.retired, r.planned, r.tags, y.digest,
  (SELECT count(*) FROM member m INDEXED BY member_pruned
    WHERE m.run = r.number AND m.status = 'pruned' AND NOT m.retired),
  d.state, d.pid, d.pid_started, d.boot_id, d.host
FROM run r JOIN study s ON s.id = r.study JOIN system y ON y.id = r.system
LEFT JOIN driver d ON d.id = (SELECT max(id) FROM driver WHERE run = r.number)
"""
_DRIVERS = """
SELECT d.id FROM driver d JOIN run r ON r.number = d.run JOIN system y ON y.id = r.system
WHERE {} ORDER BY d.id DESC
"""
_TOOK = """
SELECT wall_s, peak_bytes FROM attempt
WHERE id BETWEEN ? AND ? AND status = 'done' AND role = 'trial' ORDER BY id DESC LIMIT ?
"""


class Reader:
    """Something that reads a book."""

    def __init__(self, connection: Connection, folder: Path) -> None:
        self._connection = connection
        self._folder = folder


class Runs(Reader):
    """Runs and their drivers."""

    def runs(self) -> Sequence[Run]:
        """List runs, newest first."""
        return [_run(row) for row in self._connection.rows(_RUNS + "ORDER BY r.number DESC")]

    def run(self, number: int | None = None, study: str | None = None) -> Run:
        """Return a run by number, or a study's newest (of all, without arguments).

        Raises UnknownName, or NothingMeasured where the book has no run at all.
        """
        where, values = "", list[object]()
        if number is not None:
            where, values = "WHERE r.number = ? ", [number]
        elif study is not None:
            where, values = "WHERE s.name = ? ", [study]
        row = self._connection.row(f"{_RUNS}{where}ORDER BY r.number DESC LIMIT 1", values)
        if row is None:
            raise self._unknown(number, study)
        return _run(row)

    def provenance(self, run: int) -> Sequence[Mapping[str, Any]]:
        """Return what is known of each driver of a run, oldest first; times are unix seconds."""
        rows = self._connection.rows(
            "SELECT provenance, id, pid, host, state, opened, closed FROM driver WHERE run = ? ORDER BY id", (run,)
        )
        names = ("driver", "pid", "host", "state", "opened", "closed")
        return [{**json.loads(said), **dict(zip(names, rest, strict=True))} for said, *rest in rows]

    def actions(self, run: int | None = None) -> Sequence[Mapping[str, Any]]:
        """Return the action log, oldest first."""
        return actions.read(self._connection, run)

    def history(self, system: bytes | None = None, name: str | None = None) -> History:
        """Return what a system's newest finished attempts (up to 2,000) took: by digest, by name, or of all systems."""
        where, values = "1", list[object]()
        if system is not None:
            where, values = "y.digest = ?", [system]
        elif name is not None:
            where, values = "y.name = ?", [name]
        rows: list[Row] = []
        for (driver,) in self._connection.rows(_DRIVERS.format(where), values):
            if len(rows) >= RECENT:
                break
            issued = (driver << 32, (driver << 32) | 0xFFFFFFFF)
            rows += self._connection.rows(_TOOK, (*issued, RECENT - len(rows)))
        return _history(rows)

    def _unknown(self, number: int | None, study: str | None) -> Exception:
        known = [str(row[0]) for row in self._connection.rows("SELECT number FROM run")]
        if number is not None and known:
            return UnknownName("run", str(number), known)
        if study is not None and known:
            names = [row[0] for row in self._connection.rows("SELECT name FROM study")]
            return UnknownName("study", study, names)
        return NothingMeasured("the book has no run yet", hint="fairtrial run study.yaml")


def _run(row: Row) -> Run:
    number, study, state, created, updated, document, system, live = row[:8]
    done, failed, reused, retired, planned, tags, system_digest, pruned = row[8:16]
    driver_state, *who = row[16:]
    if state == "open" and not (driver_state == "open" and alive(Process(*who))):
        state = "interrupted"
    return Run(
        number=number,
        study=study,
        state=state,
        created=created,
        updated=updated,
        document=json.loads(document),
        system=system,
        live=bool(live),
        done=done - pruned,
        failed=failed,
        pruned=pruned,
        reused=reused,
        retired=retired,
        planned=planned,
        tags=tuple(json.loads(tags)),
        system_digest=system_digest,
    )


def _history(rows: Sequence[Row]) -> History:
    from statistics import fmean, stdev

    if not rows:
        return History()
    walls = [wall for wall, _ in rows]
    peaks = sorted(peak for _, peak in rows if peak)
    return History(
        trials=len(rows),
        wall_mean_s=fmean(walls),
        wall_sd_s=stdev(walls) if len(walls) > 1 else None,
        peak_bytes=peaks[min(len(peaks) - 1, int(0.95 * len(peaks)))] if peaks else None,
    )
