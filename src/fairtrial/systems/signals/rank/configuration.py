"""Configurations as the book holds them: settings on data, with what every trial of theirs measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fairtrial.contract.journal import Ledger
from fairtrial.model.identity import canonical_json
from fairtrial.model.outcome import Status
from fairtrial.model.run import TrialRow
from fairtrial.systems.signals.record import Floats

SYSTEM = "signals"


@dataclass(frozen=True, slots=True)
class Configuration:
    """One set of parameters; its trials are other days of the same made-up market, or one on data that exist."""

    parameters: Mapping[str, Any]
    trials: tuple[TrialRow, ...]
    """Done, each seed once."""

    @property
    def first(self) -> TrialRow:
        """The trial that stands for it: its variant and assignment."""
        return self.trials[0]

    def values(self, metric: str) -> Floats:
        """Return a metric of each trial, NaN where it is undefined."""
        found = [trial.metrics.get(metric) for trial in self.trials]
        return np.array([math.nan if value is None else value for value in found], dtype=np.float64)

    def total(self, metric: str) -> int:
        """Return the sum of a count over its trials."""
        return round(float(np.nansum(self.values(metric))))

    def mean(self, metric: str, count: str = "trades") -> float:
        """Return the mean of a metric over its trials, weighted by a count; NaN where none has it."""
        values, weight = self.values(metric), np.nan_to_num(self.values(count))
        there = np.isfinite(values) & (weight > 0)
        return float((values[there] * weight[there]).sum() / weight[there].sum()) if there.any() else math.nan

    @property
    def key(self) -> bytes:
        """What makes it this configuration."""
        return canonical_json(self.parameters)

    @property
    def evaluation(self) -> Mapping[str, Any]:
        """Its parameters of the evaluation."""
        found: Mapping[str, Any] = self.parameters["evaluation"]
        return found

    @property
    def signal(self) -> str:
        """The name of its signal."""
        return str(self.parameters["signal"]["name"])

    @property
    def data(self) -> str:
        """The data it was judged on, in short."""
        data = self.parameters["data"]
        grid = ", other grid" if data.get("grid") else ""
        return (data.get("dataset") or " ".join(data.get("days") or ()) or "synthetic") + grid

    def shares(self, other: Configuration) -> bool:
        """Say whether it was judged on data that the other saw too."""
        mine, theirs = (_sources(one.parameters["data"]) for one in (self, other))
        return bool(mine & theirs)


def _sources(data: Mapping[str, Any]) -> frozenset[bytes | str]:
    named = frozenset(filter(None, (data.get("dataset"), *(data.get("days") or ()))))
    return named or frozenset({canonical_json(data.get("synthetic"))})


def configurations(ledger: Ledger, runs: Iterable[int], *, retired: bool = False) -> list[Configuration]:
    """Return what was measured in some runs, in order of their trials; the same parameters are one configuration."""
    found: dict[bytes, tuple[Mapping[str, Any], dict[int, TrialRow]]] = {}
    for row, parameters in _done(ledger, runs):
        if retired or not row.retired:
            _, trials = found.setdefault(canonical_json(parameters), (parameters, {}))
            trials.setdefault(row.seed, row)
    return [Configuration(parameters, tuple(trials.values())) for parameters, trials in found.values()]


def _done(ledger: Ledger, runs: Iterable[int]) -> Iterator[tuple[TrialRow, Mapping[str, Any]]]:
    for run in runs:
        parameters = ledger.parameters(run)
        yield from ((row, parameters[row.number]) for row in ledger.trials(run) if row.status is Status.DONE)


def runs_of(ledger: Ledger) -> Sequence[int]:
    """List the runs of this system in the book, oldest first."""
    return sorted(run.number for run in ledger.runs() if run.system == SYSTEM)
