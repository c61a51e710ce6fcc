"""What the benchmarks share: measured processes, alternated passes, medians, the machine's facts, tables."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

HERE = Path(__file__).resolve().parent
LIMIT_S = 900


@dataclass(frozen=True)
class Sample:
    """One measured process: what it printed as JSON on its last line, and the CPU time of it and all it waited for."""

    cpu_s: float
    said: Mapping[str, float | str] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class Case:
    """Something to measure: a program that prints `{"seconds": …}` for `n` trials and is given an empty folder."""

    name: str
    n: int
    argv: Sequence[str]
    note: str = ""


def options(what: str, *, peers: bool = False) -> argparse.Namespace:
    """Read the command line that benchmarks share."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--quick", action="store_true", help="small sizes and one pass: shows that it works, no more")
    parser.add_argument("--passes", type=int, help="passes over all cases (default: 5, or 1 when quick)")
    parser.add_argument("--jobs", type=int, default=2)
    if peers:
        parser.add_argument("--peers", default="all", help="comma-separated names, `all` or `none`")
    chosen = parser.parse_args()
    chosen.passes = chosen.passes or (1 if chosen.quick else 5)
    return chosen


def alternate(cases: Sequence[Case], passes: int) -> dict[str, list[Sample]]:
    """Run every case once a pass, the order turned round each pass, so that drift hits all alike."""
    samples: dict[str, list[Sample]] = {case.name: [] for case in cases}
    for number in range(passes):
        for case in cases if number % 2 == 0 else reversed(cases):
            samples[case.name].append(process(case.argv))
    return samples


def process(argv: Sequence[str]) -> Sample:
    """Run a program that prints JSON in an empty folder of its own; what goes wrong is said, never raised."""
    folder = tempfile.mkdtemp(prefix="fairtrial-bench-")
    try:
        return timed(argv, folder, says=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def timed(argv: Sequence[str], folder: str, *, says: bool = False) -> Sample:
    """Run a program and measure its CPU time; with `says`, the last line that it prints has to be JSON."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = subprocess.Popen(argv, cwd=folder, stdout=out, stderr=err, start_new_session=True)
        late = threading.Timer(LIMIT_S, os.killpg, (started.pid, signal.SIGKILL))
        late.start()
        _, status, usage = os.wait4(started.pid, 0)
        late.cancel()
        started.returncode = os.waitstatus_to_exitcode(status)
        cpu_s = usage.ru_utime + usage.ru_stime
        said, complaint = (_lines_of(file) for file in (out, err))
    if started.returncode:
        return Sample(cpu_s, error=[f"exit code {started.returncode}", *said, *complaint][-1])
    return Sample(cpu_s, json.loads(said[-1]) if says else {})


def _lines_of(file: IO[bytes]) -> list[str]:
    file.seek(0)
    return [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]


def median(samples: Sequence[Sample], value: Callable[[Sample], float]) -> float | None:
    """Return the median over the samples that worked; None where none did."""
    numbers = [value(sample) for sample in samples if not sample.error]
    return statistics.median(numbers) if numbers else None


def rate(n: int) -> Callable[[Sample], float]:
    """Return what gives a sample's trials a second."""
    return lambda sample: n / float(sample.said["seconds"])


def ratios(above: Sequence[Sample], below: Sequence[Sample], value: Callable[[Sample], float]) -> list[float]:
    """Return the ratio of two cases pass by pass, where both worked."""
    pairs = zip(above, below, strict=True)
    return [value(one) / value(other) for one, other in pairs if not (one.error or other.error)]


def spread(numbers: Sequence[float]) -> str:
    """Say median and range."""
    if not numbers:
        return "–"
    return f"{statistics.median(numbers):.2f} ({min(numbers):.2f} to {max(numbers):.2f})"


def shown(value: float | None, form: str = ",.0f") -> str:
    """Format a number that may be missing."""
    return "–" if value is None else format(value, form)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: first column left, the others as wide as they need."""
    widths = [max(len(row[at]) for row in [heads, *rows]) for at in range(len(heads))]
    for row in [heads, ["-" * width for width in widths], *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@contextmanager
def bench(title: str) -> Iterator[None]:
    """Print a title and the machine's facts before, and how busy everybody else was after."""
    print(f"\n== {title}\n{facts()}\n", flush=True)
    before, own, start = _busy(), _own(), time.perf_counter()
    yield
    elapsed = time.perf_counter() - start
    others = max(0.0, (_busy() - before - (_own() - own)) / elapsed)
    verdict = "" if others < 0.3 else ": noisy, ratios of one pass hold better than rates"
    print(f"\n{elapsed:.0f} s; other processes used {others:.2f} cores meanwhile{verdict}", flush=True)


def facts() -> str:
    """Say where this was measured."""
    model = next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{model or platform.processor()}, {os.cpu_count()} CPUs, {memory:.0f} GiB, {platform.platform()}\n"
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"{tempfile.gettempdir()} on {_file_system(tempfile.gettempdir())}, load {os.getloadavg()[0]:.2f}"
    )


def _file_system(folder: str) -> str:
    mounts = [line.split()[1:3] for line in _lines("/proc/mounts")]
    holding = [(len(point), kind) for point, kind in mounts if Path(folder).is_relative_to(point)]
    return max(holding)[1] if holding else "an unknown file system"


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def _busy() -> float:
    """CPU seconds that the machine was not idle."""
    line = next(iter(_lines("/proc/stat")), "cpu 0 0 0 0 0").split()[1:9]
    ticks = [int(part) for part in line]
    return (sum(ticks) - sum(ticks[3:5])) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    return sum(os.times()[:4])


def python(script: str, *arguments: object) -> list[str]:
    """Return the command that runs a script of this folder with this interpreter."""
    return [sys.executable, str(HERE / script), *map(str, arguments)]
