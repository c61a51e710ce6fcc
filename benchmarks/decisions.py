"""What a learned policy's decision takes, compiled: range check, normalising, trees or units, the choice of a size.

Usage: python benchmarks/decisions.py [--quick] [--passes N]
"""

from __future__ import annotations

import statistics

import numpy as np
from measure import bench, options, table

from fairtrial.systems.threadpool.label.record import Labelled
from fairtrial.systems.threadpool.parameters import LEARNT, Telemetry
from fairtrial.systems.threadpool.reflex.container import dump
from fairtrial.systems.threadpool.reflex.learn import fit
from fairtrial.systems.threadpool.reflex.model import decisions_per_s
from fairtrial.systems.threadpool.simulate.run import run
from fairtrial.systems.threadpool.telemetry.rows import row
from fairtrial.systems.threadpool.words import SIZES, Machine, Pool
from fairtrial.systems.threadpool.workload.draw import draw

TASKS, REPLICATES = 1000, 3


def main() -> None:
    """Print the table."""
    chosen = options(__doc__ or "")
    count = 60 if chosen.quick else 600
    with bench(f"decisions of policies learned from {count:,} simulated rows of telemetry"):
        labels = learned_from(count)
        rows = []
        for kind in LEARNT:
            reflex = fit(kind, labels, seed=0)
            inside = labels.features[reflex.inside(labels.features)]
            taken_us = [1e6 / decisions_per_s(reflex, inside) for _ in range(chosen.passes)]
            arrays = reflex.arrays
            size = f"{len(arrays.root)} trees, {len(arrays.feature):,} nodes, {len(arrays.bias)} units"
            rows.append(
                [kind, f"{statistics.median(taken_us):.3f}", f"{max(taken_us):.3f}", size, f"{len(dump(reflex)):,}"]
            )
        table(["policy", "CPU us a decision", "slowest pass", "", "bytes"], rows)
    print("asked for: below 1 us each")


def learned_from(count: int) -> Labelled:
    """Simulate every size on rows of telemetry."""
    features, families = np.empty((count, 10)), np.empty(count, np.int64)
    p95_s = np.empty((count, len(SIZES), REPLICATES))
    for number in range(count):
        seen = row(Telemetry(row=number), None)
        features[number], families[number] = seen.features, seen.family
        for replicate in range(REPLICATES):
            p95_s[number, :, replicate] = sizes_p95_s(seen, number, replicate)
    return Labelled(np.arange(count), features, families, SIZES, p95_s, np.ones(p95_s.shape[:2], np.bool_))


def sizes_p95_s(seen, number: int, replicate: int) -> list[float]:
    """Return the p95 of every size on the same tasks."""
    names = ("arrivals", "cpu", "blocking")
    streams = {name: np.random.default_rng([number, replicate, at]) for at, name in enumerate(names)}
    tasks, machine = draw(seen.workload, TASKS, streams.__getitem__), Machine(cores=seen.cores)
    return [float(np.percentile(run(tasks, machine, Pool(workers=n)).latency_s, 95)) for n in SIZES]


if __name__ == "__main__":
    main()
