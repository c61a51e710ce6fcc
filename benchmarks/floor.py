"""The harness's own floor: what its closed and open loops measure where the answer is instant.

Usage: python benchmarks/floor.py [--quick] [--passes N]
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measure import bench, options, table

from fairtrial.systems.services.load.crew import run
from fairtrial.systems.services.load.words import Load

CLOSED, OPEN = (1, 8, 64), (100, 1000, 5000)


@dataclass(frozen=True)
class Floor:
    """What one load measured, in microseconds and shares."""

    response_p50: float
    response_p99: float
    lateness_p50: float
    lateness_p99: float
    rate: float
    cpu_share: float
    lag_p99: float


def main() -> None:
    """Print the table."""
    chosen = options(__doc__ or "")
    seconds = 0.5 if chosen.quick else 3.0
    loads = {f"closed, {n} clients": Load(clients=n, duration_s=seconds, warmup_s=0.2) for n in CLOSED}
    loads |= {
        f"open, {rate:,}/s": Load(mode="open", rate_per_s=rate, duration_s=seconds, warmup_s=0.2) for rate in OPEN
    }
    found: dict[str, list[Floor]] = {name: [] for name in loads}
    with bench("the floor: an instant answer inside the generator"):
        for number in range(chosen.passes):
            for name in loads if number % 2 == 0 else reversed(loads):
                found[name].append(floor(loads[name]))
        heads = ["", "response p50 us", "p99 us", "lateness p50 us", "p99 us", "requests/s", "CPU", "loop lag p99 us"]
        table(heads, [row(name, several) for name, several in found.items()])
    print("asked for: response p99 below 1,000 us; a service below three times its floor is INVALID")


def floor(load: Load) -> Floor:
    """Put a load on nothing."""
    with tempfile.TemporaryDirectory() as folder:
        records, host = run({"kind": "null"}, {}, load, seed=1, folder=Path(folder))
    window = records.take(records.t_sched_ns >= records.begin_ns + round(load.lead_s * 1e9))
    response = np.percentile(window.response_s, [50, 99]) * 1e6
    lateness = np.percentile(window.lateness_s, [50, 99]) * 1e6
    return Floor(*response, *lateness, len(window) / load.duration_s, host.cpu_share, host.loop_lag_p99_s * 1e6)


def row(name: str, several: Sequence[Floor]) -> list[str]:
    """Make a row: medians over the passes."""

    def middle(word: str) -> float:
        return statistics.median(getattr(one, word) for one in several)

    times = [f"{middle(word):,.1f}" for word in ("response_p50", "response_p99", "lateness_p50", "lateness_p99")]
    return [name, *times, f"{middle('rate'):,.0f}", f"{middle('cpu_share'):.0%}", f"{middle('lag_p99'):,.0f}"]


if __name__ == "__main__":
    main()
