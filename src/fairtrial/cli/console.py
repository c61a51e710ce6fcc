"""Where words go: results to stdout, progress and errors to stderr, JSON in a versioned envelope."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 240
"""Columns assumed where stdout is no terminal, so that nothing is cut that a program may read."""


def width() -> int:
    """Return how many columns stdout has."""
    return get_terminal_size().columns if sys.stdout.isatty() else WIDE


@cache
def err() -> Console:
    """Return the console of stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, emoji=False)


def say(text: str = "") -> None:
    """Print a line of a result."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """Print a line that is no result; a reader that went away ends no run."""
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def envelope(name: str, data: Any, *, truncated: bool = False, next_command: str | None = None) -> None:
    """Print data as JSON: `{schema, as_of, data, truncated, next}`; the schema's number grows when a field changes."""
    record = {
        "schema": f"fairtrial.{name}/1",
        "as_of": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": plain(data),
        "truncated": truncated,
        "next": next_command,
    }
    say(json.dumps(record, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def plain(value: Any) -> Any:
    """Turn records into JSON: dataclasses into mappings, digests into hexadecimal, NaN into null."""
    if is_dataclass(value) and not isinstance(value, type):
        shown = (item.name for item in fields(value) if not item.name.startswith("_"))
        return {name: plain(getattr(value, name)) for name in shown}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def when(at: float | None) -> str:
    """Write a time: UTC, to the second."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def span(seconds: float | None) -> str:
    """Write a duration with two significant parts: `0.42 s`, `12 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds is None or not math.isfinite(seconds):
        return "?"
    if seconds < 10:
        return f"{seconds:.2g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def size(count: float | None) -> str:
    """Write a number of bytes: `512 MiB`."""
    if count is None:
        return "?"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024 or unit == "GiB":
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.3g} {unit}"
        count /= 1024
    return ""


def number(value: float | None, digits: int = 5) -> str:
    """Write a number with so many significant digits; a missing one as a dash."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.{digits}g}"
