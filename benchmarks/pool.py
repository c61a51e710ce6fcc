"""The usual home-made harness: a ProcessPoolExecutor that commits each result to SQLite.

Usage: pool.py N JOBS LEVEL

LEVEL is SQLite's synchronous level (NORMAL or FULL), with a write-ahead log.
"""

from __future__ import annotations

import json
import multiprocessing
import sqlite3
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from noop import measure


def trial(a: int) -> tuple[dict[str, object], dict[str, float]]:
    """Measure one trial; return its parameters and metrics."""
    parameters = {"a": a, "b": 1.5, "c": "x", "d": 2, "e": 0.1}
    return parameters, measure(**parameters)


def database(level: str) -> sqlite3.Connection:
    """Open an empty database that commits each statement."""
    made = sqlite3.connect("results.db", isolation_level=None)
    made.execute("PRAGMA journal_mode = WAL")
    made.execute(f"PRAGMA synchronous = {level}")
    made.execute("CREATE TABLE result (trial INTEGER PRIMARY KEY, parameters TEXT, metrics TEXT)")
    return made


def main() -> None:
    """Start the workers, then time the trials until the last is committed."""
    n, jobs, level = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    store = database(level)
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("fork")) as pool:
        list(pool.map(trial, range(2 * jobs)))
        start = time.perf_counter()
        for parameters, metrics in pool.map(trial, range(n)):
            row = (parameters["a"], json.dumps(parameters), json.dumps(metrics))
            store.execute("INSERT INTO result VALUES (?, ?, ?)", row)
        seconds = time.perf_counter() - start
    (stored,) = store.execute("SELECT count(*) FROM result").fetchone()
    if stored != n:
        raise SystemExit(f"{stored} of {n} results stored")
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
