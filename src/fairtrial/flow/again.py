"""Measuring again: `retry` runs failures once more, `reproduce` makes a run's trials in a fresh run and compares."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fairtrial.contract.journal import Ledger
from fairtrial.contract.registry import Registry
from fairtrial.errors import NothingMeasured, UserError
from fairtrial.flow.book import reading
from fairtrial.flow.declare import recall, strategy_of
from fairtrial.flow.interleaved import interleaved
from fairtrial.flow.run import Ended, run
from fairtrial.flow.session import SILENT, Listeners, Order, failures
from fairtrial.model.run import Measurements, Run
from fairtrial.model.study import ABSENT, Design, Study
from fairtrial.model.trial import Trial


def retry(
    number: int,
    *,
    registry: Registry,
    home: Path | None,
    order: Order,
    listeners: Listeners = SILENT,
) -> Ended:
    """Run a run's settled failures once more, with fresh retry budgets, under its number.

    Raises UserError for a run that was made side by side with another one (alone, a trial of it would tell less), and
    for one that a newer run of its study followed.
    """
    with reading(home) as book:
        _refuse_settled(book.ledger, book.ledger.run(number))
        declared = recall(book.ledger, number, registry=registry)
        if not failures(book.ledger, number, order.forgive or ()):
            such = f"failures of class {', '.join(order.forgive)}" if order.forgive else "failed trials"
            raise NothingMeasured(f"run {number} has no {such}", hint=f"fairtrial show {number}")
    return run(declared, registry=registry, home=home, order=order, listeners=listeners)


def _refuse_settled(ledger: Ledger, run: Run) -> None:
    if interleaved(ledger, run.number):
        raise UserError(
            f"run {run.number} was made side by side with another run, and is not changed alone",
            hint=f"the command that made it measures both again: fairtrial log --run {run.number}",
        )
    newest = ledger.run(study=run.study).number
    if newest != run.number:
        raise UserError(
            f"run {run.number} is followed by run {newest} of {run.study}: only the newest is changed",
            hint=f"fairtrial retry {newest}, or fairtrial reproduce {run.number} in a run of its own",
        )


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a metric of two runs agrees, trial by trial."""

    metric: str
    compared: int
    equal: int
    """The same number to the last bit, or undefined in both."""
    largest_difference: float
    """Of |a - b|; infinite where one of the two is undefined."""
    largest_relative: float


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A run made again."""

    original: int
    ended: Ended
    agreements: tuple[Agreement, ...]
    unmatched: int
    """Trials of the original without a counterpart."""

    @property
    def agrees(self) -> bool:
        """Say whether there are numbers, and every one of every trial is the same."""
        compared = sum(item.compared for item in self.agreements)
        return compared > 0 and not self.unmatched and all(item.equal == item.compared for item in self.agreements)


def reproduce(
    number: int,
    *,
    registry: Registry,
    home: Path | None,
    order: Order,
    listeners: Listeners = SILENT,
) -> Reproduction:
    """Make the trials of a run again in a fresh run, and say which numbers agree.

    The choices of a strategy that learns are not made again: its conditions are, with the replicates that they had.
    """
    with reading(home) as book:
        declared = recall(book.ledger, number, registry=registry)
        row, made = book.ledger.run(number), book.ledger.measurements(number)
    if not len(made):
        raise NothingMeasured(f"run {number} measured nothing", hint=f"fairtrial show {number}")
    part = None if row.planned == len(made) else _among(made)
    if strategy_of(declared.study, registry).learns:
        declared = replace(declared, study=_listing(declared.study, made))
    ended = run(
        declared,
        registry=registry,
        home=home,
        order=replace(order, fresh=True, within=part, verb="reproduce"),
        listeners=listeners,
    )
    with reading(home) as book:
        before, after = book.ledger.measurements(number), book.ledger.measurements(ended.run.number)
    agreements, unmatched = agreement(before, after)
    return Reproduction(original=number, ended=ended, agreements=agreements, unmatched=unmatched)


def _listing(study: Study, made: Measurements) -> Study:
    """Return the study with the conditions that a run measured as its design, and the most replicates of any."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for place, variant in enumerate(made.variant):
        values = {path: column[place] for path, column in made.factors.items() if column[place] is not ABSENT}
        found.setdefault((variant, repr(values)), {"variant": variant, "assignment": values})
    design = Design("listed", options={"conditions": list(found.values())})
    return replace(study, design=design, until=None, replicates=max(made.replicate) + 1)


def agreement(before: Measurements, after: Measurements) -> tuple[tuple[Agreement, ...], int]:
    """Compare two runs trial by trial: (agreement of each metric, trials without a counterpart)."""
    place = {key: index for index, key in enumerate(_keys(after))}
    pairs = [(index, place[key]) for index, key in enumerate(_keys(before)) if key in place]
    shared = [name for name in before.metrics if name in after.metrics]
    rows = tuple(_agree(name, before.metrics[name], after.metrics[name], pairs) for name in shared)
    return rows, len(before) - len(pairs)


def _keys(rows: Measurements) -> list[tuple[Any, ...]]:
    columns = [rows.variant, rows.replicate, *(rows.factors[path] for path in sorted(rows.factors))]
    return [tuple(map(repr, values)) for values in zip(*columns, strict=True)]


def _among(rows: Measurements) -> Callable[[Trial], bool]:
    """Say of a trial whether a run that did not measure all of its plan measured it."""
    known, paths = set(_keys(rows)), sorted(rows.factors)

    def measured(trial: Trial) -> bool:
        values = (trial.condition.assignment.get(path, ABSENT) for path in paths)
        return tuple(map(repr, (trial.condition.variant, trial.replicate, *values))) in known

    return measured


def _agree(metric: str, before: Sequence[float], after: Sequence[float], pairs: Sequence[tuple[int, int]]) -> Agreement:
    values = [(float(before[left]), float(after[right])) for left, right in pairs]
    return Agreement(
        metric=metric,
        compared=len(values),
        equal=sum(_same(left, right) for left, right in values),
        largest_difference=max((_difference(left, right) for left, right in values), default=0.0),
        largest_relative=max((_relative(left, right) for left, right in values), default=0.0),
    )


def _same(left: float, right: float) -> bool:
    return left == right or (math.isnan(left) and math.isnan(right))


def _difference(left: float, right: float) -> float:
    if _same(left, right):
        return 0.0
    return math.inf if math.isnan(left) or math.isnan(right) else abs(left - right)


def _relative(left: float, right: float) -> float:
    difference = _difference(left, right)
    scale = max(abs(left), abs(right)) if math.isfinite(difference) else 1.0
    return difference / scale if difference else 0.0
