"""A book in memory that holds runs of the signals system, as far as rankings read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from fairtrial.errors import UnknownName
from fairtrial.model.identity import digest
from fairtrial.model.outcome import Status
from fairtrial.model.run import Run, TrialRow
from fairtrial.systems.signals.parameters import Parameters

GOOD = {
    "expectancy_net_ticks": 1.0, "expectancy_low_ticks": 0.4, "expectancy_high_ticks": 1.6, "trades": 100.0,
    "p_random": 0.001, "sharpe_trade": 0.3, "skewness": 0.0, "kurtosis": 3.0, "holdout_net_ticks": 0.8,
    "holdout_trades": 30.0, "signals": 120.0, "tp_rate": 0.5, "mean_pnl_ticks": 2.0, "events_per_hour": 60.0,
    "threshold": 0.1,
}  # fmt: skip
"""The metrics of a trial that may be believed."""


@dataclass
class Shelf:
    """What rankings ask of a book."""

    folder: Path
    known: dict[int, list[tuple[TrialRow, dict[str, Any]]]] = field(default_factory=dict)
    systems: dict[int, str] = field(default_factory=dict)
    files: dict[int, list[tuple[TrialRow, str, Path]]] = field(default_factory=dict)

    def runs(self) -> list[Run]:
        return [self.run(number) for number in sorted(self.known, reverse=True)]

    def run(self, number: int | None = None, study: str | None = None) -> Run:
        if number not in self.known:
            raise UnknownName("run", str(number), map(str, self.known))
        return Run(number, "s", "finished", 0.0, 0.0, {}, self.systems[number])

    def trials(self, run: int) -> list[TrialRow]:
        return [row for row, _ in self.known[run]]

    def parameters(self, run: int) -> Mapping[int, Mapping[str, Any]]:
        return {row.number: parameters for row, parameters in self.known[run]}

    def tables(self, run: int, name: str | None = None) -> list[tuple[TrialRow, str, Path]]:
        return [one for one in self.files.get(run, []) if one[1] == name]


Add = Callable[..., TrialRow]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Make an empty book."""
    return Shelf(tmp_path)


@pytest.fixture
def add(shelf: Shelf) -> Add:
    """Add a trial to a run: settings of the evaluation, the data set, a seed, metrics that differ from GOOD."""

    def make(
        run: int = 1, *, data: Mapping[str, Any] | None = None, seed: int = 1, retired: bool = False,
        status: Status = Status.DONE, system: str = "signals", metrics: Mapping[str, float | None] | None = None,
        net: tuple[float, ...] | None = None, **evaluation: Any,
    ) -> TrialRow:  # fmt: skip
        said = {"data": data or {"dataset": "monday"}, "evaluation": evaluation, "signal": {"name": "msd"}}
        parameters = Parameters.model_validate(said).model_dump(mode="json")
        members = shelf.known.setdefault(run, [])
        shelf.systems[run] = system
        assignment = {f"evaluation.{name}": value for name, value in evaluation.items()}
        row = TrialRow(
            run=run, number=len(members) + 1, digest=digest([parameters, seed]), variant="", assignment=assignment,
            replicate=0, seed=seed, status=status, attempt=1, retired=retired,
            metrics={**GOOD, **(metrics or {})} if status is Status.DONE else {},
        )  # fmt: skip
        members.append((row, parameters))
        if net is not None:
            path = shelf.folder / f"{run}-{row.number}.parquet"
            blocks = len(net)
            columns = {"market": [0] * blocks, "block": list(range(blocks))}
            pl.DataFrame({**columns, "net_ticks": np.array(net), "trades": [5] * blocks}).write_parquet(path)
            shelf.files.setdefault(run, []).append((row, "blocks", path))
        return row

    return make
