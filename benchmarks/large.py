"""A book with 100,000 finished trials: how long `list`, `show` and the first new trial take; and a grid of 1e9 cells.

Usage: python benchmarks/large.py [--quick] [--passes N]
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import measure
from measure import Sample, bench, options, table, timed

from fairtrial import Study
from fairtrial.flow.book import reading

STEP = 1000
"""Trials of one level of `a`: the study has n / STEP levels of it, 100 of `b` and 10 of `d`."""
BARS = {"list": "0.3 s", "show 1": "0.3 s"}


def main() -> None:
    """Print both tables."""
    chosen = options(__doc__ or "")
    n = 3000 if chosen.quick else 100_000
    passes = max(5, chosen.passes)
    with bench(f"a book with {n:,} finished trials"), tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        shutil.copy(measure.HERE / "noop.py", home / "noop.py")
        fill(home, n)
        program = str(Path(sys.executable).with_name("fairtrial"))
        rows = [verb(program, words, home, passes) for words in BARS]
        first_s = statistics.median(first(home, n + STEP * turn) for turn in (1, 2, 3))
        rows.append(["first new trial of `run`, wall", f"{first_s:.2f} s", "2 s"])
        table(["", "median", "asked for: at most"], rows)
    with bench("a grid of 1e9 cells, in process"), tempfile.TemporaryDirectory() as folder:
        table(["", "median", "asked for: at most"], huge(folder, passes))


def fill(home: Path, n: int) -> None:
    """Run n trials with persistent workers."""
    write(home, n)
    subprocess.run(
        [sys.executable, "-m", "fairtrial", "run", "study.yaml", "-q"], cwd=home, check=True, capture_output=True
    )


def write(home: Path, n: int) -> None:
    """Write the study of n trials."""
    study = {
        "study": "large",
        "system": {"python": "noop:measure"},
        "factors": {"a": {"range": [1, n // STEP]}, "b": {"linspace": [0, 1], "n": 100}, "d": {"range": [1, 10]}},
        "metrics": dict.fromkeys([f"m{k}" for k in range(5)], "maximize"),
        "parallel": {"jobs": 2, "workers": "persistent"},
    }
    (home / "study.yaml").write_text(json.dumps(study))


def verb(program: str, words: str, home: Path, passes: int) -> list[str]:
    """Measure a reading verb's CPU time as a whole process; the first of each is not counted."""
    found: list[Sample] = [timed([program, *words.split()], str(home)) for _ in range(passes + 1)][1:]
    errors = [sample.error for sample in found if sample.error]
    cpu_s = statistics.median(sample.cpu_s for sample in found)
    return [f"fairtrial {words}, CPU", errors[0] if errors else f"{cpu_s:.3f} s", BARS[words]]


def first(home: Path, n: int) -> float:
    """Run a study of n trials of which all but STEP are finished; return the seconds until the first new one starts."""
    start = time.time()
    fill(home, n)
    with reading(home) as book:
        return min(row.started for row in book.ledger.attempts(run=1) if row.started >= start) - start


ONLY = " and ".join(f"{name} == 3" for name in "bcdefgh")


def huge(folder: str, passes: int) -> list[list[str]]:
    """Plan a grid of nine factors of ten levels, whole (the first 20 trials) and narrowed to a hundred cells."""
    (Path(folder) / "huge_cells.py").write_text(CELL)
    sys.path.insert(0, folder)
    factors = {name: list(range(10)) for name in "abcdefghi"}
    study = Study(study="huge", system={"python": "huge_cells:cell"}, factors=factors)
    rows = []
    for name, only in (("whole", None), ("seven equalities", ONLY)):
        took = [plan(study, folder, only) for _ in range(passes + 1)][1:]
        rows.append([f"plan, {name}", f"{statistics.median(took):.3f} s", "0.1 s"])
    sys.path.remove(folder)
    return rows


def plan(study: Study, folder: str, only: str | None) -> float:
    """Return the seconds of one plan, the reading of the study included."""
    start = time.perf_counter()
    found = study.plan(folder=folder, only=only)
    if found.count.trials != (10**9 if only is None else 100):
        raise SystemExit(f"{found.count.trials} trials")
    return time.perf_counter() - start


CELL = """
def cell(a: int, b: int, c: int, d: int, e: int, f: int, g: int, h: int, i: int) -> dict[str, float]:
    return {"m": float(a)}
"""

if __name__ == "__main__":
    main()
