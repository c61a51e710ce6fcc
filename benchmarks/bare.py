"""The limit to compare with: a bare loop that forks a warm process for every trial and reads its result from a pipe.

Nothing is stored, no limit holds, no death is handled. Usage: bare.py N JOBS
"""

from __future__ import annotations

import gc
import json
import os
import select
import sys
import time

from noop import measure


def child(trial: int, pipe: int) -> None:
    """Measure, write the result as JSON, end without clean-up."""
    parameters = {"a": trial, "b": 1.5, "c": "x", "d": 2, "e": 0.1}
    result = {"trial": trial, "parameters": parameters, "metrics": measure(**parameters)}
    os.write(pipe, json.dumps(result).encode())
    os._exit(0)


def fork(trial: int, live: dict[int, int]) -> None:
    """Start a trial; `live` maps the pipe's end to the process."""
    read, write = os.pipe()
    process = os.fork()
    if process == 0:
        child(trial, write)
    os.close(write)
    live[read] = process


def reap(read: int, live: dict[int, int]) -> int:
    """Read a result to its end, wait for its process, and return how many metrics it has."""
    data = b""
    while chunk := os.read(read, 65536):
        data += chunk
    os.close(read)
    os.waitpid(live.pop(read), 0)
    return len(json.loads(data)["metrics"])


def loop(n: int, jobs: int) -> float:
    """Run n trials, `jobs` at a time; return the seconds."""
    live: dict[int, int] = {}
    started, results = 0, 0
    start = time.perf_counter()
    while started < n or live:
        while started < n and len(live) < jobs:
            fork(started, live)
            started += 1
        results += sum(reap(read, live) for read in select.select(list(live), [], [])[0])
    if results != 5 * n:
        raise SystemExit(f"{results} metrics of {n} trials")
    return time.perf_counter() - start


if __name__ == "__main__":
    gc.collect()
    gc.freeze()
    print(json.dumps({"seconds": loop(int(sys.argv[1]), int(sys.argv[2]))}))
