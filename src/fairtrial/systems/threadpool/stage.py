"""What trials of one process share: the workload behind a row, the tasks that arrive, and a batch of simulations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairtrial.contract.system import Context
from fairtrial.errors import UserError
from fairtrial.systems.threadpool.parameters import Parameters
from fairtrial.systems.threadpool.record import Records, Tasks
from fairtrial.systems.threadpool.telemetry.schema import NAMES
from fairtrial.systems.threadpool.words import Machine, Workload
from fairtrial.systems.threadpool.workload.draw import draw

Metrics = dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Scene:
    """What a trial is about, all its sources resolved."""

    workload: Workload
    machine: Machine
    features: Metrics
    """Of the row of telemetry; empty without one."""


class Stage:
    """Scenes and tasks of the trials of one process: those of the last one are kept, since neighbours share them."""

    def __init__(self) -> None:
        self._scene: tuple[Any, Scene] | None = None
        self._tasks: tuple[Any, Tasks] | None = None
        self._ahead: dict[int, Records] = {}

    def simulate(self, parameters: Sequence[Parameters], contexts: Sequence[Context]) -> None:
        """Simulate those of these trials that ask for a GPU, all at once. Raises MissingPart where there is none."""
        asked = [number for number, one in enumerate(parameters) if one.gpu]
        if not asked:
            return
        from fairtrial.systems.threadpool.simulate import batched

        jobs = []
        for number in asked:
            one, context = parameters[number], contexts[number]
            scene = self.scene(one, context.inputs)
            tasks = self.tasks(scene.workload, one.tasks, context)
            jobs.append(batched.Job(tasks, scene.machine, one.pool, since(one, tasks)))
        found = batched.run(jobs, gpu=True)
        self._ahead = {id(contexts[number]): records for number, records in zip(asked, found, strict=True)}

    def records(self, parameters: Parameters, context: Context, machine: Machine, tasks: Tasks) -> Records:
        """Return what a simulated pool makes of these tasks."""
        if (made := self._ahead.pop(id(context), None)) is not None:
            return made
        from fairtrial.systems.threadpool.simulate.run import run

        return run(tasks, machine, parameters.pool, since_s=since(parameters, tasks))

    def scene(self, parameters: Parameters, inputs: Mapping[str, Path]) -> Scene:
        """Return the workload and the machine of these parameters."""
        key = (parameters.telemetry, parameters.workload, parameters.machine)
        if self._scene is None or self._scene[0] != key:
            self._scene = (key, _scene(parameters, inputs))
        return self._scene[1]

    def tasks(self, workload: Workload, count: int, context: Context) -> Tasks:
        """Return what arrives: the same for every pool with this workload and seed."""
        key = (workload, count, context.seed)
        if self._tasks is None or self._tasks[0] != key:
            self._tasks = (key, draw(workload, count, context.rng))
        return self._tasks[1]


def since(parameters: Parameters, tasks: Tasks) -> float:
    """Return when the first task that is measured arrives, in seconds."""
    return float(tasks.due_s[round(parameters.warmup * len(tasks))])


def _scene(parameters: Parameters, inputs: Mapping[str, Path]) -> Scene:
    if parameters.telemetry is None:
        return Scene(parameters.load, parameters.machine, {})
    from fairtrial.systems.threadpool.telemetry.rows import row

    if parameters.telemetry.source == "input" and "telemetry" not in inputs:
        raise UserError("telemetry.source: input needs `inputs: {telemetry: {file: PATH.csv}}`")
    found = row(parameters.telemetry, inputs.get("telemetry"))
    machine = parameters.machine.model_copy(update={"cores": found.cores})
    features = {name: float(value) for name, value in zip(NAMES, found.features, strict=True)}
    seen = {name: value if math.isfinite(value) else None for name, value in features.items()}
    return Scene(found.workload, machine, {**seen, "family": float(found.family), "cores": float(found.cores)})
