"""Results of a run by condition, read without a row of Python for each trial: SQLite joins columns to long texts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fairtrial.errors import BookError
from fairtrial.model.run import Label, Lost, Results
from fairtrial.store.runs import Reader
from fairtrial.store.trials import metric_sets

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

AT_ONCE = 50_000
"""Trials in one text; SQLite takes texts of up to 10^9 bytes, which are 62,500,000 values of metrics."""
_TEXTS = """
SELECT group_concat(m.number), group_concat(m.condition), group_concat(ifnull(a.metric_set, 0)),
  group_concat(hex(a.metrics), ''), group_concat(hex(substr(t.parameters, 1, 8)), '')
FROM member m JOIN trial t ON t.id = m.trial LEFT JOIN attempt a ON a.id = m.attempt
WHERE m.run = ? AND m.status IS NOT NULL AND NOT m.retired AND m.number BETWEEN ? AND ?
"""
_LOST = """
SELECT m.number, m.status, ifnull(f.kind, '') FROM member m LEFT JOIN failure f ON f.attempt = m.attempt
WHERE m.run = ? AND m.status <> 'done' AND NOT m.retired ORDER BY m.number
"""
_TABLES = """
SELECT DISTINCT x.name FROM member m JOIN artifact x ON x.attempt = m.attempt
WHERE m.run = ? AND NOT m.retired AND x.kind = 'table' ORDER BY x.name
"""
_FACTORS = """
SELECT DISTINCT j.key FROM condition c, json_each(c.assignment) j WHERE c.id IN (
  SELECT m.condition FROM member m WHERE m.run = ? AND m.status IS NOT NULL AND NOT m.retired
)
"""
_LABELS = """
SELECT c.variant, c.assignment FROM json_each(?) j JOIN condition c ON c.id = j.value ORDER BY j.key
"""


class Compact(Reader):
    """A run by condition."""

    def results(self, run: int) -> Results:
        """Return the results of a run's settled, unretired trials. Raises BookError where metrics are damaged."""
        with self._connection.snapshot():
            return self._results(run)

    def table_names(self, run: int) -> list[str]:
        """List the names of the raw tables that a run's settled, unretired trials left."""
        return [name for (name,) in self._connection.rows(_TABLES, (run,))]

    def _results(self, run: int) -> Results:
        import numpy as np

        number, condition, sets, values, digest = self._texts(run)
        order = np.argsort(number, kind="stable")
        lost = self._connection.rows(_LOST, (run,))
        places = np.searchsorted(number[order], [row[0] for row in lost])
        metrics = self._spread(run, (sets, values), np.delete(order, places))
        return Results(
            condition=self._one_number(condition[order], digest[order]),
            metrics={name: column[order] for name, column in metrics.items()},
            lost=[Lost(place, *why) for place, (_, *why) in zip(places.tolist(), lost, strict=True)],
            labels=self._labels,
            factors=lambda: {path for (path,) in self._connection.rows(_FACTORS, (run,))},
        )

    def _texts(self, run: int) -> tuple[Any, ...]:
        """Read number, condition, metric set, the values of all metrics, and 8 bytes of the digest of parameters."""
        import numpy as np

        last = self._connection.rows("SELECT ifnull(max(number), 0) FROM member WHERE run = ?", (run,))[0][0]
        found: list[Sequence[str]] = []
        for low in range(1, last + 1, AT_ONCE):
            found += self._connection.rows(_TEXTS, (run, low, low + AT_ONCE - 1))
        texts = list(zip(*(row for row in found if row[0] is not None), strict=True)) or [()] * 5
        integers = [np.fromstring(",".join(column), dtype=np.int64, sep=",") for column in texts[:3]]
        values, digests = (bytes.fromhex("".join(column)) for column in texts[3:])
        return *integers, np.frombuffer(values, "<f8"), np.frombuffer(digests, "<i8")

    def _spread(self, run: int, packed: tuple[Integers, Floats], done: Integers) -> dict[str, Any]:
        """Spread the values of the trials `done` over columns; they stand trial after trial, set by set."""
        import numpy as np

        sets, values = packed
        declared = self._connection.row("SELECT metrics FROM run WHERE number = ?", (run,))
        columns = {name: np.full(len(sets), np.nan) for name in json.loads(declared[0] if declared else "[]")}
        names = {number or 0: codec.names for number, codec in metric_sets(self._connection).items()}
        known, which = np.unique(sets, return_inverse=True)
        width = np.array([len(names[number]) for number in known.tolist()], dtype=np.int64)[which]
        if int(width.sum()) != len(values):
            raise BookError(f"the metrics of run {run} are damaged", hint="fairtrial verify")
        start = np.cumsum(width) - width
        seen, first = np.unique(sets[done], return_index=True)
        for number in seen[np.argsort(first)].tolist():
            rows = done[sets[done] == number]
            for index, name in enumerate(names[number]):
                columns.setdefault(name, np.full(len(sets), np.nan))[rows] = values[start[rows] + index]
        return columns

    def _one_number(self, condition: Integers, digest: Integers) -> Any:
        """Give a condition that has several numbers (its factors were declared in another order) the least of them.

        One condition has one digest of parameters, so only numbers that share a digest are looked at.
        """
        import numpy as np

        number, first, place = np.unique(condition, return_index=True, return_inverse=True)
        found, which, count = np.unique(digest[first], return_inverse=True, return_counts=True)
        if len(found) == len(number):
            return condition
        shared = np.flatnonzero(count[which] > 1)
        numbers = number[shared].tolist()
        number[shared] = _same(numbers, which[shared].tolist(), self._labels(numbers))
        return number[place]

    def _labels(self, numbers: Sequence[int]) -> list[Label]:
        rows = self._connection.rows(_LABELS, (json.dumps(list(map(int, numbers))),))
        read = json.loads(f"[{','.join(text for _, text in rows)}]")
        return [(variant, assignment) for (variant, _), assignment in zip(rows, read, strict=True)]


def _same(numbers: Sequence[int], digests: Sequence[int], labels: Sequence[Label]) -> list[int]:
    """Return for each number the first one of its digest that has its label."""
    firsts: dict[int, list[tuple[Label, int]]] = {}
    found: list[int] = []
    for number, digest, label in zip(numbers, digests, labels, strict=True):
        known = firsts.setdefault(digest, [])
        first = next((least for other, least in known if other == label), number)
        if first == number:
            known.append((label, number))
        found.append(first)
    return found
