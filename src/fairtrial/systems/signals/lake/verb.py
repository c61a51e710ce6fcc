"""The verb `fairtrial signals datasets`: what data sets there are, each one verified; and publication of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from fairtrial.errors import UserError
from fairtrial.model.figure import Cell, Grid, Section


class DatasetsArguments(BaseModel):
    """What `datasets` takes."""

    model_config = ConfigDict(extra="forbid")
    lake: Path = Field(default=Path("lake"), description="Folder that holds data sets.")
    publish: str | None = Field(
        default=None, description="Id of a folder in the lake: write its manifest and checksums, make it read-only."
    )
    tick_size: float | None = Field(
        default=None, gt=0, description="Price of a tick, where the manifest of what is published does not say it."
    )


class Datasets:
    """Lists data sets, each of them hashed whole."""

    name = "datasets"
    help = "List the data sets of a lake, and verify each; or publish one that somebody else brought."
    Arguments = DatasetsArguments

    def run(self, arguments: DatasetsArguments, ledger: Any) -> Section:
        """Publish what is asked for, and return the table. Raises UserError for what cannot be published."""
        from fairtrial.systems.signals.lake.adopt import adopt
        from fairtrial.systems.signals.lake.folder import ROOTS, Lake

        lake, sentences = Lake(arguments.lake), []
        if arguments.publish is not None:
            path = adopt(lake, arguments.publish, tick_size=arguments.tick_size)
            sentences.append(f"Published {path}: its files are read-only, and verified at every load.")
        elif arguments.tick_size is not None:
            raise UserError("--tick-size does nothing without --publish")
        ids = lake.ids()
        if not ids:
            sentences.append(f"There is none in {' or '.join(str(lake.folder / root) for root in ROOTS)}.")
            return Section("Data sets", tuple(sentences))
        rows = tuple(_row(lake, name) for name in ids)
        sentences += _cautions(rows)
        columns = ("id", "root", "bins", "hours", "columns", "tick", "verified")
        return Section("Data sets", tuple(sentences), (Grid(columns, rows, decimals={"hours": 3}),))


def _row(lake: Any, name: str) -> tuple[Cell, ...]:
    from fairtrial.systems.signals.lake import parquet
    from fairtrial.systems.signals.lake.folder import bin_s, tick_size

    try:
        found = lake.find(name)
        count, tick = lake.check(name), tick_size(found)
        hours = count * bin_s(parquet.read_bins(found.path / parquet.BINS)) / 3600 if count else 0.0
    except UserError as problem:
        return (name, None, None, None, None, None, f"no: {problem.message}")
    there = len(parquet.names(found.path / parquet.GRID)) - len(parquet.PLACE)
    changed = ", ".join(found.changed())
    verified = f"no: {changed} changed" if changed else "yes" if found.checksums else "no checksums"
    return (name, found.root, count, hours, there, tick, verified)


def _cautions(rows: tuple[tuple[Cell, ...], ...]) -> list[str]:
    bare = [str(row[0]) for row in rows if row[-1] == "no checksums"]
    bad = [str(row[0]) for row in rows if str(row[-1]).startswith("no:")]
    said = []
    if bare:
        said.append(
            f"Caution: {', '.join(bare)}: without checksums, so a change would not be noticed; "
            "`fairtrial signals datasets --publish ID` writes them."
        )
    if bad:
        said.append(f"Caution: {', '.join(bad)}: cannot be loaded.")
    return said
