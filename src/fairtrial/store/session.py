"""Opening a driver's session: the run that it continues, amends or opens, and the end of drivers that died."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairtrial.errors import StudyHeld
from fairtrial.model.identity import digest
from fairtrial.model.provenance import Provenance
from fairtrial.store.membership import dismiss
from fairtrial.store.names import Names
from fairtrial.store.process import Process, alive, this
from fairtrial.store.recorder import Session


@dataclass(frozen=True, slots=True)
class Opening:
    """What a driver says of itself and its study when it begins."""

    study: str
    document: Mapping[str, Any]
    system: str
    identity: Mapping[str, Any]
    metrics: Sequence[str]
    provenance: Provenance
    live: bool
    fresh: bool
    durability: str
    tags: Sequence[str]
    planned: int | None


def begin(db: sqlite3.Connection, opening: Opening, *, now: float) -> Session:
    """Open a session inside the caller's transaction. Raises StudyHeld where another live driver has the study."""
    names = Names(db)
    study = names.study(opening.study)
    system = names.system(digest(opening.identity), opening.system, opening.identity)
    inputs = opening.provenance.inputs
    names.inputs(digest(dict(inputs)) if inputs else b"", dict(inputs))
    me = this()
    _bury(db, study, opening.study, me, now)
    run = None if opening.fresh else _newest(db, study, system)
    if run is None:
        run = _open(db, study, system, now)
    members = _amend(db, run, opening, now)
    made = db.execute(
        "INSERT INTO driver (run, pid, pid_started, boot_id, host, state, opened, provenance)"
        " VALUES (?, ?, ?, ?, ?, 'open', ?, ?)",
        (run, me.pid, me.started, me.boot_id, me.host, now, json.dumps(opening.provenance.as_dict())),
    )
    durable = opening.durability == "full"
    return Session(run=run, driver=int(made.lastrowid or 0), system=opening.system, members=members, durable=durable)


def _newest(db: sqlite3.Connection, study: int, system: int) -> int | None:
    """Return the study's newest run where it measured the same system; None where a new one is to be opened."""
    row = db.execute("SELECT number, system FROM run WHERE study = ? ORDER BY number DESC LIMIT 1", (study,)).fetchone()
    return int(row[0]) if row and row[1] == system else None


def _open(db: sqlite3.Connection, study: int, system: int, now: float) -> int:
    made = db.execute(
        "INSERT INTO run (study, system, live, state, created, updated, durability, metrics, tags)"
        " VALUES (?, ?, 0, 'open', ?, ?, '', '[]', '[]')",
        (study, system, now, now),
    )
    return int(made.lastrowid or 0)


def _amend(db: sqlite3.Connection, run: int, opening: Opening, now: float) -> int:
    """Record the study as it is declared now, where it changed; return how many members the run has."""
    names, tags = json.dumps(list(opening.metrics)), json.dumps(list(opening.tags))
    db.execute(
        "UPDATE run SET live = ?, state = 'open', updated = ?, durability = ?, metrics = ?, tags = ?,"
        " planned = ifnull(?, planned) WHERE number = ?",
        (opening.live, now, opening.durability, names, tags, opening.planned, run),
    )
    row = db.execute(
        "SELECT version, document FROM spec_version WHERE run = ? ORDER BY version DESC LIMIT 1", (run,)
    ).fetchone()
    version, before = row or (0, None)
    document = json.dumps(opening.document)
    if document != before:
        db.execute("INSERT INTO spec_version VALUES (?, ?, ?, ?)", (run, version + 1, now, document))
    return int(db.execute("SELECT members FROM run WHERE number = ?", (run,)).fetchone()[0])


def _bury(db: sqlite3.Connection, study: int, name: str, me: Process, now: float) -> None:
    """End the study's open drivers: dead ones, and earlier ones of this very process."""
    rows = db.execute(
        "SELECT d.id, d.pid, d.pid_started, d.boot_id, d.host FROM driver d JOIN run r ON r.number = d.run"
        " WHERE r.study = ? AND d.state = 'open'",
        (study,),
    ).fetchall()
    for number, *who in rows:
        other = Process(*who)
        if other.boot_id == me.boot_id and other != me and alive(other):
            raise StudyHeld(
                f"study {name!r} is being run by process {other.pid} on {other.host}", hint=f"fairtrial watch {name}"
            )
        dismiss(db, number, "lost", now)
