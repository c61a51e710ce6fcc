"""A load test as planted data: trials with metrics, and raw tables whose truth is known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from fairtrial.errors import UnknownName
from fairtrial.model.run import Measurements
from fairtrial.systems.services.facts import rows

CORES = 2


def measurements(**given: Any) -> Measurements:
    """Make the settled trials of a run from `factors` and `metrics` (name -> a value a trial); all done unless said."""
    factors, metrics = given.get("factors", {}), given.get("metrics", {})
    size = given["size"] if "size" in given else len(next(iter({**factors, **metrics}.values())))
    return Measurements(
        run=7,
        number=list(range(1, size + 1)),
        variant=given.get("variant", [""] * size),
        replicate=given.get("replicate", [0] * size),
        seed=[0] * size,
        status=given.get("status", ["done"] * size),
        failure=given.get("failure", [""] * size),
        factors=factors,
        metrics=metrics,
    )


def requests(
    trial: int, rng: np.random.Generator, *, mean_s: float, size: int = 4000, wait_s: float = 0.0
) -> pl.DataFrame:
    """Draw exponential service times; every 50th request failed, a tenth belongs to the warm-up."""
    due = np.sort(rng.uniform(0, 4e9, size)).astype(np.int64) + 1
    sent = due + int(wait_s * 1e9)
    done = sent + (rng.exponential(mean_s, size) * 1e9).astype(np.int64)
    failed = np.arange(size) % 50 == 0
    return pl.DataFrame(
        {
            "trial": [trial] * size,
            "t_sched_ns": due,
            "t_send_ns": sent,
            "t_done_ns": done,
            "outcome": np.where(failed, "error", "ok"),
            "error": ["sql_40001" if each else None for each in failed],
            "phase": ["warmup" if n < size // 10 else "steady" for n in range(size)],
        }
    )


def sampled(trial: int, *, server: float, client: float = 0.3, waiting_lock: float = 0.0) -> pl.DataFrame:
    """Sample server and client ten times a second; before 1 s, in the warm-up, both did nothing."""
    times = [n / 10 for n in range(50)]
    frames = []
    for role, cores in (("server", server), ("client", client)):
        used = [cores if time >= 1 else 0.0 for time in times]
        frames.append(
            pl.DataFrame(
                {
                    "trial": [trial] * 50, "t_s": times, "role": [role] * 50, "cpu_cores": used,
                    "rss_bytes": [2**20 * (100 + n) for n in range(50)],
                    "read_bytes": [2**20 * n for n in range(50)], "write_bytes": [0] * 50,
                    "waiting_lock": [waiting_lock if role == "server" else None] * 50,
                },
                schema_overrides={"waiting_lock": pl.Float64},
            )
        )  # fmt: skip
    return pl.concat(frames)


def fact_rows(trial: int, **about: Any) -> pl.DataFrame:
    """Make the facts of a trial; dots in names are written as two underscores."""
    nested: dict[str, Any] = {}
    for name, value in about.items():
        topic, _, rest = name.partition("__")
        nested.setdefault(topic, {})[rest] = value
    return pl.DataFrame([{"trial": trial, **row} for row in rows(nested, cautions=["loop lag 3 ms"])])


def tables(**frames: pl.DataFrame) -> Any:
    """Answer for raw tables as a run does."""

    def table(name: str, *, columns: Any = None, trials: Any = None) -> pl.DataFrame:
        if name not in frames:
            raise UnknownName("table", name, frames)
        found = frames[name] if trials is None else frames[name].filter(pl.col("trial").is_in(list(trials)))
        if not len(found):
            raise UnknownName("table", name, frames)
        asked.append((name, columns, trials))
        return found if columns is None else found.select("trial", *columns)

    asked: list[Any] = []
    table.asked = asked  # type: ignore[attr-defined]
    return table


def closed(clients: tuple[int, ...] = (1, 2, 4, 8), repetitions: int = 3) -> tuple[Measurements, Any]:
    """Plant a closed loop on a server that saturates at 4 clients: its CPU is then used up."""
    rng = np.random.default_rng(0)
    cells = [(level, k) for k in range(repetitions) for level in clients]
    rate = [min(level, 4) * 100 * (1 + 0.01 * rng.standard_normal()) for level, _ in cells]
    mean_s = [level / x for (level, _), x in zip(cells, rate, strict=True)]
    metrics: Mapping[str, list[float]] = {
        "throughput_per_s": rate,
        "goodput_per_s": [0.9 * x for x in rate],
        "offered_per_s": rate,
        "attainment": [0.99 - 0.02 * level for level, _ in cells],
        "success_rate": [0.98] * len(cells),
        "in_flight_mean": [float(level) for level, _ in cells],
        "warmup_s": [1.0] * len(cells),
        "achieved": [1.0] * len(cells),
        "generator_cpu_share": [0.3] * len(cells),
        "steal_share": [0.0] * len(cells),
        "stable": [1.0] * len(cells),
        "lateness_p99_s": [1e-5] * len(cells),
        "latency_p50_s": [s * math.log(2) for s in mean_s],
        "latency_p90_s": [s * math.log(10) for s in mean_s],
        "latency_p95_s": [s * math.log(20) for s in mean_s],
        "latency_p99_s": [s * math.log(100) for s in mean_s],
        "service_p50_s": [s * math.log(2) for s in mean_s],
        "service_p99_s": [s * math.log(100) for s in mean_s],
    }
    factors = {"load.clients": [level for level, _ in cells]}
    made = measurements(factors=factors, metrics=metrics, replicate=[k for _, k in cells])
    about = dict(enumerate(zip(cells, mean_s, strict=True), 1))
    raw = tables(
        requests=pl.concat(requests(trial, rng, mean_s=mean) for trial, (_, mean) in about.items()),
        samples=pl.concat(
            sampled(trial, server=min(level, 4) * 0.48, waiting_lock=0.2) for trial, ((level, _), _) in about.items()
        ),
        facts=pl.concat(
            fact_rows(t, host__cpus=CORES, host__shared_cores=CORES, host__governor="performance", host__load_1m=t / 10)
            for t in about
        ),
    )
    return made, raw


@pytest.fixture(scope="session")
def planted() -> SimpleNamespace:
    """The makers of planted data."""
    makers = (measurements, requests, sampled, fact_rows, tables, closed)
    return SimpleNamespace(**{maker.__name__: maker for maker in makers})
