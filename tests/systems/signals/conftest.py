"""A folder in which commands are typed, markets of given prices, and what a judge reads of a signal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fairtrial
from fairtrial.systems.signals.record import (
    Bins,
    Market,
)

PATIENCE_S = 280.0
STUDY: Mapping[str, Any] = {
    "study": "signals",
    "question": "Does it gain after costs?",
    "system": "signals",
    "base": {
        "signal": {"name": "iirc"},
        "data": {"synthetic": {"bins": 2000, "events_per_s": 50}},
        "evaluation": {"max_hold_bins": 50, "warmup_bins": 100, "folds": {"embargo_bins": 20}},
        "trades": False,
    },
    "factors": {"evaluation.tp_ticks": [4, 8]},
    "metrics": {"expectancy_net_ticks": "maximize"},
}


TICK = 0.25


class Folder:
    """A folder with studies and a book, in which commands are typed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command."""
        argv = [sys.executable, "-m", "fairtrial", *words]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            argv, cwd=self.path, stdout=pipe, stderr=pipe, text=True, env={**os.environ, **environment}
        )

    def type(self, *words: str, **environment: str) -> tuple[int, str]:
        """Type a command; return its exit code and what it said."""
        process = self.start(*words, **environment)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert "Traceback" not in err, err
        return process.returncode, out + err

    def write(self, name: str = "study.yaml", **changes: Any) -> str:
        """Write the study with other parts, of its base too; return the file's name."""
        whole = {**STUDY, **changes, "base": {**STUDY["base"], **changes.get("base", {})}}
        (self.path / name).write_text(json.dumps(whole))
        return name

    def run(self, *words: str, code: int = 0, **changes: Any) -> str:
        """Write a study and run it."""
        found, said = self.type("run", self.write(**changes), "--quiet", *words)
        assert found == code, said
        return said

    def done(self, number: int = 1) -> list[int]:
        """Return the numbers of the trials of a run that are done."""
        return [row.number for row in fairtrial.Run(number, folder=self.path).trials(status="done")]


@pytest.fixture(scope="session")
def folders() -> Callable[[Path], Folder]:
    """Function (path) -> a folder there."""
    return Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty one."""
    return Folder(tmp_path)


@pytest.fixture(scope="session")
def priced() -> Callable[[Any], Market]:
    """Function (mids in ticks) -> a market of them, the book a tick wide."""
    return _priced


def _priced(mid_ticks: Any) -> Market:
    """Return a market of these mids, the book a tick wide."""
    mid = np.asarray(mid_ticks, dtype=np.float64)
    number, price = np.arange(len(mid)), np.rint(mid * TICK * 1e9).astype(np.int64)
    half, end = round(TICK / 2 * 1e9), (np.arange(len(mid)) + 1) * 10**8
    times = (end, end - 10**8, end)
    best = (price - half, price + half, price)
    bins = Bins(number, *times, mid * TICK, number, np.ones_like(number), np.ones(len(mid), bool), *best)
    return Market("made", bins, {}, TICK, 0.1)


class Mode:
    """What a judge reads of a signal: how it fires, and thresholds of its own or quantiles of |value|."""

    def __init__(self, mode: str = "state", levels: Sequence[float] = ()) -> None:
        self.mode: Any = mode
        self.levels = tuple(levels)

    def thresholds(self, values: Any) -> tuple[float, ...]:
        """Return them."""
        return self.levels or tuple(np.unique(np.quantile(np.abs(values), (0.5, 0.8, 0.9, 0.95))).tolist())


@pytest.fixture(scope="session")
def mode() -> type[Mode]:
    """Function (mode, thresholds) -> a signal as far as a judge reads it."""
    return Mode
