"""Rows that many others refer to: written once, then known by their id."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from fairtrial.model.identity import digest_bytes
from fairtrial.model.trial import Condition
from fairtrial.store.metrics import Codec, encode_names

_CONDITION = (
    "INSERT INTO condition (key, digest, variant, assignment, parameters) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_REMEMBERED = 65_536
"""Ids kept in memory; beyond that they are looked up again."""


class Names:
    """Ids of systems, inputs, conditions and metric sets, made on first use inside the caller's transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._ids: dict[tuple[str, bytes], int] = {}
        self._sets: dict[tuple[str, ...], tuple[int, Codec]] = {}

    def forget(self) -> None:
        """Forget every id: the transaction that made some of them was rolled back."""
        self._ids.clear()
        self._sets.clear()

    def study(self, name: str) -> int:
        """Return a study's id."""
        self._db.execute("INSERT INTO study (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
        return _id(self._db.execute("SELECT id FROM study WHERE name = ?", (name,)))

    def system(self, digest: bytes, name: str, identity: Mapping[str, Any] | None = None) -> int:
        """Return a system's id; what its identity consists of is filled in where it was not known."""
        known = self._ids.get(("system", digest))
        if known is not None:
            return known
        text = None if identity is None else json.dumps(identity)
        self._db.execute(
            "INSERT INTO system (digest, name, identity) VALUES (?, ?, ?) ON CONFLICT (digest)"
            " DO UPDATE SET name = excluded.name, identity = excluded.identity WHERE identity IS NULL",
            (digest, name, text),
        )
        return self._remember(("system", digest), self._db.execute("SELECT id FROM system WHERE digest = ?", (digest,)))

    def inputs(self, digest: bytes, names: Mapping[str, str] | None = None) -> int:
        """Return the id of a set of inputs; their names are filled in where they were not known."""
        known = self._ids.get(("inputs", digest))
        if known is not None:
            return known
        text = None if names is None else json.dumps(names)
        self._db.execute(
            "INSERT INTO inputs (digest, names) VALUES (?, ?) ON CONFLICT (digest)"
            " DO UPDATE SET names = excluded.names WHERE names IS NULL",
            (digest, text),
        )
        return self._remember(("inputs", digest), self._db.execute("SELECT id FROM inputs WHERE digest = ?", (digest,)))

    def condition(self, condition: Condition) -> int:
        """Return a condition's id. Two arms that resolve to the same parameters are two conditions."""
        assignment = json.dumps(condition.assignment)
        key = digest_bytes(condition.digest + f"{condition.variant}\0{assignment}".encode())
        known = self._ids.get(("condition", key))
        if known is not None:
            return known
        values = (key, condition.digest, condition.variant, assignment, json.dumps(condition.parameters))
        made = self._db.execute(_CONDITION, values)
        if made.rowcount:
            return self._keep(("condition", key), int(made.lastrowid or 0))
        return self._remember(("condition", key), self._db.execute("SELECT id FROM condition WHERE key = ?", (key,)))

    def metric_set(self, names: Iterable[str]) -> tuple[int, Codec]:
        """Return the id and the codec of a set of metric names, in this order."""
        key = tuple(names)
        known = self._sets.get(key)
        if known is None:
            text = encode_names(key)
            self._db.execute("INSERT INTO metric_set (names) VALUES (?) ON CONFLICT DO NOTHING", (text,))
            number = _id(self._db.execute("SELECT id FROM metric_set WHERE names = ?", (text,)))
            known = self._sets[key] = (number, Codec(key))
        return known

    def _remember(self, key: tuple[str, bytes], cursor: sqlite3.Cursor) -> int:
        return self._keep(key, _id(cursor))

    def _keep(self, key: tuple[str, bytes], number: int) -> int:
        if len(self._ids) >= _REMEMBERED:
            self._ids.clear()
        self._ids[key] = number
        return number


def _id(cursor: sqlite3.Cursor) -> int:
    return int(cursor.fetchone()[0])
