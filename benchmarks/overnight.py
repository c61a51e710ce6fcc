"""What once took a night: rows of telemetry x 7 sizes of a pool x 5 replicates of 2,000 tasks, every trial in the book.

Usage: python benchmarks/overnight.py [--quick] [--passes N] [--jobs N]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time

import measure
from measure import bench, options, table, timed

from fairtrial import Run

SIZES, REPLICATES = 7, 5
BAR_S = 600


def main() -> None:
    """Print the table."""
    chosen = options(__doc__ or "")
    rows = 20 if chosen.quick else 2000
    passes = min(chosen.passes, 1 if chosen.quick else 3)
    found = []
    with bench(f"labels of {rows:,} rows of telemetry"):
        for source in ("simulated", "older"):
            seconds, cpu_s = zip(*(once(source, rows, chosen.jobs) for _ in range(passes)), strict=True)
            trials = rows * SIZES * REPLICATES
            wall_s = statistics.median(seconds)
            found.append(
                [f"{source} rows", f"{trials:,}", f"{wall_s:.0f} s", f"{statistics.median(cpu_s):.0f} s",
                 f"{trials / wall_s:,.0f}", f"{wall_s / BAR_S:.2f}"]
            )  # fmt: skip
        table(["", "trials in the book", "wall", "CPU", "trials/s", "/ 10 minutes"], found)
    print(f"asked for: at most {BAR_S} s with two jobs for 2,000 rows")


def once(source: str, rows: int, jobs: int) -> tuple[float, float]:
    """Run the study whole, in a fresh book; return wall and CPU seconds. Ends where a trial is missing."""
    with tempfile.TemporaryDirectory() as folder:
        words = [f"telemetry.source={source}", f"telemetry.row=range(0,{rows - 1})", "--jobs", str(jobs), "-q"]
        begin = time.perf_counter()
        sample = timed([sys.executable, "-m", "fairtrial", "run", "threadpool/oracle", *words], folder)
        seconds = time.perf_counter() - begin
        done = 0 if sample.error else sum(str(row.status) == "done" for row in Run(1, folder=folder).trials())
    if done != rows * SIZES * REPLICATES:
        sys.exit(f"{done} of {rows * SIZES * REPLICATES} trials are done: {sample.error}")
    return seconds, sample.cpu_s


if __name__ == "__main__":
    measure.LIMIT_S = 1800
    main()
