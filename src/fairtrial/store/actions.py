"""The action log: who did what and why, each row bound to the one before by a digest."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from fairtrial.model.event import Acted
from fairtrial.model.identity import canonical_json, digest_bytes
from fairtrial.store.connection import Connection

COLUMNS = ("at", "who", "verb", "why", "command", "run", "detail")


def write(db: sqlite3.Connection, action: Acted) -> None:
    """Append to the log inside the caller's transaction."""
    previous, length = db.execute("SELECT head, actions FROM book").fetchone()
    body = {
        "at": float(action.at),
        "who": _text(action.who or user()),
        "verb": action.verb,
        "why": _text(action.why),
        "command": [_text(part) for part in action.command],
        "run": action.run,
        "detail": dict(action.detail),
    }
    digest = link(previous, body)
    values = [json.dumps(body[name]) if name in ("command", "detail") else body[name] for name in COLUMNS]
    db.execute(
        f"INSERT INTO action (id, {', '.join(COLUMNS)}, previous, digest) VALUES (?,?,?,?,?,?,?,?,?,?)",  # noqa: S608
        (length + 1, *values, previous, digest),
    )
    db.execute("UPDATE book SET head = ?, actions = ?", (digest, length + 1))


def link(previous: bytes, body: Mapping[str, Any]) -> bytes:
    """Return the digest of an action that follows another."""
    return digest_bytes(previous + canonical_json(body))


def read(connection: Connection, run: int | None = None) -> Sequence[Mapping[str, Any]]:
    """Return the log, oldest first; times are unix seconds."""
    which = "" if run is None else "WHERE run = ?"
    rows = connection.rows(
        f"SELECT id, {', '.join(COLUMNS)} FROM action {which} ORDER BY id",  # noqa: S608
        () if run is None else (run,),
    )
    return [{"id": number, **_body(values)} for number, *values in rows]


def broken(connection: Connection) -> list[str]:
    """Return what is wrong with the chain, one line each."""
    rows = connection.rows(f"SELECT id, {', '.join(COLUMNS)}, previous, digest FROM action ORDER BY id")  # noqa: S608
    wrong: list[str] = []
    head, expected = b"", 1
    for number, *values, previous, digest in rows:
        if number != expected:
            wrong.append(f"action log: {number - expected} row(s) missing before row {number}")
        if previous != head and number == expected:
            wrong.append(f"action log: row {number} does not follow the row before it")
        if not _holds(previous, values, digest):
            wrong.append(f"action log: row {number} was changed")
        head, expected = digest, number + 1
    stored, length = connection.rows("SELECT head, actions FROM book")[0]
    if length < expected - 1:
        wrong.append(f"action log: {expected - 1 - length} row(s) more than the book remembers")
    elif length > expected - 1:
        wrong.append(f"action log: {length - expected + 1} row(s) missing at its end")
    elif stored != head:
        wrong.append("action log: its last row is not the one that the book remembers")
    return wrong


def _holds(previous: bytes, values: Sequence[Any], digest: bytes) -> bool:
    try:
        return link(previous, _body(values)) == digest
    except ValueError:
        return False


def _body(values: Sequence[Any]) -> dict[str, Any]:
    body = dict(zip(COLUMNS, values, strict=True))
    return {**body, "command": json.loads(body["command"]), "detail": json.loads(body["detail"])}


def _text(said: str) -> str:
    """Return words from a command line as valid text: undecodable bytes become replacement characters."""
    return said.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def user() -> str:
    """Return the name of the user of this process, or its number where the machine knows no name."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
