"""fairtrial's side: a study of no-op trials through the Python face.

Usage: ours.py N JOBS isolated|persistent [normal|full]

Prints the seconds from the first trial's start until `run` returned with everything stored, the seconds of the whole
call, and the CPU seconds of this process (the driver) in it. A study of twenty trials goes before, so that imports are
not counted.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import time
from pathlib import Path

import measure

from fairtrial import Study
from fairtrial.flow.book import reading


def study(folder: Path, n: int, *, jobs: int, workers: str, durability: str) -> dict[str, float]:
    """Run n trials in a folder of their own and say what it took."""
    folder.mkdir()
    declared = Study(
        study="noop",
        system={"python": "noop:measure"},
        factors={"a": {"range": [1, n]}},
        metrics=dict.fromkeys([f"m{k}" for k in range(5)], "maximize"),
        parallel={"jobs": jobs, "workers": workers},
        durability=durability,
    )
    cpu_s, start, clock = _cpu_s(), time.perf_counter(), time.time
    run = declared.run(folder=folder)
    whole_s, cpu_s, ended = time.perf_counter() - start, _cpu_s() - cpu_s, clock()
    with reading(folder) as book:
        attempts = book.ledger.attempts(run=run.number)
    if len(attempts) != n or any(attempt.status.value != "done" for attempt in attempts):
        raise SystemExit(f"{len(attempts)} attempts of {n} trials, not all done")
    first = min(attempt.started for attempt in attempts)
    return {"seconds": ended - first, "whole_s": whole_s, "driver_cpu_s": cpu_s}


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Run a small study, then the measured one."""
    n, jobs, workers = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    durability = sys.argv[4] if len(sys.argv) > 4 else "normal"
    shutil.copy(measure.HERE / "noop.py", "noop.py")
    study(Path("warm"), 20, jobs=jobs, workers=workers, durability=durability)
    print(json.dumps(study(Path("measured"), n, jobs=jobs, workers=workers, durability=durability)))


if __name__ == "__main__":
    main()
