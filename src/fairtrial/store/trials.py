"""Reading trials: which are settled, which the book has finished, pages of them, and one by its name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fairtrial.errors import UnknownName, UserError
from fairtrial.model.outcome import Failure, FailureClass, Status
from fairtrial.model.run import TrialRow
from fairtrial.store.connection import Connection, Row
from fairtrial.store.metrics import Codec, decode_names
from fairtrial.store.recorder import unsigned
from fairtrial.store.runs import Reader

OPEN = "open"
"""Status to ask for trials that are not settled."""
_SHORTEST = 4

SELECT = """
SELECT m.run, m.number, t.digest, c.variant, c.assignment, m.replicate, t.seed, m.status, m.attempt, m.reused_from,
  m.retired, a.metric_set, a.metrics, f.kind, f.message, f.detail, f.exit_code, f.signal, f.limiter, f.overshoot_bytes
FROM member m JOIN trial t ON t.id = m.trial JOIN condition c ON c.id = m.condition
LEFT JOIN attempt a ON a.id = m.attempt LEFT JOIN failure f ON f.attempt = m.attempt
"""
_CONDITIONS = "SELECT number, condition FROM member WHERE run = ? ORDER BY number"
_PARAMETERS = """
SELECT c.id, c.parameters FROM condition c WHERE c.id IN (SELECT m.condition FROM member m WHERE m.run = ?)
"""


class Trials(Reader):
    """Trials as members of runs."""

    def settled(self, run: int) -> Mapping[bytes, str]:
        """Return digest -> status for the settled trials of a run, retired ones included."""
        return dict(
            self._connection.rows(
                "SELECT t.digest, m.status FROM member m JOIN trial t ON t.id = m.trial"
                " WHERE m.run = ? AND m.status IS NOT NULL",
                (run,),
            )
        )

    def finished(self, *, exclude_live: bool = True) -> set[bytes]:
        """Return the digests of every trial that some run of the book has done, for reuse."""
        rows = self._connection.rows(
            "SELECT t.digest FROM member m JOIN trial t ON t.id = m.trial"
            " WHERE m.status = 'done' AND m.run IN (SELECT number FROM run WHERE live <= ?)",
            (0 if exclude_live else 1,),
        )
        return {digest for (digest,) in rows}

    def trials(
        self, run: int, *, limit: int | None = None, offset: int = 0, status: str | None = None
    ) -> Sequence[TrialRow]:
        """List a run's trials in number order; a status is done | failed | pruned, or open for those not settled."""
        page = (-1 if limit is None else limit, offset)
        if status is None:  # numbers have no gaps, so a page is a range of them
            found = SELECT + "WHERE m.run = ? AND m.number > ? ORDER BY m.number LIMIT ?"
            return self._rows(found, (run, offset, page[0]))
        known = [Status.DONE, Status.FAILED, Status.PRUNED, OPEN]
        if status not in known:
            raise UnknownName("status", status, map(str, known))
        wanted = None if status == OPEN else status
        found = SELECT + "WHERE m.run = ? AND m.status IS ? ORDER BY m.number LIMIT ? OFFSET ?"
        return self._rows(found, (run, wanted, *page))

    def parameters(self, run: int) -> Mapping[int, Mapping[str, Any]]:
        """Return trial number -> its resolved parameters, in number order; trials of a condition share the mapping."""
        with self._connection.snapshot():
            members = self._connection.rows(_CONDITIONS, (run,))
            known = {number: json.loads(text) for number, text in self._connection.rows(_PARAMETERS, (run,))}
        return {number: known[condition] for number, condition in members}

    def trial(self, reference: str) -> TrialRow:
        """Find a trial by `RUN.NUMBER`, or by the first hexadecimal digits of its digest (the newest run's member).

        Raises UnknownName, and UserError where the digits fit several trials or are fewer than four.
        """
        run, dot, number = reference.partition(".")
        if dot and run.isdigit() and number.isdigit():
            rows = self._rows(SELECT + "WHERE m.run = ? AND m.number = ?", (int(run), int(number)))
            if not rows:
                raise UnknownName("trial", reference, self._ends(int(run)))
            return rows[0]
        return self._by_digest(reference.lower())

    def _by_digest(self, prefix: str) -> TrialRow:
        if any(digit not in "0123456789abcdef" for digit in prefix):
            raise UnknownName("trial", prefix, ["RUN.NUMBER", "the first digits of a digest"])
        if len(prefix) < _SHORTEST:
            raise UserError(f"trial {prefix!r}: give at least {_SHORTEST} digits of the digest, or RUN.NUMBER")
        even = len(prefix) + len(prefix) % 2
        low = bytes.fromhex(prefix.ljust(even, "0"))
        high = bytes.fromhex(prefix.ljust(even, "f")) + b"\xff" * 32
        found = SELECT + "WHERE t.digest BETWEEN ? AND ? ORDER BY t.digest, m.run DESC"
        newest = {row.digest: row for row in reversed(self._rows(found, (low, high)))}
        if not newest:
            raise UnknownName("trial", prefix, ())
        if len(newest) > 1:
            several = ", ".join(sorted(digest.hex()[:12] for digest in newest)[:4])
            raise UserError(f"trial {prefix!r} fits {len(newest)} trials", hint=f"give more digits: {several}")
        return newest.popitem()[1]

    def _ends(self, run: int) -> list[str]:
        members = self._connection.row("SELECT members FROM run WHERE number = ?", (run,))
        return [f"{run}.1", f"{run}.{members[0]}"] if members and members[0] else []

    def _rows(self, sql: str, values: Sequence[Any]) -> list[TrialRow]:
        rows = self._connection.rows(sql, values)
        codecs = metric_sets(self._connection)  # read after the rows: a set is there before what refers to it
        return [trial_row(row, codecs) for row in rows]


def metric_sets(connection: Connection) -> dict[int | None, Codec]:
    """Return every set of metric names of the book, by id; None stands for no metrics."""
    rows = connection.rows("SELECT id, names FROM metric_set")
    return {None: Codec(()), **{number: decode_names(names) for number, names in rows}}


def trial_row(row: Row, codecs: Mapping[int | None, Codec]) -> TrialRow:
    """Return the record of a row of SELECT."""
    run, number, digest, variant, assignment, replicate, seed, status, attempt, origin, retired, names, blob = row[:13]
    return TrialRow(
        run=run,
        number=number,
        digest=digest,
        variant=variant,
        assignment=json.loads(assignment),
        replicate=replicate,
        seed=unsigned(seed),
        status=None if status is None else Status(status),
        attempt=attempt,
        reused_from=origin,
        retired=bool(retired),
        metrics=codecs[names].unpack(blob),
        failure=failure_of(row[13:]),
    )


def failure_of(columns: Sequence[Any]) -> Failure | None:
    """Return the failure of columns kind, message, detail, exit_code, signal, limiter, overshoot_bytes."""
    kind, *rest = columns
    return None if kind is None else Failure(FailureClass(kind), *rest)
