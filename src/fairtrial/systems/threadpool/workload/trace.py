"""Arrival times from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fairtrial.errors import UserError
from fairtrial.stats.summary import Floats


def trace(path: str, count: int) -> Floats:
    """Return the first `count` arrival times of a file with one time in seconds a line, shape (count,).

    Raises UserError for a file that cannot be read, holds too few, or holds what is no time, goes back or stands still.
    """
    times = _read(path)
    if len(times) < count:
        what = f"{path} holds {len(times)} arrival times, and {count} tasks are asked for"
        raise UserError(what, hint=f"set `tasks` to {len(times)} or less")
    times = times[:count]
    bad = ~(np.isfinite(times) & (times >= 0))
    if bad.any():
        raise UserError(f"{_place(path, bad)}: not a time in seconds after the start", hint="finite, not negative")
    falls = np.diff(times, prepend=0.0) < 0
    if falls.any():
        raise UserError(f"{_place(path, falls)}: earlier than the line before it", hint="sort the times")
    if times[0] == times[-1]:
        raise UserError(f"{path}: the first {count} tasks arrive at one instant, {times[0]:g} s: no time passes")
    return np.ascontiguousarray(times)


def _read(path: str) -> Floats:
    try:
        lines = Path(path).read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not a text file"
        raise UserError(f"trace {path}: {why}", hint="a file with one arrival time in seconds a line") from None
    try:
        return np.array(lines, dtype=np.float64) if lines else np.empty(0)
    except ValueError:
        number, text = next((i, line) for i, line in enumerate(lines, 1) if not _number(line))
        raise UserError(f"{path}:{number}: {text[:40]!r} is not a time in seconds") from None


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _place(path: str, wrong: np.ndarray) -> str:
    """Name the first line that is wrong."""
    return f"{path}:{int(np.argmax(wrong)) + 1}"
