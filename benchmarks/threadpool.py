"""The simulated thread pool beside the same model in C and in SimPy, on the same tasks; and a policy's decisions.

Usage: python benchmarks/threadpool.py [--quick] [--passes N]
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from measure import HERE, bench, options, ratios, spread, table
from measure import Sample as Timed

from fairtrial.systems.threadpool.record import Tasks
from fairtrial.systems.threadpool.simulate.run import run
from fairtrial.systems.threadpool.words import Arrivals, Duration, Machine, Pool, Workload
from fairtrial.systems.threadpool.workload.draw import draw

Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
OURS, C, SIMPY = "ours", "C", "SimPy"
FAST_REPEATS = 5
"""Runs of the fast engines a pass: one takes milliseconds."""
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Case:
    """A pool under a workload."""

    name: str
    workload: Workload
    machine: Machine
    pool: Pool
    fifo: bool = False


@dataclass(frozen=True)
class Outcome:
    """What an engine made of the tasks, and the CPU time that it took for the simulation alone."""

    cpu_s: float
    begin_s: Floats
    end_s: Floats
    counted: Mapping[str, float]
    """Switches and core-seconds; nothing where the plain queue is meant, which has neither."""


Engine = Callable[[Case, Tasks], Outcome]


def main() -> None:
    """Print the tables."""
    chosen = options(__doc__ or "")
    count = 20_000 if chosen.quick else 200_000
    with tempfile.TemporaryDirectory() as folder, bench(f"a thread pool in virtual time, {count:,} tasks"):
        engines: dict[str, Engine] = {OURS: ours}
        if find_spec("simpy"):
            engines[SIMPY] = simpy_
        else:
            print("skipped SimPy: pip install simpy")
        if program := built(Path(folder)):
            engines[C] = partial(compiled, program, Path(folder))
        else:
            print("skipped C: there is no gcc")
        rows, problems = [], []
        for case in cases():
            samples, found = compared(case, engines, count, chosen.passes)
            rows.append(row(case, samples))
            problems += [f"{case.name}: {problem}" for problem in found]
        rows.append(["drawing tasks (full, CPU-bound)", drawing(cases()[0], count, chosen.passes)])
        heads = ["tasks per CPU second", *(OURS, C, SIMPY), f"{OURS} / {C}", f"{OURS} / {SIMPY}"]
        table(heads, [[*line, *[""] * (len(heads) - len(line))] for line in rows])
        print("asked for, full model: at least 0.50 of C and 50 x SimPy; FIFO is reported apart")
        said = f"{' and '.join(engines)} agree within {TOLERANCE:g}, task by task and in what they counted"
        print("\n".join(problems) or said)
    if problems:
        sys.exit(1)


def cases() -> list[Case]:
    """Return what is compared."""
    heavy = Duration(kind="lognormal", mean_us=500.0)
    machine = Machine(cores=8, contention=0.01, coherence=0.0001)
    blocking = Duration(kind="exponential", mean_us=1500.0)
    bursty = Arrivals(kind="bursty", rate_per_s=14_000)
    free = Machine(cores=8, switch_us=0, wake_us=0)
    return [
        Case(
            "full: CPU-bound, 16 workers on 8 cores",
            Workload(arrivals=Arrivals(rate_per_s=11_000), cpu=heavy),
            machine,
            Pool(workers=16),
        ),
        Case(
            "full: computes and blocks, 32 workers on 8 cores",
            Workload(arrivals=Arrivals(rate_per_s=11_000), cpu=heavy, blocking=blocking),
            machine,
            Pool(workers=32),
        ),
        Case(
            "full: bursts into a queue of 32, drops",
            Workload(arrivals=bursty, cpu=heavy),
            machine,
            Pool(workers=16, queue_limit=32),
        ),
        Case(
            "plain FIFO: M/G/8, rho 0.8",
            Workload(arrivals=Arrivals(rate_per_s=12_800), cpu=heavy),
            free,
            Pool(workers=8),
            fifo=True,
        ),
    ]


def compared(
    case: Case, engines: dict[str, Engine], count: int, passes: int
) -> tuple[dict[str, list[Timed]], list[str]]:
    """Run engines in turns on the same tasks; return their times, and where they do not agree."""
    tasks = drawn(case, count)
    engines[OURS](case, tasks)  # compiles
    samples: dict[str, list[Timed]] = {name: [] for name in engines}
    outcomes: dict[str, Outcome] = {}
    for number in range(passes):
        for name in engines if number % 2 == 0 else reversed(engines):
            several = [engines[name](case, tasks) for _ in range(1 if name == SIMPY else FAST_REPEATS)]
            samples[name].append(Timed(statistics.median(one.cpu_s for one in several) / count))
            outcomes[name] = several[-1]
    truth = outcomes.get(C) or outcomes.get(SIMPY) or outcomes[OURS]
    return samples, [f"{name}: {it}" for name, found in outcomes.items() for it in apart(tasks, found, truth)]


def apart(tasks: Tasks, found: Outcome, truth: Outcome) -> list[str]:
    """Say in what an outcome is not the truth."""

    def numbers(outcome: Outcome) -> dict[str, float]:
        latency_s = outcome.end_s - tasks.due_s
        return {
            "mean wait": float(np.nanmean(outcome.begin_s - tasks.due_s)),
            "p95": float(np.nanpercentile(latency_s, 95)),
            "drops": float(np.isnan(outcome.end_s).sum()),
            **outcome.counted,
        }

    ours_, theirs = numbers(found), numbers(truth)
    problems = [
        f"{name} is {ours_[name]:.9g}, not {theirs[name]:.9g}"
        for name in theirs
        if not abs(ours_[name] - theirs[name]) <= TOLERANCE * abs(theirs[name])
    ]
    each = max(np.nanmax(np.abs(found.begin_s - truth.begin_s)), np.nanmax(np.abs(found.end_s - truth.end_s)))
    return problems + [f"a task is {each:g} s off"] * bool(each > TOLERANCE)


def row(case: Case, samples: dict[str, list[Timed]]) -> list[str]:
    """Make a row: medians of rates, and ratios pass by pass."""

    def rate(one: Timed) -> float:
        return 1 / one.cpu_s

    middle = [
        f"{statistics.median(map(rate, samples[name])):,.0f}" if name in samples else "–" for name in (OURS, C, SIMPY)
    ]
    beside = [spread(ratios(samples[OURS], samples[name], rate)) if name in samples else "–" for name in (C, SIMPY)]
    return [case.name, *middle, *beside]


def drawn(case: Case, count: int) -> Tasks:
    """Draw the tasks of a case."""
    streams = {name: np.random.default_rng([0, number]) for number, name in enumerate(("arrivals", "cpu", "blocking"))}
    return draw(case.workload, count, streams.__getitem__)


def drawing(case: Case, count: int, passes: int) -> str:
    """Measure what drawing takes."""
    taken = []
    for _ in range(passes * FAST_REPEATS):
        start = time.process_time()
        drawn(case, count)
        taken.append(time.process_time() - start)
    return f"{count / statistics.median(taken):,.0f}"


def since_of(tasks: Tasks) -> float:
    """Return when counting starts: a tenth of the tasks warms up."""
    return float(tasks.due_s[len(tasks) // 10])


def counted(case: Case, switches: float, core_s: float) -> dict[str, float]:
    """Name what was counted beside the tasks."""
    return {} if case.fifo else {"switches": switches, "core-seconds": core_s}


def ours(case: Case, tasks: Tasks) -> Outcome:
    """Simulate with the system's own engine."""
    start = time.process_time()
    records = run(tasks, case.machine, case.pool, since_s=since_of(tasks))
    taken = time.process_time() - start
    return Outcome(taken, records.begin_s, records.end_s, counted(case, records.tally.switches, records.tally.core_s))


def simpy_(case: Case, tasks: Tasks) -> Outcome:
    """Simulate with SimPy."""
    from processes import Plain, Simulated, Window

    window = Window(since_of(tasks), float(tasks.due_s[-1]))
    start = time.process_time()
    if case.fifo:
        done: Plain | Simulated = Plain(tasks, case.pool.workers).run()
    else:
        done = Simulated(tasks, case.machine, case.pool, window).run()
    taken = time.process_time() - start
    return Outcome(taken, done.begin_s, done.end_s, counted(case, window.switches, window.core_s))


def compiled(program: Path, folder: Path, case: Case, tasks: Tasks) -> Outcome:
    """Simulate in C."""
    given, out = folder / "tasks", folder / "out"
    with given.open("wb") as file:
        np.array([len(tasks)], dtype=np.int64).tofile(file)
        np.concatenate([tasks.due_s, tasks.cpu_s, tasks.blocking_s]).tofile(file)
    costs = [] if case.fifo else costs_of(case, since_of(tasks))
    words = [program, given, out, "fifo" if case.fifo else "full", case.pool.workers, *costs]
    said = json.loads(subprocess.run([str(word) for word in words], check=True, capture_output=True).stdout)
    begin_s, end_s = np.fromfile(out).reshape(2, len(tasks))
    return Outcome(said["seconds"], begin_s, end_s, counted(case, said["switches"], said["core_s"]))


def costs_of(case: Case, since_s: float) -> Sequence[float]:
    """Return what the program in C wants to know of machine and pool."""
    machine, limit = case.machine, case.pool.queue_limit
    times = [machine.switch_us * 1e-6, machine.quantum_us * 1e-6, machine.wake_us * 1e-6]
    return [machine.cores, -1 if limit is None else limit, *times, machine.contention, machine.coherence, since_s]


def built(folder: Path) -> Path | None:
    """Compile the model in C; None: there is no compiler."""
    if not (compiler := shutil.which("gcc")):
        return None
    program = folder / "threadpool"
    words = [compiler, "-O3", "-march=native", "-o", program, HERE / "threadpool.c", "-lm"]
    subprocess.run([str(word) for word in words], check=True)
    return program


if __name__ == "__main__":
    main()
