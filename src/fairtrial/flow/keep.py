"""Keeping the book: `export`, `import`, `verify`, `gc`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairtrial.errors import BookUnwritable, UnknownName, UserError
from fairtrial.flow.book import reading, writing
from fairtrial.flow.level import interval_level
from fairtrial.model.study import Direction

FORMATS = ("parquet", "csv", "json")
QUANTILES = (0.9, 0.95, 0.99)
"""Of the values of a condition's replicates, in a summary, beside the median."""


def export(
    home: Path | None,
    run: int | None,
    folder: Path | None,
    formats: Sequence[str],
    *,
    lines: Sequence[str] = (),
    why: str = "",
    command: Sequence[str] = (),
) -> list[Path]:
    """Write `run.json`, a run's trials, attempts, series and raw tables, and the files that its trials kept.

    Returns the files (below `results/<run>` by default); `lines` names raw tables to be written as JSON Lines too.
    """
    from fairtrial.track.export import export as write
    from fairtrial.track.export import write_files, write_lines
    from fairtrial.track.results import digests_of, write_record

    for name in formats:
        if name not in FORMATS:
            raise UnknownName("format", name, FORMATS)
    with reading(home) as book:
        number = book.ledger.run(run).number
        target = folder or book.folder.parent / "results" / str(number)
        paths = write_lines(book.ledger, number, lines, target)
        paths += write(book.ledger, number, target, formats=tuple(formats or FORMATS))
        paths += write_files(book.ledger, number, target)
        paths.insert(0, write_record(book.ledger, number, target, digests_of(paths, target)))
    _exported(home, number, target, why, command)
    return paths


def _exported(home: Path | None, run: int, target: Path, why: str, command: Sequence[str]) -> None:
    """Log an export; a book that can only be read is exported all the same."""
    try:
        with writing(home) as book:
            book.act("export", why=why, command=command, run=run, detail={"folder": str(target)})
    except BookUnwritable:
        return


def results(
    home: Path | None, run: int | None, folder: Path | None, *, why: str = "", command: Sequence[str] = ()
) -> list[Path]:
    """Write a run as plain files: `run.json`, a raw table a file, `summary.json`, what its trials kept; return them.

    Conditions are summarised best first, with an interval at the level that the study's alpha leaves.
    """
    from fairtrial.analyse.conditions import conditions
    from fairtrial.flow.read import metrics_of
    from fairtrial.track.export import write_files
    from fairtrial.track.results import write_results

    with reading(home) as book:
        found = book.ledger.run(run)
        measured = book.ledger.measurements(found.number)
        level = interval_level(found.document)
        ranked = conditions(measured, metrics_of(found, measured), level=level, quantiles=QUANTILES)
        target = folder or book.folder.parent / "results" / str(found.number)
        paths = write_results(book.ledger, found.number, target, conditions=ranked)
        paths += write_files(book.ledger, found.number, target)
    _exported(home, found.number, target, why, command)
    return paths


def adopt(
    home: Path | None,
    path: Path,
    *,
    study: str,
    columns: Mapping[str, str],
    metrics: Sequence[str],
    why: str = "",
    command: Sequence[str] = (),
) -> int:
    """Take results that exist already into the book as a run of their own; return its number."""
    from fairtrial.store.adopt import adopt as take
    from fairtrial.track.rows import read_rows

    said = {name: _direction(name, way) for name, _, way in (metric.partition("=") for metric in metrics)}
    rows = read_rows(path, columns=columns, metrics=list(said))
    if not rows:
        raise UserError(f"{path} holds no rows")
    with writing(home) as book:
        number = take(book, study=study, rows=rows, directions=said)
        book.act("import", why=why, command=command, run=number, detail={"file": str(path), "rows": len(rows)})
        return number


def _direction(metric: str, way: str) -> str:
    known = [direction.value for direction in Direction]
    if way and way not in known:
        raise UnknownName(f"direction of {metric}", way, known)
    return way or Direction.NONE.value


def verify(home: Path | None) -> list[str]:
    """Check the book's integrity, its artifacts' digests and the action log's chain; return what is wrong."""
    with reading(home) as book:
        return list(book.ledger.verify())


@dataclass(frozen=True, slots=True)
class Collected:
    """What `gc` removed, or would."""

    removed: Any
    dry_run: bool


def collect(home: Path | None, *, dry_run: bool, why: str = "", command: Sequence[str] = ()) -> Collected:
    """Remove what no run refers to: loose artifacts, scratch folders of dead drivers, old backups."""
    from fairtrial.store.gc import collect as sweep

    with reading(home):
        pass  # a book that is not there is not made
    with writing(home) as book:
        removed = sweep(book, dry_run=dry_run)
        if not dry_run:
            book.act("gc", why=why, command=command)
        return Collected(removed=removed, dry_run=dry_run)
