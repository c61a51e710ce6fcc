"""What a run has to say: its study as recorded, its trials as arrays, and what was measured again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fairtrial.contract.journal import Ledger
from fairtrial.contract.registry import Registry
from fairtrial.contract.system import System
from fairtrial.errors import FairtrialError, UserError
from fairtrial.flow.book import reading
from fairtrial.flow.level import interval_level
from fairtrial.model.choice import Again
from fairtrial.model.run import AttemptRow, Run
from fairtrial.model.study import Direction, Metric, Study

if TYPE_CHECKING:
    from fairtrial.analyse.data import Data

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A run, read whole; `ledger` answers only while the book is open."""

    run: Run
    study: Study
    data: Data
    ledger: Ledger
    _known: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """What was found out once."""

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return what `make` gives; it is asked the first time only."""
        if name not in self._known:
            self._known[name] = make()
        found: T = self._known[name]
        return found

    def remembering(self, detect: Callable[..., T]) -> Callable[..., T]:
        """Return a detector that looks once, however often it is asked the same of this run's data."""

        def look(*data: Any, **how: Any) -> T:
            asked = signature(detect).bind(*data, **how)
            asked.apply_defaults()
            words = {name: value for name, value in asked.arguments.items() if value is not self.data}
            return self.once(f"{detect.__name__} {words}", lambda: detect(*data, **how))

        return look

    @property
    def system(self) -> System | None:
        """Return its system where it is installed here and can be loaded; None otherwise."""
        return self.once("system", lambda: system_of(self.study))

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Return its metrics; of a run that declared none, what was measured."""
        return self.study.metrics

    @property
    def imported(self) -> bool:
        """Say whether it was measured elsewhere: nothing is known of how, and nothing of it can be run again."""
        from fairtrial.store.adopt import SYSTEM

        return self.run.system == SYSTEM

    def attempts(self) -> Sequence[AttemptRow]:
        """List the attempts of the run."""
        return self.once("attempts", lambda: self.ledger.attempts(run=self.run.number))

    def metric(self, name: str | None) -> str:
        """Return the metric that was asked for, or the first with a direction, or the only one.

        Raises UserError where nothing says which, UnknownName for one that was not measured.
        """
        if name is not None:
            self.data.metric(name)
            return name
        if self._directed:
            return self._directed[0]
        known = sorted(self.data.metrics)
        if len(known) != 1:
            raise UserError("no metric says which way is better", hint=f"--metric {' | '.join(known)}")
        return known[0]

    def judged(self) -> list[str]:
        """List the metrics with a direction; all where none has one."""
        return self._directed or [metric.name for metric in self.metrics]

    @property
    def _directed(self) -> list[str]:
        return [metric.name for metric in self.metrics if metric.direction is not Direction.NONE]

    def direction(self, name: str) -> Direction:
        """Return which way a metric is better."""
        return next((metric.direction for metric in self.metrics if metric.name == name), Direction.NONE)

    def factor(self, name: str | None) -> str:
        """Return the factor that was asked for, or that the design searched along, or the only one with an order.

        Raises UserError where nothing says which.
        """
        name = name if name is not None else self.study.design.options.get("factor")
        if name is not None:
            self.data.ordered(name)
            return name
        ordered = [path for path, column in self.data.factors.items() if column.ordered and len(column.levels) > 1]
        if len(ordered) != 1:
            said = "several factors have an order" if ordered else "no factor has levels that are numbers"
            raise UserError(said, hint=f"--factor {' | '.join(ordered)}" if ordered else "--of effects needs no order")
        return ordered[0]

    def arms(self) -> tuple[str, ...]:
        """List the arms; none for a study without variants."""
        from fairtrial.analyse.data import ARMS

        column = self.data.factors.get(ARMS)
        return () if column is None else column.levels


def system_of(study: Study) -> System | None:
    """Return the system of a recorded study where it is installed here and can be loaded; None otherwise."""
    options = {"code": "version", "code_files": [], "live": study.live, "parameters": dict(study.base), "factors": []}
    try:
        return Registry().bind(study.system, options)
    except FairtrialError:
        return None


@contextmanager
def evidence(home: Path | None, number: int | None) -> Iterator[Evidence]:
    """Open a run (the newest without a number) for judging. Raises NothingMeasured where nothing is settled."""
    with reading(home) as book:
        yield gather(book.ledger, number)


def gather(ledger: Ledger, number: int | None) -> Evidence:
    """Read a run for judging."""
    from fairtrial.analyse.data import data

    run = ledger.run(number)
    measured = ledger.measurements(run.number)
    study = recorded(run)
    study = replace(study, alpha=1 - interval_level(run.document))  # replicates that were added by looking have a price
    if not study.metrics:
        names = (name for name in measured.metrics if name not in measured.factors)
        study = replace(study, metrics=tuple(Metric(name) for name in names))
    return Evidence(run=run, study=study, data=data(measured, study.metrics), ledger=ledger)


def recorded(run: Run) -> Study:
    """Read the study that a run recorded; its system need not be installed any more."""
    from fairtrial.spec.recorded import read_recorded

    return read_recorded(run.document, name=run.study, system=run.system, registry=Registry())


def measured_again(found: Evidence) -> tuple[Again, ...]:
    """Return what the newest confirmation of a run measured; none where there was none."""
    from fairtrial.analyse.choice.optimum import compare_again

    done = [action for action in found.ledger.actions() if _confirms(action, found.run.number)]
    if not done:
        return ()
    number = int(done[-1]["detail"]["run"])
    again = gather(found.ledger, number)
    return compare_again(found.data, again.data, found.metrics, metric=found.metric(None), run=number)


def _confirms(action: Mapping[str, Any], run: int) -> bool:
    return action["verb"] == "confirm" and action["detail"].get("of") == run and "run" in action["detail"]
