"""Where engine `inline` works: the same worker on the same jobs, in this process; commands as children of it."""

# ruff: noqa: PTH100
# (no pathlib in what the parent of trials loads: every fork would copy its pages)

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from fairtrial.contract.engine import Ended, EngineSettings, Started
from fairtrial.contract.system import System, Target
from fairtrial.execute.machine.limits import resident_bytes
from fairtrial.execute.machine.process import started
from fairtrial.execute.program import Program, Stopping
from fairtrial.execute.tree.desk import as_job
from fairtrial.execute.tree.ending import Exit, blamed, ended, failed
from fairtrial.execute.tree.keeper import DYING_S, refusal
from fairtrial.execute.tree.keepers import REFUSALS
from fairtrial.execute.tree.running import StepFile
from fairtrial.execute.trial import worker
from fairtrial.execute.trial.child import program_environment
from fairtrial.execute.trial.context import TrialContext, normal_metrics, scratch_path
from fairtrial.execute.trial.seeding import Seeds
from fairtrial.execute.trial.shared import Shared
from fairtrial.execute.trial.slots import Slot, drop, prune
from fairtrial.execute.trial.target import PLUGIN
from fairtrial.model.outcome import Captured, FailureClass
from fairtrial.model.trial import Task


class Bench:
    """Runs tasks one after the other."""

    def __init__(self, system: System, target: Target, settings: EngineSettings) -> None:
        self._system, self._target = system, target
        self._root = str(settings.scratch.resolve())
        self._path = list(sys.path)
        self._slot: Slot | None = None
        self._shared = Shared(lambda: worker.sharer(self._runner(), system), f"{self._root}/shared")
        if target.folder:
            worker.set_import_path(os.path.abspath(target.folder))

    def started(self, task: Task) -> Started:
        """Say that a task starts: here."""
        return Started(task.id, os.getpid(), started(os.getpid()))

    def run(self, task: Task, channel: Stopping) -> Ended:
        """Run a task to its end. Raises UserError or MissingPart where the first set-up of all says what to do."""
        try:
            handle = self._shared.handle(task.share, task.members[0].parameters) if task.share else None
        except Exception as problem:
            said, code = refusal(problem)
            if code in REFUSALS and not self._shared.served:
                raise
            message = f"set-up of the shared resource failed: {said}"
            return ended(task, None, Exit(why="infra", message=message), program=False)
        return self._examined(task, self._run(task, handle, channel))

    def _examined(self, task: Task, report: Ended) -> Ended:
        """Put failures down to what was shared where that no longer works; the next trial gets another one."""
        if not task.share or not failed(report):
            return report
        why = self._shared.ailing(DYING_S)
        infra = any(one.failure is not None and one.failure.kind is FailureClass.INFRA for one in report.outcomes)
        if why:
            report = blamed(report, why)
        return self._without_shared(report) if why or infra else report

    def _without_shared(self, report: Ended) -> Ended:
        try:
            self._shared.close()
        except Exception as problem:  # noqa: BLE001 what is broken may not stop well
            caution = f"tear-down of the shared resource failed: {type(problem).__name__}: {problem}"
            return replace(report, outcomes=tuple(replace(one, cautions=(caution,)) for one in report.outcomes))
        return report

    def _run(self, task: Task, handle: Any, channel: Stopping) -> Ended:
        job = as_job(task, handle)
        wall_s = job["wall"]
        job["deadline"] = None if wall_s is None else time.monotonic() + wall_s
        try:
            with _visible(task.gpus):
                return (self._run_program if self._target.executes else self._run_function)(task, job, channel)
        finally:
            for member in task.members:
                drop(scratch_path(self._root, member.attempt))

    def slot_paths(self) -> tuple[str, str]:
        """Return where a command's stdout and stderr are being written."""
        return (self._slot.paths[0], self._slot.paths[1]) if self._slot else ("", "")

    def close(self) -> None:
        """Tear down what was shared, give the import path back. May be called twice."""
        self._shared.close()
        sys.path[:] = self._path
        for folder in ("slots", "scratch", "shared"):
            drop(f"{self._root}/{folder}")
        prune(self._root)

    def _runner(self) -> Any:
        if self._target.entry in ("", PLUGIN):
            return worker.Plugin({}, system=self._system)
        return worker.attribute(self._target.entry)(dict(self._target.config))

    def _run_function(self, task: Task, job: dict[str, Any], channel: Stopping) -> Ended:
        begun, used, before = time.perf_counter(), _cpu_s(), resident_bytes()
        seeds = Seeds()
        seeds.keep()
        seeds.plant(job["m"][0][1])
        try:
            answer = worker.perform(self._runner, job, root=self._root, channel=channel)
        finally:
            seeds.restore()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        spent = Exit(
            code=0,
            why=channel.why,
            wall_s=time.perf_counter() - begun,
            cpu_s=_cpu_s() - used,
            peak_bytes=max(0, peak - before),
        )
        return ended(task, answer, spent, program=False)

    def _run_program(self, task: Task, job: dict[str, Any], channel: Stopping) -> Ended:
        attempt, seed, parameters = job["m"][0]
        self._slot = self._slot or Slot(self._root, "inline")
        job["steps"] = f"{self._root}/slots/inline.steps"
        runner = self._runner()
        context = TrialContext(attempt, seed, job=job, root=self._root, channel=channel)
        used = _cpu_s()
        with closing(StepFile(job["steps"])) as steps:
            try:
                environment = program_environment(job, self._root)
                launch = runner.prepare(parameters, context)
                folder = launch.folder or self._target.folder
                program = Program(launch, environment | dict(launch.env), folder, self._slot)
            except Exception as problem:  # noqa: BLE001 a trial's failure is data, whatever it is
                return ended(task, {"r": [worker.failed(problem)]}, Exit(code=0), program=True)
            exit_ = program.wait(job["deadline"], channel, lambda: steps.read(attempt))
        answer = self._collected(runner, attempt) if exit_.code == 0 and not exit_.why else None
        exit_.cpu_s = _cpu_s() - used
        inline, kept = self._slot.collect(task.id)
        exit_.captured = Captured(inline[0], inline[1], kept[0], kept[1])
        return ended(task, answer, exit_, program=True)

    def _collected(self, runner: Any, attempt: int) -> dict[str, Any]:
        assert self._slot is not None
        try:
            scratch = Path(scratch_path(self._root, attempt))
            metrics = runner.collect(stdout_tail=self._slot.tail(), scratch=scratch)
            return {"r": [{"s": "done", "m": normal_metrics(metrics)}]}
        except Exception as problem:  # noqa: BLE001 a trial's failure is data, whatever it is
            return {"r": [worker.failed(problem)]}


@contextmanager
def _visible(gpus: Sequence[int]) -> Iterator[None]:
    """Show a trial its GPUs alone; without any, what this process sees."""
    name = "CUDA_VISIBLE_DEVICES"
    before = os.environ.get(name)
    if gpus:
        os.environ[name] = ",".join(map(str, gpus))
    try:
        yield
    finally:
        if gpus and before is None:
            os.environ.pop(name, None)
        elif gpus and before is not None:
            os.environ[name] = before


def _cpu_s() -> float:
    """CPU seconds of this process and of the children that it has waited for."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system
