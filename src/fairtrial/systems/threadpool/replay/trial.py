"""One replay from top to bottom: a pool under a workload, a policy that changes its size, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from fairtrial.contract.system import Context
from fairtrial.errors import UserError
from fairtrial.systems.threadpool.parameters import Parameters
from fairtrial.systems.threadpool.record import Adjustable, Records, Tasks
from fairtrial.systems.threadpool.replay.policy import guarded
from fairtrial.systems.threadpool.replay.replay import Replayed, replay


def run(parameters: Parameters, context: Context, tasks: Tasks) -> tuple[Records, dict[str, float | None]]:
    """Let a policy change the size of a pool while it works on these tasks.

    Returns the records of all tasks, tallied from the first measured one on, and the metrics of group `replay`; they
    count decisions from then to the last arrival. The raw table `sizes` has every decision, warm-up included.
    """
    if parameters.policy is None:
        raise UserError("mode replay needs `policy`")
    guard = guarded(parameters.policy, parameters.control, cores=parameters.machine.cores, inputs=context.inputs)
    since_s, until_s = window(tasks, parameters.warmup)
    pool = _pool(parameters, tasks)
    replayed = replay(pool, guard, parameters.control, until_s=until_s)
    pool.advance(math.inf)
    records = pool.records(since_s)
    context.table("sizes", table(replayed, records))
    for step, workers in enumerate(replayed.workers):
        context.log(step, workers=float(workers))
    return records, metrics(replayed, records)


def window(tasks: Tasks, warmup: float) -> tuple[float, float]:
    """Return from when to when is measured: due times of the first task after the warm-up's share and of the last."""
    return float(tasks.due_s[round(warmup * len(tasks))]), float(tasks.due_s[-1])


def _pool(parameters: Parameters, tasks: Tasks) -> Adjustable:
    """Make the pool at the size where the policy starts; the engine is imported where it is used."""
    assert parameters.policy is not None
    pool = parameters.pool.model_copy(update={"workers": parameters.policy.workers})
    if parameters.engine == "real":
        from fairtrial.systems.threadpool.real.native import Native

        return Native(tasks, parameters.machine, pool)
    from fairtrial.systems.threadpool.simulate.virtual import Virtual

    return Virtual(tasks, parameters.machine, pool)


def table(replayed: Replayed, records: Records) -> Mapping[str, Any]:
    """Return the table `sizes`: a row a decision, with the p95 of the tasks that ended since the decision before."""
    done = ~np.isnan(records.end_s)
    order = np.argsort(records.end_s[done], kind="stable")
    latency_s, end_s = records.latency_s[done][order], records.end_s[done][order]
    bounds = np.searchsorted(end_s, replayed.at_s, side="right")
    parts = [latency_s[low:high] for low, high in zip(np.append(0, bounds[:-1]), bounds, strict=True)]
    return {
        "at_s": replayed.at_s,
        "workers": replayed.workers,
        "changed": replayed.changed,
        "fallback": replayed.fallback,
        "ended": [len(part) for part in parts],
        "latency_p95_s": [float(np.quantile(part, 0.95)) if len(part) else None for part in parts],
    }


def metrics(replayed: Replayed, records: Records) -> dict[str, float | None]:
    """Return the metrics of group `replay`, over the window of the tally."""
    tally = records.tally
    span_s = tally.until_s - tally.since_s
    within = replayed.during(tally.since_s, tally.until_s)
    decisions = int(within.sum())
    return {
        "decisions_per_s": decisions / span_s,
        "changes_per_s": int(replayed.changed[within].sum()) / span_s,
        "workers_mean": tally.worker_s / span_s,
        "spawned": float(tally.spawned),
        "resize_s": tally.spawn_s,
        "fallback_share": float(replayed.fallback[within].mean()) if decisions else None,
    }
