"""How many trials run at once: from CPUs, GPUs and measured memory."""

from __future__ import annotations

from collections import deque
from math import ceil, floor

from fairtrial.errors import MissingPart
from fairtrial.execute.machine.host import Resources
from fairtrial.model.outcome import FailureClass, Outcome
from fairtrial.model.run import History
from fairtrial.model.study import Study

MEMORY_SHARE = 0.7
"""Of the available memory: the rest is for page cache, other programs and peaks above the 95th percentile."""
PROBES = 2
"""Trials at once while nothing is known of their memory."""
_WINDOW = 200


def threads(study: Study) -> int:
    """Return the cap for the thread pools of numeric libraries in each trial."""
    return max(1, floor(study.needs.cpus))


def auto(study: Study, history: History, machine: Resources) -> int:
    """Return how many trials run at once: min(cpus / cpus per trial, 0.7 x available memory / memory per trial, GPUs).

    Memory per trial is what the study says it needs, else the 95th percentile of the book's peaks, else its limit.
    With none of them known it starts with two. Raises MissingPart where a trial wants more GPUs than there are.
    """
    return _fit(study, study.needs.memory_bytes or history.peak_bytes or study.limits.memory_bytes, machine)


def _fit(study: Study, memory: int | None, machine: Resources) -> int:
    """Return the least of all bounds, at least 1; memory None is not known yet, 0 is never told."""
    bounds = [_by_cpus(study, machine), *_by_gpus(study, machine)]
    if memory != 0:
        bounds.append(PROBES if memory is None else floor(MEMORY_SHARE * machine.memory_bytes / memory))
    if study.parallel.jobs_max is not None:
        bounds.append(study.parallel.jobs_max)
    return max(1, min(bounds))


def _by_cpus(study: Study, machine: Resources) -> int:
    return floor(machine.cpus / study.needs.cpus + 1e-9) if study.needs.cpus > 0 else ceil(machine.cpus)


def _by_gpus(study: Study, machine: Resources) -> list[int]:
    wanted, have = study.needs.gpus, len(machine.gpus)
    if wanted > have:
        raise MissingPart(
            f"a trial needs {wanted} GPU{'s' if wanted > 1 else ''}, this machine shows {have}",
            hint="lower needs.gpus, or see CUDA_VISIBLE_DEVICES and nvidia-smi -L",
        )
    return [have // wanted] if wanted else []


class Sizer:
    """Keeps the number of jobs in step with the peaks that come in; a number that the user set stays as it is."""

    def __init__(self, study: Study, history: History) -> None:
        self._study = study
        self._history = history
        self._peaks: deque[int] = deque(maxlen=_WINDOW)
        self._ended = 0
        self._cap: int | None = None
        self.fixed = 1 if study.timing and study.parallel.jobs is None else study.parallel.jobs

    def observe(self, outcome: Outcome, jobs: int) -> None:
        """Learn from an outcome that came while `jobs` ran at once; the machine running out of memory halves them."""
        self._ended += 1
        if outcome.usage.peak_bytes > 0:
            self._peaks.append(outcome.usage.peak_bytes * outcome.batch)  # a member has its share of the process
        failure = outcome.failure
        if failure is not None and failure.kind is FailureClass.OOM and failure.limiter == "kernel":
            self._cap = max(1, jobs // 2)

    def jobs(self, machine: Resources, running: int) -> int:
        """Return the jobs to run now; `machine` is as it is with `running` trials in it."""
        _by_gpus(self._study, machine)
        if self.fixed is not None:
            return self.fixed
        memory = self._memory()
        own = running * (memory or 0)  # what our trials hold counts as available to them
        jobs = _fit(self._study, memory, Resources(machine.cpus, machine.memory_bytes + own, machine.gpus))
        if self._history.peak_bytes is None and self._study.needs.memory_bytes is None:
            jobs = min(jobs, max(PROBES, self._ended))  # as many as have shown what they need
        return jobs if self._cap is None else min(jobs, self._cap)

    def _memory(self) -> int | None:
        """Return the memory of one trial: declared, else the 95th percentile of the peaks seen, else as `auto`."""
        declared, before = self._study.needs.memory_bytes, self._history.peak_bytes
        if declared is not None:
            return declared
        if len(self._peaks) >= PROBES:
            return sorted(self._peaks)[ceil(0.95 * len(self._peaks)) - 1]
        if before is None and self._ended >= 4 * PROBES and not self._peaks:
            return 0  # this engine does not measure memory: CPUs alone decide
        return before or self._study.limits.memory_bytes
