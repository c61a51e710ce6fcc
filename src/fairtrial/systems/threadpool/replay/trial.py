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
from fairtrial.systems.threadpool.replay.replay import Decides, Replayed, replay
from fairtrial.systems.threadpool.words import Pool

Metrics = dict[str, float | None]


def run(parameters: Parameters, context: Context, tasks: Tasks) -> tuple[Records, Metrics]:
    """Let a policy change the size of a pool while it works on these tasks.

    Returns the records of all tasks, tallied from the first measured one on, and the metrics of group `replay`, of a
    real pool also those of group `real`. The raw table `sizes` and the series `workers` have every decision, warm-up
    included. Raises UserError where there is no policy, or nothing that it could have learned from.
    """
    if parameters.policy is None:
        raise UserError("mode replay needs `policy`")
    guard = guarded(parameters.policy, parameters.control, machine=parameters.machine, inputs=context.inputs)
    replay_in = _really if parameters.engine == "real" else _virtually
    replayed, records, found = replay_in(parameters, guard, tasks)
    context.table("sizes", table(replayed, records))
    for step, workers in enumerate(replayed.workers.tolist()):
        context.log(step, workers=float(workers))
    return records, found | metrics(replayed, records)


def _virtually(parameters: Parameters, guard: Decides, tasks: Tasks) -> tuple[Replayed, Records, Metrics]:
    from fairtrial.systems.threadpool.simulate.virtual import Virtual

    pool = Virtual(tasks, parameters.machine, _first(parameters, guard))
    return *_worked(pool, guard, parameters, tasks), {}


def _really(parameters: Parameters, guard: Decides, tasks: Tasks) -> tuple[Replayed, Records, Metrics]:
    """Replay in real time; the floor is measured first, at the size where the policy starts."""
    from fairtrial.systems.threadpool.real.crowd import Crowd
    from fairtrial.systems.threadpool.real.native import Native
    from fairtrial.systems.threadpool.real.run import floor_s

    machine, first = parameters.machine, _first(parameters, guard)
    low_s, high_s = floor_s(machine, first)
    with Native(tasks, machine, first) as pool:
        crowd = Crowd()
        replayed, records = _worked(pool, guard, parameters, tasks)
        late_s = float(np.quantile(pool.submitted_s - tasks.due_s, 0.99))
        others = crowd.others_share()
    floor: Metrics = {"floor_p50_s": low_s, "floor_p99_s": high_s}
    return replayed, records, {**floor, "lateness_p99_s": late_s, "others_share": others}


def _first(parameters: Parameters, guard: Decides) -> Pool:
    """Return the pool at the size where the policy starts."""
    return parameters.pool.model_copy(update={"workers": guard.start})


def _worked(pool: Adjustable, guard: Decides, parameters: Parameters, tasks: Tasks) -> tuple[Replayed, Records]:
    """Replay up to the last arrival, and let the pool do what is left."""
    replayed = replay(pool, guard, parameters.control, until_s=float(tasks.due_s[-1]))
    pool.advance(math.inf)
    return replayed, pool.records(float(tasks.due_s[round(parameters.warmup * len(tasks))]))


def table(replayed: Replayed, records: Records) -> Mapping[str, Any]:
    """Return the table `sizes`: a row a decision, with the p95 of the tasks that ended since the decision before."""
    done = ~np.isnan(records.end_s)
    end_s, latency_s = records.end_s[done], records.latency_s[done]
    order = np.argsort(end_s, kind="stable")
    bounds = np.searchsorted(end_s[order], replayed.at_s, side="right")
    parts = np.split(latency_s[order], bounds)[:-1]
    return {
        "at_s": replayed.at_s,
        "workers": replayed.workers,
        "changed": replayed.changed,
        "fallback": replayed.fallback,
        "ended": np.array([len(part) for part in parts], np.int64),
        "latency_p95_s": [float(np.quantile(part, 0.95)) if len(part) else None for part in parts],
    }


def metrics(replayed: Replayed, records: Records) -> Metrics:
    """Return the metrics of group `replay`, over the window of the tally; a share of no decision is undefined."""
    tally = records.tally
    span_s = tally.until_s - tally.since_s
    within = replayed.during(tally.since_s, tally.until_s)
    decisions = int(within.sum())
    return {
        "decisions_per_s": decisions / span_s,
        "changes_per_s": float(replayed.changed[within].sum()) / span_s,
        "workers_mean": tally.worker_s / span_s,
        "spawned": float(tally.spawned),
        "resize_s": tally.spawn_s,
        "fallback_share": float(replayed.fallback[within].mean()) if decisions else None,
    }
