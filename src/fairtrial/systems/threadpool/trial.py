"""One trial: draw what arrives, let a pool do it (virtual, native, or as a formula), and measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairtrial.contract.system import Context
from fairtrial.errors import FairtrialError, Invalid, UserError
from fairtrial.systems.threadpool import measure
from fairtrial.systems.threadpool.analytic.capacity import capacity
from fairtrial.systems.threadpool.label.record import Labelled
from fairtrial.systems.threadpool.metrics import GROUPS
from fairtrial.systems.threadpool.parameters import Parameters, Training
from fairtrial.systems.threadpool.record import Records, Tasks
from fairtrial.systems.threadpool.stage import Metrics, Scene, Stage, since
from fairtrial.systems.threadpool.words import SIZES, Machine, Workload


def run(parameters: Parameters, context: Context, stage: Stage) -> Metrics:
    """Do one trial. Raises UserError for inputs that are missing or wrong."""
    if parameters.mode == "train":
        return _train(parameters, context)
    scene = stage.scene(parameters, context.inputs)
    if parameters.engine == "analytic":
        return _predict(parameters, scene)
    tasks = stage.tasks(scene.workload, parameters.tasks, context)
    found, machine = _costs(parameters, scene.machine)
    found |= _load(parameters, scene.workload, machine, tasks) | scene.features
    first = round(parameters.warmup * len(tasks))
    records, more = _worked(parameters, machine, context, tasks, stage=stage)
    found |= more
    found |= measure.work(records, first=first, cores=machine.cores)
    found |= measure.latencies(records, first) if found["stable"] else dict.fromkeys(GROUPS["latencies"])
    if parameters.records:
        context.table("tasks", _table(records))
    if parameters.engine == "real":
        _doubt(parameters, found)
    return found


def _costs(parameters: Parameters, machine: Machine) -> tuple[Metrics, Machine]:
    """Measure what waking, switching and starting threads cost here, where the machine is to have these costs."""
    if not parameters.machine.measured:
        return {}, machine
    from fairtrial.systems.threadpool.real.costs import costs

    here = costs()
    values = {"wake_us": here.wake_s * 1e6, "switch_us": here.switch_s * 1e6, "spawn_us": here.spawn_s * 1e6}
    found: Metrics = {"wake_s": here.wake_s, "switch_s": here.switch_s, "spawn_s": here.spawn_s}
    return found, machine.model_copy(update=values)


def _load(parameters: Parameters, workload: Workload, machine: Machine, tasks: Tasks) -> Metrics:
    """Say how loaded the pool is; a replayed one changes its size, and with it its load."""
    rate = workload.arrivals.rate_per_s
    if workload.arrivals.kind == "trace":
        rate = len(tasks) / float(tasks.due_s[-1])
    rho = rate / max(capacity(workload, machine, workers) for workers in _sizes(parameters))
    return {"rho": rho, "stable": float(rho < 1 or parameters.pool.queue_limit is not None)}


def _sizes(parameters: Parameters) -> tuple[int, ...]:
    """Return the sizes that the pool may have."""
    policy = parameters.policy
    if policy is None:
        return (parameters.pool.workers,)
    return (policy.workers,) if policy.kind == "fixed" else SIZES


def _worked(
    parameters: Parameters, machine: Machine, context: Context, tasks: Tasks, *, stage: Stage
) -> tuple[Records, Metrics]:
    if parameters.mode == "replay":
        from fairtrial.systems.threadpool.replay.trial import run as replayed

        records, found = replayed(parameters.model_copy(update={"machine": machine}), context, tasks)
        return records, dict(found)
    if parameters.engine == "real":
        return _really(parameters, machine, tasks)
    return stage.records(parameters, context, machine, tasks), {}


def _really(parameters: Parameters, machine: Machine, tasks: Tasks) -> tuple[Records, Metrics]:
    from fairtrial.systems.threadpool.real.crowd import Crowd
    from fairtrial.systems.threadpool.real.run import run as really

    crowd = Crowd()
    records, facts = really(tasks, machine, parameters.pool, since_s=since(parameters, tasks))
    names = ("floor_p50_s", "floor_p99_s", "lateness_p99_s")
    return records, {**{name: getattr(facts, name) for name in names}, "others_share": crowd.others_share()}


def _doubt(parameters: Parameters, found: Metrics) -> None:
    """Raise Invalid where a real pool's latencies are the harness's or the neighbours'."""
    from fairtrial.systems.threadpool.real.crowd import faults

    late, others = found["lateness_p99_s"], found["others_share"]
    if late is None or others is None:
        return
    why = faults(lateness_p99_s=late, p50_s=found["latency_p50_s"], others_share=others, limits=parameters.validity)
    if reasons := "; ".join(why):
        raise Invalid(reasons)


def _predict(parameters: Parameters, scene: Scene) -> Metrics:
    from fairtrial.systems.threadpool.analytic.predict import predict

    found, machine = _costs(parameters, scene.machine)
    return {**found, **predict(scene.workload, machine, parameters.pool, tasks=parameters.tasks), **scene.features}


def _train(parameters: Parameters, context: Context) -> Metrics:
    from fairtrial.systems.threadpool.label.table import labelled, read
    from fairtrial.systems.threadpool.reflex.training import train

    if parameters.training is None:
        raise FairtrialError("mode train has a training")
    if "labels" not in context.inputs:
        raise UserError("mode train needs labels: `inputs: {labels: {study: NAME}}`, NAME being an oracle study")
    columns = read(context.inputs["labels"].read_bytes())
    found, cores = labelled(columns), _cores(columns)
    trained = train(found, parameters.training, seed=context.seed, cores=cores)
    if trained.model is not None:
        path = context.scratch / "model.reflex"
        path.write_bytes(trained.model)
        context.file(path)
        context.table("importance", _important(found, parameters.training, seed=context.seed, cores=cores))
    context.table("choices", trained.rows)
    return dict(trained.metrics)


def _cores(columns: Mapping[str, Sequence[Any]]) -> int:
    """Return the cores of the machine that the labels are about; formulas are told, models are not."""
    known = [value for value in columns.get("cores", ()) if value is not None]
    return int(max(known)) if known else Machine().cores


def _important(found: Labelled, training: Training, *, seed: int, cores: int) -> dict[str, Any]:
    """Return the raw table `importance`: a row a feature."""
    from fairtrial.systems.threadpool.reflex.importance import importance

    every = importance(found, training.policy, held_out=training.held_out, seed=seed, cores=cores)
    return {name: [getattr(one, name) for one in every] for name in ("feature", "rise", "low", "high")}


def _table(records: Records) -> dict[str, Any]:
    """Return the raw table `tasks`: times in seconds after the start."""
    tasks = records.tasks
    return {
        "due_s": tasks.due_s,
        "cpu_s": tasks.cpu_s,
        "blocking_s": tasks.blocking_s,
        "begin_s": records.begin_s,
        "end_s": records.end_s,
        "dropped": records.dropped,
    }
