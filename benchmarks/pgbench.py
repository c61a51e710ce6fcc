"""The load on PostgreSQL beside pgbench and beside a bare asyncpg loop, on the same server in one run.

Closed loop: prepared selects by key, transactions a second and the client's CPU per query. Open loop: at 5,000/s and at
a quarter of pgbench's maximum, p50 and p99 from the due time. Clients run on one CPU, alternating round by round; the
server has all CPUs in the closed loop. In the open loop it is measured with all of them and with the others only: where
it shares the clients' CPU, its processes wait for theirs, and the tails say how long.

Usage: python benchmarks/pgbench.py [--quick] [--passes N]
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import psutil
from measure import bench, options, spread, table

from fairtrial.contract.resource import resource
from fairtrial.systems.services.load import crew
from fairtrial.systems.services.load.words import Load, Validity
from fairtrial.systems.services.targets.known import adapter

SCALE = 10
ROUNDS = 7
SELECT = "SELECT abalance FROM fairtrial.pgbench_accounts WHERE aid = $1"
TARGET = {"kind": "postgres", "scale": SCALE}
WITHIN, WITHIN_S = 0.10, 50e-6


def pgbench(handle: Mapping[str, Any], clients: int, seconds: float, folder: Path, rate: float = 0) -> dict[str, Any]:
    """Run pgbench -S on our tables; with a rate, latencies from the due time in its log, the first second dropped.

    With a rate it runs ahead of ordinary processes where it may, as our generators do: both see the same server.
    """
    path = Path(handle["binaries"]) / "pgbench"
    more = ["-R", f"{rate:.0f}", "-l", "--log-prefix", str(folder / "log")] if rate else []
    argv = [str(path), "-S", "-M", "prepared", "-n", "-c", str(clients), "-j", "1", "-T", str(round(seconds)), *more]
    env = os.environ | {"PGOPTIONS": "-c search_path=fairtrial"}
    before = os.times()
    done = subprocess.run(
        [*argv, handle["dsn"]], env=env, capture_output=True, text=True, check=True, preexec_fn=_first if rate else None
    )
    after = os.times()
    count = int(re.search(r"actually processed: (\d+)", done.stdout)[1])
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    found = {"rate": float(re.search(r"tps = ([\d.]+)", done.stdout)[1]), "cpu_us": 1e6 * cpu_s / count}
    return found | (_logged(folder) if rate else {})


def _first() -> None:
    with suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def _logged(folder: Path) -> dict[str, float]:
    rows = np.loadtxt(sorted(folder.glob("log.*"))[0], ndmin=2)
    ends = rows[:, 4] + rows[:, 5] * 1e-6
    kept = rows[ends > ends.min() + 1.0, 2] * 1e-6
    return {"p50": float(np.quantile(kept, 0.5)), "p99": float(np.quantile(kept, 0.99))}


def ours(handle: Mapping[str, Any], folder: Path, **load: Any) -> dict[str, Any]:
    """Put the services system's load on it."""
    given = Load(warmup_s=1.0, **load)
    records, host = crew.run(TARGET, handle, given, seed=1, folder=folder)
    steady = records.take(records.t_sched_ns >= records.begin_ns + 1e9)
    rate = len(steady) / given.duration_s
    return {
        "rate": rate,
        "cpu_us": 1e6 * host.cpu_share / rate,
        "p50": float(np.nanquantile(steady.response_s, 0.5)),
        "p99": float(np.nanquantile(steady.response_s, 0.99)),
        "late": float(np.nanquantile(steady.lateness_s, 0.99)),
        "share": host.cpu_share,
    }


def bare(dsn: str, clients: int, seconds: float) -> dict[str, float]:
    """Run in a process of its own: what asyncpg and uvloop cost with nothing around them."""
    import uvloop

    async def main() -> dict[str, float]:
        connections = [await asyncpg.connect(dsn) for _ in range(clients)]
        counts = [0] * clients
        end = time.perf_counter() + seconds

        async def client(number: int) -> None:
            statement, draw = await connections[number].prepare(SELECT), random.Random(number).randint
            while time.perf_counter() < end:
                await statement.fetchval(draw(1, SCALE * 100_000))
                counts[number] += 1

        cpu, start = time.process_time(), time.perf_counter()
        await asyncio.gather(*map(client, range(clients)))
        total = sum(counts)
        return {"rate": total / (time.perf_counter() - start), "cpu_us": 1e6 * (time.process_time() - cpu) / total}

    return uvloop.run(main())


def bare_apart(dsn: str, clients: int, seconds: float) -> dict[str, float]:
    """Run `bare` in a process of its own."""
    argv = [sys.executable, __file__, "--bare", dsn, str(clients), str(seconds)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return {name: float(value) for name, value in (word.split("=") for word in done.stdout.split())}


def closed(handle: Mapping[str, Any], seconds: float, rounds: int) -> float:
    """Compare closed loops; return the most that pgbench managed."""
    rows, most = [], 0.0
    for clients in (1, 4, 8):
        found: dict[str, list[dict[str, Any]]] = {"pgbench": [], "ours": [], "bare asyncpg": []}
        for number in range(rounds):
            for name in sorted(found, reverse=bool(number % 2)):
                with tempfile.TemporaryDirectory() as folder:
                    found[name].append(_one(name, handle, clients, seconds, Path(folder)))
        most = max(most, *(each["rate"] for each in found["pgbench"]))
        for name, samples in found.items():
            to_pgbench = _ratios(samples, found["pgbench"], "rate")
            to_bare = _ratios(samples, found["bare asyncpg"], "cpu_us")
            rate, cpu = (statistics.median(each[key] for each in samples) for key in ("rate", "cpu_us"))
            rows.append([f"{clients}", name, f"{rate:,.0f}", spread(to_pgbench), f"{cpu:.1f}", spread(to_bare)])
    table(["clients", "what", "per s", "/ pgbench", "CPU us/query", "CPU / bare asyncpg"], rows)
    return most


def _one(name: str, handle: Mapping[str, Any], clients: int, seconds: float, folder: Path) -> dict[str, Any]:
    if name == "pgbench":
        return pgbench(handle, clients, seconds, folder)
    if name == "ours":
        return ours(handle, folder, clients=clients, duration_s=seconds)
    return bare_apart(handle["dsn"], clients, seconds)


def _ratios(above: list[dict[str, Any]], below: list[dict[str, Any]], key: str) -> list[float]:
    return [one[key] / other[key] for one, other in zip(above, below, strict=True)]


def opened(handle: Mapping[str, Any], rates: list[float], seconds: float, rounds: int) -> None:
    """Compare open loops: percentiles from the due time."""
    rows, limit = [], Validity().generator_cpu
    for rate in rates:
        peer, mine = [], []
        for number in range(rounds):
            for which in (0, 1) if number % 2 else (1, 0):
                with tempfile.TemporaryDirectory() as name:
                    folder = Path(name)
                    if which:
                        peer.append(pgbench(handle, 8, seconds + 1, folder, rate=rate))
                    else:
                        load = {"mode": "open", "rate_per_s": rate, "connections": 8, "duration_s": seconds}
                        mine.append(ours(handle, folder, **load))
        said = {key: _agreement([one[key] for one in mine], [one[key] for one in peer]) for key in ("p50", "p99")}
        rows += [[f"{rate:,.0f}/s", key, *cells] for key, cells in said.items()]
        late = statistics.median(each["late"] for each in mine)
        rows.append([f"{rate:,.0f}/s", "lateness p99", f"{late * 1e6:.0f}", "–", "–", "–", ""])
        share = statistics.median(each["share"] for each in mine)
        verdict = f"INVALID (limit {limit:.0%})" if share > limit else "valid"
        rows.append([f"{rate:,.0f}/s", "generator's CPU", f"{share:.0%} of a core", "–", "–", "–", verdict])
    table(["rate", "", "ours us", "pgbench us", "difference us", "pgbench's range us", "agrees"], rows)


def _agreement(mine: list[float], peer: list[float]) -> list[str]:
    """Say medians, their difference, and whether it is within 10 %, 50 us or the peer's own range."""
    one, other, wide = statistics.median(mine), statistics.median(peer), max(peer) - min(peer)
    agrees = abs(one - other) <= max(WITHIN * other, WITHIN_S, wide)
    return [f"{value * 1e6:.0f}" for value in (one, other, one - other, wide)] + ["yes" if agrees else "NO"]


def confine(server: int, cpus: set[int]) -> None:
    """Keep a server's processes, and those that it starts from now on, on these CPUs; nothing where there are none."""
    for process in [psutil.Process(server), *psutil.Process(server).children(recursive=True)] if cpus else []:
        process.cpu_affinity(list(cpus))


def main() -> None:
    """Start a server, load the tables, compare."""
    if sys.argv[1:2] == ["--bare"]:
        found = bare(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
        print(*(f"{name}={value}" for name, value in found.items()))
        return
    chosen = options(__doc__ or "")
    rounds = 1 if chosen.quick else ROUNDS
    seconds = 2.0 if chosen.quick else 4.0
    server = resource("postgres")
    with bench("PostgreSQL: our load beside pgbench"), tempfile.TemporaryDirectory() as folder:
        os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))
        handle = server.start({"settings": {"shared_buffers": "512MB"}}, Path(folder))
        try:
            asyncio.run(adapter(TARGET).prepare(handle, 0))
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # clients share one CPU; the server has all
            most = closed(handle, seconds, rounds)
            print("\nOpen loop, the server on all CPUs:")
            opened(handle, [5_000.0, most / 4], seconds, rounds)
            confine(handle["pids"][0], set(range(os.cpu_count() or 1)) - os.sched_getaffinity(0))
            with tempfile.TemporaryDirectory() as name:
                apart = max(pgbench(handle, clients, seconds, Path(name))["rate"] for clients in (4, 8))
            print(f"\nOpen loop, the server on the other CPUs (pgbench's maximum there: {apart:,.0f}/s):")
            opened(handle, [5_000.0, apart / 4], seconds, rounds)
        finally:
            server.stop(handle)


if __name__ == "__main__":
    main()
