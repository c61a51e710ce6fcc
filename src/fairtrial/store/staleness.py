"""Why results that exist do not count: the parts of their identity, compared with what they are now."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from fairtrial.store.runs import Reader

_CHUNK = 500
_SHORT = 24
_MISSING = object()


class Staleness(Reader):
    """What is stale, and why."""

    def stale(
        self,
        points: Mapping[bytes, bytes],
        system: bytes,
        inputs: bytes,
        *,
        identity: Mapping[str, Any] | None = None,
        sources: Mapping[str, str] | None = None,
    ) -> Mapping[bytes, str]:
        """Of unfinished trials: digest -> reason, where the book has a result of the same parameters and seed.

        `identity` (the system's, as JSON) and `sources` (input name -> digest) say what the digests `system` and
        `inputs` stand for; what is not given is looked up in the book. Results of a system with another name
        are nobody's stale results.
        """
        now = identity if identity is not None else self._json("SELECT identity FROM system WHERE digest = ?", system)
        files = sources if sources is not None else self._json("SELECT names FROM inputs WHERE digest = ?", inputs)
        reasons: dict[tuple[int, int], str] = {}
        found: dict[bytes, str] = {}
        older = self._older(
            {point: digest for digest, point in points.items()}, system, inputs, (now or {}).get("name")
        )
        for digest, pair in older.items():
            if pair not in reasons:
                reasons[pair] = self._reason(pair, system, now, inputs, files)
            found[digest] = reasons[pair]
        return found

    def _older(
        self, digests: Mapping[bytes, bytes], system: bytes, inputs: bytes, name: str | None
    ) -> dict[bytes, tuple[int, int]]:
        """Return trial digest -> (system, inputs) of the newest result of its point."""
        found: dict[bytes, tuple[int, int]] = {}
        wanted = list(digests)
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            marks = ",".join("?" * len(chunk))
            rows = self._connection.rows(
                "SELECT t.point, t.system, t.inputs FROM trial t JOIN system y ON y.id = t.system"  # noqa: S608
                f" JOIN inputs i ON i.id = t.inputs WHERE t.point IN ({marks}) AND (y.digest <> ? OR i.digest <> ?)"
                " AND y.name = ifnull(?, y.name)"
                " AND EXISTS (SELECT 1 FROM member m WHERE m.trial = t.id AND m.status = 'done') ORDER BY t.id",
                (*chunk, system, inputs, name),
            )
            found.update({digests[point]: (old, files) for point, old, files in rows})
        return found

    def _reason(
        self,
        pair: tuple[int, int],
        system: bytes,
        now: Mapping[str, Any] | None,
        inputs: bytes,
        files: Mapping[str, str] | None,
    ) -> str:
        old_system, old = self._connection.rows("SELECT digest, identity FROM system WHERE id = ?", (pair[0],))[0]
        old_inputs, names = self._connection.rows("SELECT digest, names FROM inputs WHERE id = ?", (pair[1],))[0]
        said = []
        if old_system != system:
            said += changes(json.loads(old) if old else None, now) or ["system changed"]
        if old_inputs != inputs:
            changed = sorted(_differing(json.loads(names) if names else {}, files or {}))
            said.append(f"inputs changed: {', '.join(changed)}" if changed else "inputs changed")
        return "; ".join(said)

    def _json(self, sql: str, digest: bytes) -> Mapping[str, Any] | None:
        row = self._connection.row(sql, (digest,))
        return json.loads(row[0]) if row and row[0] else None


def changes(before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> list[str]:
    """Say which parts of an identity differ: `version 1 -> 2`, `code changed: model.py`, `code changed`."""
    if before is None or now is None:
        return []
    return [_change(part, before.get(part, _MISSING), now.get(part, _MISSING)) for part in _differing(before, now)]


def _change(part: str, before: Any, now: Any) -> str:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        return f"{part} changed: {', '.join(sorted(_leaves(before, now)))}"
    if now is _MISSING:
        return f"{part} dropped"
    if before is _MISSING:
        return f"{part} added"
    if _tellable(before) and _tellable(now):
        return f"{part} {before} -> {now}"
    return f"{part} changed"


def _leaves(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterable[str]:
    for part in _differing(before, now):
        old, new = before.get(part), now.get(part)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from (f"{part}.{leaf}" for leaf in _leaves(old, new))
        else:
            yield part


def _differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    parts = dict.fromkeys([*before, *now])
    return [part for part in parts if before.get(part, _MISSING) != now.get(part, _MISSING)]


def _tellable(value: Any) -> bool:
    """Say whether a value is short enough to show, and no digest."""
    text = str(value)
    is_digest = len(text) >= 16 and all(char in "0123456789abcdef" for char in text)
    return not isinstance(value, Mapping | list) and len(text) <= _SHORT and not is_digest
