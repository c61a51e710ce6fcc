"""Which trials belong to a run and how they stand: reused, relabelled, retired, forgiven, lost; and the counters."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence

from fairtrial.model.trial import Trial
from fairtrial.store.recorder import Recorder

COUNTERS = (
    "SELECT count(*),"
    " ifnull(sum(NOT retired AND status IS NOT NULL AND status <> 'failed'), 0),"
    " ifnull(sum(NOT retired AND status = 'failed'), 0),"
    " ifnull(sum(NOT retired AND reused_from IS NOT NULL), 0),"
    " ifnull(sum(retired), 0)"
    " FROM member WHERE run = ?"
)
"""members, done, failed, reused, retired: what the columns of `run` must say."""

_FOUND = (
    "SELECT t.id, m.attempt, ifnull(m.reused_from, m.run) FROM trial t"
    " JOIN member m ON m.trial = t.id JOIN run r ON r.number = m.run"
    " WHERE t.digest = ? AND m.status = 'done' AND NOT r.live AND m.run <> ? ORDER BY m.run DESC LIMIT 1"
)
_TAKE = (
    "UPDATE member SET status = 'done', attempt = ?, reused_from = ?"
    " WHERE trial = ? AND run = ? AND status IS NULL RETURNING retired"
)


def reuse(db: sqlite3.Connection, recorder: Recorder, run: int, trials: Iterable[Trial]) -> int:
    """Settle trials from what other runs measured; never from a live run, whose numbers count there only."""
    taken: list[bool] = []
    for trial in trials:
        found = db.execute(_FOUND, (trial.digest, run)).fetchone()
        if found is not None:
            key, attempt, origin = found
            recorder.join(key, trial)
            taken += [bool(retired) for (retired,) in db.execute(_TAKE, (attempt, origin, key, run)).fetchall()]
    counted = taken.count(False)
    db.execute(
        "UPDATE run SET members = ?, done = done + ?, reused = reused + ? WHERE number = ?",
        (recorder.members, counted, counted, run),
    )
    return len(taken)


def relabel(db: sqlite3.Connection, recorder: Recorder, run: int, trials: Iterable[Trial]) -> int:
    """Point members at the conditions that these trials have now."""
    changed = 0
    for trial in trials:
        condition = recorder.names.condition(trial.condition)
        changed += db.execute(
            "UPDATE member SET condition = ?, replicate = ? WHERE run = ? AND (condition, replicate) <> (?, ?)"
            " AND trial = (SELECT id FROM trial WHERE digest = ?)",
            (condition, trial.replicate, run, condition, trial.replicate, trial.digest),
        ).rowcount
    return changed


def retire(db: sqlite3.Connection, run: int, keep: Collection[bytes]) -> int:
    """Retire the members outside `keep`, take the others back; return how many are retired now."""
    rows = db.execute(
        "SELECT m.number, t.digest, m.retired FROM member m JOIN trial t ON t.id = m.trial WHERE m.run = ?", (run,)
    ).fetchall()
    changes = [(digest not in keep, run, number) for number, digest, retired in rows if (digest not in keep) != retired]
    db.executemany("UPDATE member SET retired = ? WHERE run = ? AND number = ?", changes)
    recount(db, run)
    return sum(digest not in keep for _, digest, _ in rows)


def forgive(db: sqlite3.Connection, run: int, trials: Sequence[bytes]) -> int:
    """Open settled failures again; their attempts stay in the book."""
    forgiven = 0
    for digest in trials:
        forgiven += db.execute(
            "UPDATE member SET status = NULL, attempt = NULL WHERE run = ? AND status = 'failed'"
            " AND trial = (SELECT id FROM trial WHERE digest = ?)",
            (run, digest),
        ).rowcount
    recount(db, run)
    return forgiven


def dismiss(db: sqlite3.Connection, driver: int, state: str, now: float) -> None:
    """End a driver: what it left running is lost, and nothing that it sends later counts."""
    db.execute(
        "UPDATE attempt SET status = 'lost' WHERE id BETWEEN ? AND ? AND status = 'running'",
        (driver << 32, (driver << 32) | 0xFFFFFFFF),
    )
    db.execute("UPDATE driver SET state = ?, closed = ? WHERE id = ?", (state, now, driver))


def recount(db: sqlite3.Connection, run: int) -> None:
    """Set a run's counters from its members."""
    db.execute(
        f"UPDATE run SET (members, done, failed, reused, retired) = ({COUNTERS}) WHERE number = ?",  # noqa: S608
        (run, run),
    )
