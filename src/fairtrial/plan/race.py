"""Racing: a fixed design whose conditions are no longer repeated once they cannot win."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairtrial.contract.strategy import Opened, Plan, Space, Told
from fairtrial.errors import SpecError
from fairtrial.model.study import Direction, Study
from fairtrial.plan.bases import base_of, metric_of, share, whole
from fairtrial.plan.grid import refuse_options
from fairtrial.plan.picked import Noted
from fairtrial.plan.rungs import Rung, Rungs, rungs
from fairtrial.stats.race import beaten, nominal

_OPTIONS = ("base", "metric", "alpha", "min")


class Race:
    """The replicates of the study at most; after each one from `min` on, those that are told from the leader stop."""

    name = "race"
    asynchronous = False
    learns = True
    searches = False

    def open(self, space: Space, options: Mapping[str, Any]) -> Opened:
        """Start on a space. Raises SpecError for options, and for a study with too few replicates to drop any."""
        study = space.study
        refuse_options(self.name, options, _OPTIONS)
        base, metric = base_of(study, options), metric_of(study, options)
        least, alpha = whole(study, options, "min", 3, least=2), share(study, options, "alpha", study.alpha)
        if study.replicates <= least:
            message = f"a race of {study.replicates} replicates has nothing to save after the first {least}"
            raise SpecError(message, file=study.file, path="replicates", hint="replicates: 20, or a smaller min")
        found = rungs(base.open(space, {}).ask(), metric=metric.name, study=study)
        return Racing(space, found, least=least, alpha=alpha, maximise=metric.direction is Direction.MAXIMIZE)


class Racing:
    """A race at work."""

    def __init__(self, space: Space, found: Rungs, *, least: int, alpha: float, maximise: bool) -> None:
        self._space, self._rungs, self._maximise = space, found, maximise
        self._level = nominal(alpha, least, space.study.replicates) / len(found)
        self._running = found.all
        self._due = least

    def ask(self) -> Plan | None:
        """Return the first replicates of all conditions, then one more of each that can still win."""
        first, count = self._due > 1, self._due
        chosen = self._rungs.ask([(rung, count) for rung in self._running])
        self._due = 1
        if not chosen:
            return None
        plan = self._space.listed(chosen)
        return Noted(plan, _note(self._space.study)) if first else plan

    def tell(self, told: Sequence[Told]) -> None:
        """Hear what came of the last batch; drop what cannot win."""
        self._rungs.tell(told)
        running = [rung for rung in self._running if not rung.barren]
        columns = [rung.values for rung in running]
        lost = set(beaten(columns, maximise=self._maximise, level=self._level))
        kept: list[Rung] = [rung for place, rung in enumerate(running) if place not in lost]
        self._running = kept if len(kept) > 1 else []


def _note(study: Study) -> str:
    return f"up to {study.replicates} replicates of each that can still win"
