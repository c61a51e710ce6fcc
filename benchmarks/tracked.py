"""One run with a mirror or without: a study of trials that compute for a while, through the Python face.

Usage: tracked.py N JOBS MILLISECONDS on|off

Prints the seconds from the first trial's start to the last one's end, the seconds of the whole call (with the grace in
which the mirror catches up), the trials that were there at its end, and the CPU seconds of this process. MLflow's
database is made before, and a study of twenty trials is run, so that neither is counted.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from fairtrial import Study
from fairtrial.flow.book import reading

MODULE = """
import time

def measure(a: int, ms: int) -> dict[str, float]:
    end = time.process_time() + ms / 1e3
    while time.process_time() < end:
        pass
    return {"score": a}
"""
MAKE = "from fairtrial.track.mirror.database import make; make('sqlite:///mlflow.db')"


def run(folder: Path, n: int, *, jobs: int, ms: int, tracked: bool) -> dict[str, float]:
    """Run n trials in a folder of their own and say what it took."""
    folder.mkdir()
    if tracked:
        subprocess.run([sys.executable, "-c", MAKE], cwd=folder, check=True, stderr=subprocess.DEVNULL)
    words = {"tracking": {"mlflow": {"uri": "sqlite:///mlflow.db"}}} if tracked else {}
    study = Study(
        study="tracked",
        system={"python": "busy:measure"},
        base={"ms": ms},
        factors={"a": {"range": [1, n]}},
        metrics={"score": "maximize"},
        parallel={"jobs": jobs},
        **words,
    )
    cpu_s, start = time.process_time(), time.perf_counter()
    made = study.run(folder=folder)
    whole_s, cpu_s = time.perf_counter() - start, time.process_time() - cpu_s
    with reading(folder) as book:
        attempts = book.ledger.attempts(run=made.number)
        there = book.reading.rows("SELECT count(*) FROM delivery WHERE number > 0")[0][0]
    if len(attempts) != n or any(attempt.status.value != "done" for attempt in attempts):
        raise SystemExit(f"{len(attempts)} attempts of {n} trials, not all done")
    ended = max(attempt.ended or 0.0 for attempt in attempts)
    seconds = ended - min(attempt.started for attempt in attempts)
    return {"seconds": seconds, "whole_s": whole_s, "there": there, "driver_cpu_s": cpu_s}


def main() -> None:
    """Run a small study, then the measured one."""
    n, jobs, ms, tracked = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "on"
    Path("busy.py").write_text(MODULE)
    run(Path("warm"), 20, jobs=jobs, ms=1, tracked=False)
    print(json.dumps(run(Path("measured"), n, jobs=jobs, ms=ms, tracked=tracked)))


if __name__ == "__main__":
    main()
