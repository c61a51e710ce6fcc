"""When requests of an open loop are due: made before the start, from the seed alone.

The count is fixed: a load of rate r over T seconds offers exactly round(r T) requests, in the warm-up and in the window
each, so that repetitions differ in when requests come and never in how many.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fairtrial.errors import SpecError, UserError
from fairtrial.systems.services.load.words import Load

STREAM = 0x5CED
"""Keeps the schedule's random numbers apart from those of the requests, which have the same seed."""


def arrivals(load: Load, seed: int) -> np.ndarray:
    """Return when each request is due: int64 nanoseconds from the begin of the load, ascending.

    Poisson arrivals are conditioned on their count: n uniform instants, sorted, are a Poisson process given n. Bursty
    ones have gamma gaps of shape b (coefficient of variation b^-1/2), rescaled so that n of them fit. Raises UserError
    for a load that offers nothing, or whose trace cannot be read.
    """
    rng = np.random.default_rng([STREAM, seed])
    if load.arrivals == "trace":
        due = _trace(Path(load.trace or ""))
        due = due[due < load.lead_s + load.duration_s]
    else:
        due = np.concatenate([_part(load, load.lead_s, rng), load.lead_s + _part(load, load.duration_s, rng)])
    if not np.any(due >= load.lead_s):
        raise UserError(
            f"the load offers no request in its window of {load.duration_s:g} s",
            hint="a higher rate, or a longer window",
        )
    return np.rint(due * 1e9).astype(np.int64)


def share(due: np.ndarray, worker: int, processes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (index in the schedule, due) of one process's share: every `processes`-th arrival. The union is all."""
    return np.arange(worker, len(due), processes, dtype=np.int64), due[worker::processes]


def _part(load: Load, span_s: float, rng: np.random.Generator) -> np.ndarray:
    count = round((load.rate_per_s or 0.0) * span_s)
    if load.arrivals == "constant":
        return np.arange(count) / (load.rate_per_s or 1.0)
    if load.arrivals == "poisson":
        return np.sort(rng.uniform(0.0, span_s, count))
    gaps = rng.gamma(load.burstiness, size=count + 1)
    return np.asarray(np.cumsum(gaps)[:-1] * (span_s / gaps.sum()))


def _trace(path: Path) -> np.ndarray:
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise UserError(f"the trace {str(path)!r} cannot be read: {problem}") from problem
    due: list[float] = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            due.append(_second(line, due[-1] if due else 0.0, file=str(path), number=number))
    return np.array(due, float)


def _second(line: str, before: float, *, file: str, number: int) -> float:
    try:
        value = float(line)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise SpecError(f"{line.strip()!r} is not a time in seconds", file=file, line=number)
    if value < before:
        raise SpecError(f"{value:g} s comes before {before:g} s: a trace does not go back", file=file, line=number)
    return value
