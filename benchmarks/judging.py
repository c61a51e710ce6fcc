"""What judging costs: loading 1,000,000 trials from the book, importance and a whole report of 10,000 trials.

Usage: python benchmarks/judging.py [--quick] [--passes N]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from measure import bench, options, table, timed

from fairtrial.analyse.data import data
from fairtrial.analyse.effect.effects import effects
from fairtrial.flow.book import reading, writing
from fairtrial.model.event import AttemptEnded, AttemptStarted
from fairtrial.model.identity import digest, replicate_seed
from fairtrial.model.outcome import Outcome, Status, Usage
from fairtrial.model.provenance import Code, Machine, Provenance
from fairtrial.model.study import Direction, Metric
from fairtrial.model.trial import Condition, Role, Trial

REPLICATES, PARAMETERS = 10, 10
METRICS = [f"m{k}" for k in range(10)]
BATCH = 4000


def main() -> None:
    """Print the table."""
    chosen = options(__doc__ or "")
    large, small = (20_000, 1000) if chosen.quick else (1_000_000, 10_000)
    rows = []
    with bench("judging"), tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        fill(home, large, grid=False)
        rows.append(row(f"results of {large:,} trials x 10 metrics from the book", loads(home), chosen.passes, "8 s"))
    with bench("judging"), tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        fill(home, small, grid=True)
        rows.append(row(f"importance and effects of {small:,} trials, 4 factors", judges(home), chosen.passes, ""))
        words = [sys.executable, "-m", "fairtrial", "report", "1", "-o"]
        samples = [timed(words, folder) for _ in range(chosen.passes)]
        problems = [sample.error for sample in samples if sample.error]
        cpu_s = statistics.median(sample.cpu_s for sample in samples)
        rows.append([f"fairtrial report of {small:,} trials", problems[0] if problems else f"{cpu_s:.2f} s", "10 s"])
    table(["", "CPU, median", "asked for: at most"], rows)


def row(name: str, work: Callable[[], None], passes: int, bar: str) -> list[str]:
    """Measure a call's CPU time; the first one warms up."""
    work()
    taken = []
    for _ in range(passes):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return [name, f"{statistics.median(taken):.2f} s", bar]


def loads(home: Path) -> Callable[[], None]:
    """Read all results."""

    def work() -> None:
        with reading(home) as book:
            book.ledger.results(1)

    return work


def judges(home: Path) -> Callable[[], None]:
    """Ask what every factor does."""
    with reading(home) as book:
        found = data(book.ledger.measurements(1))
    metrics = [Metric(name, Direction.MAXIMIZE) for name in METRICS]
    return lambda: effects(found, metrics, metric="m0") and None


def fill(home: Path, n: int, *, grid: bool) -> None:
    """Write n finished trials into a book, as a driver would.

    A grid has 4 factors of few levels each; otherwise every condition has levels of its own of 10 parameters.
    """
    rng = np.random.default_rng(0)
    levels = factors(n // REPLICATES) if grid else {}
    document = {"study": "big", "system": {"python": "m:f"}, "replicates": REPLICATES}
    document |= {"metrics": dict.fromkeys(METRICS, "maximize"), "factors": levels or {"p0": [0]}}
    with writing(home) as book:
        journal = book.begin(
            study="big",
            document=document,
            system="python",
            identity={"name": "m"},
            metrics=METRICS,
            provenance=Provenance(Code(), Machine(), "3.11", "0"),
            live=False,
            fresh=False,
            planned=n,
        )
        events: list[AttemptStarted | AttemptEnded] = []
        for number in range(n // REPLICATES):
            assignment = (
                cell(number, levels) if grid else {f"p{k}": (number * (k + 1)) % 1009 for k in range(PARAMETERS)}
            )
            events += measured(journal, assignment, number, rng)
            if len(events) >= BATCH:
                journal.append(events)
                events = []
        journal.append(events)
        journal.close("finished", planned=n)


def factors(conditions: int) -> dict[str, list[int]]:
    """Return 4 factors with as many combinations as conditions (10,000 trials: 10 x 10 x 5 x 2)."""
    return {"a": list(range(10)), "b": list(range(10)), "c": list(range(max(1, conditions // 200))), "d": [0, 1]}


def cell(number: int, levels: dict[str, list[int]]) -> dict[str, int]:
    """Return a combination of levels by its number."""
    made = {}
    for name, known in levels.items():
        number, place = divmod(number, len(known))
        made[name] = known[place]
    return made


def measured(journal, assignment: dict[str, int], number: int, rng) -> list[AttemptStarted | AttemptEnded]:
    """Return what a driver appends for all replicates of a condition."""
    condition = Condition("", assignment, assignment, digest([number, assignment]))
    effect = assignment.get("a", 0) / 10
    events: list[AttemptStarted | AttemptEnded] = []
    for replicate, values in enumerate(rng.normal(effect, 1, (REPLICATES, len(METRICS))).tolist()):
        trial = Trial(
            condition, replicate, replicate_seed(0, replicate), b"s" * 16, b"", number * REPLICATES + replicate
        )
        attempt = journal.next_attempt()
        events.append(AttemptStarted(attempt, journal.run, trial, Role.TRIAL, 1.0))
        outcome = Outcome(
            attempt, Status.DONE, metrics=dict(zip(METRICS, values, strict=True)), usage=Usage(0.1, 0.1, 1)
        )
        events.append(AttemptEnded(journal.run, outcome, 1.1))
    return events


if __name__ == "__main__":
    main()
