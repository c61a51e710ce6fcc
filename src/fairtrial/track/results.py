"""A run's results as plain files: what it was, its raw tables, a summary of its conditions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl

from fairtrial.contract.journal import Ledger
from fairtrial.errors import UserError
from fairtrial.model.finding import ConditionFinding, Estimate
from fairtrial.model.identity import DIGEST_BYTES, canonical_json, digest
from fairtrial.model.outcome import Status
from fairtrial.model.run import Run, TrialRow
from fairtrial.track.export import joined
from fairtrial.track.file import whole, write

PLACE = ("trial", "condition", "replicate")
"""Columns before those of a raw table; one of its own with such a name becomes `table.NAME`."""


def write_results(ledger: Ledger, run: int, folder: Path, *, conditions: Sequence[ConditionFinding]) -> list[Path]:
    """Write `run.json`, `<table>.jsonl` for each raw table and `summary.json`; return the files.

    `conditions` are numbered from 0 as they stand in the summary; rows of raw tables say trial, condition, replicate.
    Times are UTC, ISO 8601. Each file appears whole or not at all. Raises UserError where one cannot be written.
    """
    found, rows = ledger.run(run), ledger.trials(run)
    number = {_key(each.variant, each.assignment): place for place, each in enumerate(conditions)}
    tables = _tables(ledger, run, number)
    made = []
    for name, table in tables.items():
        made.append(folder / f"{quote(name, safe='')}.jsonl")
        write(table, made[-1])
    digests = {path.name: _digest(path) for path in made}
    summary = folder / "summary.json"
    _write_json(summary, _summary(ledger, found, rows, conditions))
    digests[summary.name] = _digest(summary)
    return [write_record(ledger, run, folder, digests), *made, summary]


def write_record(ledger: Ledger, run: int, folder: Path, digests: Mapping[str, str]) -> Path:
    """Write `run.json`: what a run was, and the digests of the files beside it; return it. Raises UserError."""
    path = folder / "run.json"
    _write_json(path, _record(ledger, ledger.run(run), digests))
    return path


def digests_of(files: Sequence[Path], folder: Path) -> dict[str, str]:
    """Return the digest of each file, by its path within the folder."""
    return {path.relative_to(folder).as_posix(): _digest(path) for path in files}


def _tables(ledger: Ledger, run: int, number: Mapping[bytes, int]) -> dict[str, pl.LazyFrame]:
    parts: dict[str, list[tuple[TrialRow, Path]]] = {}
    for row, name, path in ledger.tables(run):
        if not row.retired:
            parts.setdefault(name, []).append((row, path))
    return {name: _placed(listed, number) for name, listed in parts.items()}


def _placed(parts: Sequence[tuple[TrialRow, Path]], number: Mapping[bytes, int]) -> pl.LazyFrame:
    rows = [row for row, _ in parts]
    places = pl.LazyFrame(
        {
            "trial": [row.number for row in rows],
            "condition": [number.get(_key(row.variant, row.assignment)) for row in rows],
            "replicate": [row.replicate for row in rows],
        },
        schema=dict.fromkeys(PLACE, pl.Int64),
    )
    own = {name: f"table.{name}" for name in PLACE[1:]}
    table = joined(parts).rename(own, strict=False)
    return table.join(places, on="trial", maintain_order="left").select(*PLACE, pl.exclude(PLACE))


def _key(variant: str, assignment: Mapping[str, Any]) -> bytes:
    return canonical_json([variant, dict(assignment)])


def _record(ledger: Ledger, run: Run, digests: Mapping[str, str]) -> dict[str, Any]:
    """Say what the run was: the study as last amended, counts, each driver's code, machine and versions."""
    drivers = [dict(driver) for driver in ledger.provenance(run.number)]
    return {
        "schema": "fairtrial.results/1",
        "run": run.number,
        "study": run.study,
        "question": run.document.get("question", ""),
        "state": run.state,
        "created": _iso(run.created),
        "updated": _iso(run.updated),
        "system": {"name": run.system, "digest": run.system_digest.hex(), "live": run.live},
        "tags": list(run.tags),
        "trials": {
            "planned": run.planned,
            "done": run.done,
            "pruned": run.pruned,
            "failed": run.failed,
            "reused": run.reused,
            "retired": run.retired,
        },
        "document": run.document,
        "document_digest": digest(run.document).hex(),
        "drivers": drivers,
        "files": dict(digests),
    }


def _summary(
    ledger: Ledger, run: Run, rows: Sequence[TrialRow], conditions: Sequence[ConditionFinding]
) -> dict[str, Any]:
    settled = [row for row in rows if row.status is not None and not row.retired]
    done = sum(row.status is Status.DONE for row in settled)
    failures = Counter(row.failure.kind.value for row in settled if row.failure is not None)
    return {
        "schema": "fairtrial.summary/1",
        "run": run.number,
        "study": run.study,
        **_times(ledger, run),
        "total_trials": len(settled),
        "successful_trials": done,
        "failed_trials": sum(row.status is Status.FAILED for row in settled),
        "success_rate": done / len(settled) if settled else None,
        "error_summary": dict(sorted(failures.items())),
        "methods": {
            "sd": "sample standard deviation, divisor n - 1, over replicates",
            "median": "the middle value over replicates, of an even number the mean of the two in the middle",
            "quantiles": "the smallest value with at least that share of the values at or below it, over replicates",
            "missing": "trials without a value: failed, pruned or undefined; they are in no number",
        },
        "conditions": [_condition(number, each) for number, each in enumerate(conditions)],
    }


def _times(ledger: Ledger, run: Run) -> dict[str, Any]:
    """Say when the run's own attempts began and ended; nothing where it only took over results."""
    attempts = [attempt for attempt in ledger.attempts(run=run.number) if attempt.ended is not None]
    if not attempts:
        return {"test_start": None, "test_end": None, "test_duration_s": None}
    start, end = min(each.started for each in attempts), max(each.ended or 0.0 for each in attempts)
    return {"test_start": _iso(start), "test_end": _iso(end), "test_duration_s": end - start}


def _condition(number: int, each: ConditionFinding) -> dict[str, Any]:
    return {
        "condition": number,
        "variant": each.variant,
        "assignment": dict(each.assignment),
        "trials": each.trials,
        "failures": dict(sorted(each.failures.items())),
        "metrics": {name: _estimate(estimate) for name, estimate in each.estimates.items()},
    }


def _estimate(found: Estimate) -> dict[str, Any]:
    interval = found.interval
    return {
        "n": found.n,
        "missing": found.missing,
        "mean": found.mean,
        "sd": found.sd,
        "min": found.minimum,
        "median": found.median,
        "max": found.maximum,
        "quantiles": {f"{probability:g}": value for probability, value in found.quantiles.items()},
        "interval": None
        if interval is None
        else {"low": interval.low, "high": interval.high, "level": interval.level, "method": interval.method},
    }


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, partial(blake2b, digest_size=DIGEST_BYTES)).hexdigest()


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _write_json(path: Path, record: Mapping[str, Any]) -> None:
    text = json.dumps(record, ensure_ascii=False, indent=2, default=str, allow_nan=False) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise UserError(f"cannot write {path}: {problem.strerror or problem}") from problem
