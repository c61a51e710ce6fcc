"""Measurements of a run as columns: blobs of float64 are joined and read by numpy, not row by row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fairtrial.model.outcome import Status
from fairtrial.model.run import Measurements
from fairtrial.model.study import ABSENT
from fairtrial.store.recorder import unsigned
from fairtrial.store.runs import Reader
from fairtrial.store.trials import metric_sets

_ROWS = """
SELECT m.number, m.condition, m.replicate, t.seed, m.status, m.attempt, a.wall_s, a.cpu_s, a.peak_bytes, a.metric_set,
  a.metrics
FROM member m JOIN trial t ON t.id = m.trial LEFT JOIN attempt a ON a.id = m.attempt
WHERE m.run = ? AND m.status IS NOT NULL AND m.retired <= ? ORDER BY m.number
"""
_CONDITIONS = """
SELECT id, variant, assignment FROM condition WHERE id IN (SELECT condition FROM member WHERE run = ?)
"""
_FAILURES = """
SELECT m.attempt, f.kind FROM member m JOIN failure f ON f.attempt = m.attempt WHERE m.run = ? AND m.status = 'failed'
"""


class Columns(Reader):
    """A run as columns."""

    def measurements(self, run: int, *, retired: bool = False) -> Measurements:
        """Return the settled trials of a run in number order; a metric is NaN where it is undefined or not done."""
        with self._connection.snapshot():
            return self._columns(run, retired=retired)

    def _columns(self, run: int, *, retired: bool) -> Measurements:
        rows = self._connection.rows(_ROWS, (run, int(retired)))
        columns = list(zip(*rows, strict=True)) or [()] * 11
        numbers, conditions, replicates, seeds, statuses, attempts, walls, cpus, peaks, sets, blobs = columns
        variants, factors = self._factors(run, conditions)
        kinds: dict[int, str] = dict(self._connection.rows(_FAILURES, (run,)))
        return Measurements(
            run=run,
            number=numbers,
            variant=variants,
            replicate=replicates,
            seed=[unsigned(seed) for seed in seeds],
            status=statuses,
            failure=[kinds.get(attempt, "") for attempt in attempts] if kinds else [""] * len(rows),
            factors=factors,
            metrics=self._metrics(run, statuses, sets, blobs),
            wall_s=walls,
            cpu_s=cpus,
            peak_bytes=peaks,
            condition=conditions,
            attempt=attempts,
        )

    def _factors(self, run: int, conditions: Sequence[int]) -> tuple[list[str], dict[str, list[Any]]]:
        rows = self._connection.rows(_CONDITIONS, (run,))
        variants = {number: variant for number, variant, _ in rows}
        read = json.loads(f"[{','.join(text for _, _, text in rows)}]")
        assignments = {row[0]: assignment for row, assignment in zip(rows, read, strict=True)}
        used = dict.fromkeys(conditions)
        paths = dict.fromkeys(path for number in used for path in assignments[number])
        columns = {path: {number: assignments[number].get(path, ABSENT) for number in used} for path in paths}
        factors = {path: [values[number] for number in conditions] for path, values in columns.items()}
        return [variants[number] for number in conditions], factors

    def _metrics(
        self, run: int, statuses: Sequence[str], sets: Sequence[int | None], blobs: Sequence[bytes | None]
    ) -> Mapping[str, Any]:
        import numpy as np

        declared = self._connection.row("SELECT metrics FROM run WHERE number = ?", (run,))
        columns = {name: np.full(len(blobs), np.nan) for name in json.loads(declared[0] if declared else "[]")}
        places: dict[int, list[int]] = {}
        for place, (status, number) in enumerate(zip(statuses, sets, strict=True)):
            if status == Status.DONE and number is not None:
                places.setdefault(number, []).append(place)
        codecs = metric_sets(self._connection)
        for number, where in places.items():
            names = codecs[number].names
            values = np.frombuffer(b"".join(blobs[place] or b"" for place in where), dtype="<f8")
            table = values.reshape(len(where), len(names))
            for index, name in enumerate(names):
                columns.setdefault(name, np.full(len(blobs), np.nan))[where] = table[:, index]
        return columns
