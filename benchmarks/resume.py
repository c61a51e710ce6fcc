"""Resume: what of a study is left to run, against the bare loop that digests every trial and looks it up.

Both sides declare 110,000 trials of five parameters, digest each, load the 100,000 finished digests from SQLite and
find the 10,000 that are left. They alternate in one process; printed are CPU seconds (median) and their ratio.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from fairtrial.model.identity import digest
from fairtrial.model.study import Factor, Metric, Study, SystemRef
from fairtrial.plan.grid import Grid
from fairtrial.plan.space import open_space


class Parameters(BaseModel):
    """Five parameters of four types."""

    model_config = ConfigDict(extra="forbid")

    a: int
    b: float
    c: str
    d: int = 0
    e: float = 0.1


class Bench:
    """A system that is declared and never run."""

    name = "bench"
    version = "1"
    Parameters = Parameters
    metrics: Mapping[str, Metric] = {}

    def run(self, parameters: Any, context: Any) -> Mapping[str, float]:
        """Refuse: only planned here."""
        raise NotImplementedError


def study(trials: int) -> Study:
    """Declare a grid of five factors: 11 x 10 x 10 x 10 x trials / 11,000."""
    levels: dict[str, list[Any]] = {
        "a": list(range(trials // 11_000)),
        "b": [i * 0.5 for i in range(11)],
        "c": [f"x{i}" for i in range(10)],
        "d": list(range(10)),
        "e": [0.1 * (i + 1) for i in range(10)],
    }
    factors = tuple(Factor(name, (name,), tuple((value,) for value in values)) for name, values in levels.items())
    return Study(name="resume", system=SystemRef("bench"), factors=factors)


def ours(trials: int, book: Path) -> int:
    plan = Grid().open(open_space(study(trials), Bench(), identity=digest(["bench", "1"])), {}).ask()
    assert plan is not None
    done = finished(book)
    return sum(key not in done for block in plan.blocks() for key in block.digests)


def bare(trials: int, book: Path) -> int:
    keys = [bare_key(i) for i in range(trials)]
    done = finished(book)
    return sum(key not in done for key in keys)


def bare_key(i: int) -> bytes:
    parameters = {"a": i, "b": i * 0.5, "c": f"x{i % 7}", "d": i % 100, "e": 0.1}
    return hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).digest()[:16]


def finished(book: Path) -> set[bytes]:
    connection = sqlite3.connect(book)
    try:
        return {key for (key,) in connection.execute("select key from done where status = 1")}
    finally:
        connection.close()


def fill(book: Path, keys: list[bytes], done: int) -> None:
    """Write a drawn part of the keys as finished trials with five metrics each."""
    random.Random(0).shuffle(keys)
    body = json.dumps({f"m{k}": 0.5 for k in range(5)})
    connection = sqlite3.connect(book)
    connection.execute("create table done (key blob primary key, status integer, body text) without rowid")
    connection.executemany("insert into done values (?, 1, ?)", ((key, body) for key in keys[:done]))
    connection.commit()
    connection.close()


def cpu_s(work: Callable[[int, Path], int], trials: int, book: Path, *, left: int) -> float:
    started = time.process_time()
    found = work(trials, book)
    spent = time.process_time() - started
    assert found == left, f"{work.__name__} found {found} left, not {left}"
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the trials, three repeats")
    quick = parser.parse_args().quick
    trials, repeats = (11_000, 3) if quick else (110_000, 7)
    done = trials * 10 // 11
    plan = Grid().open(open_space(study(trials), Bench(), identity=digest(["bench", "1"])), {}).ask()
    assert plan is not None
    with tempfile.TemporaryDirectory() as folder:
        books = {ours: Path(folder, "ours.db"), bare: Path(folder, "bare.db")}
        fill(books[ours], [key for block in plan.blocks() for key in block.digests], done)
        fill(books[bare], [bare_key(i) for i in range(trials)], done)
        spent: dict[str, list[float]] = {"ours": [], "bare": []}
        for _ in range(repeats):
            for work, book in books.items():
                spent[work.__name__].append(cpu_s(work, trials, book, left=trials - done))
    ratio = statistics.median(a / b for a, b in zip(spent["ours"], spent["bare"], strict=True))
    print(f"resume: {trials} trials, {done} finished (CPU seconds, median of {repeats}, alternated)")
    for name, seconds in spent.items():
        print(f"  {name:5} {statistics.median(seconds):.3f}   ({min(seconds):.3f} to {max(seconds):.3f})")
    print(f"  ratio {ratio:.2f}   (bar: at most 1.5)")


if __name__ == "__main__":
    main()
