"""What a strategy that learns asked for in a session, and what it is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fairtrial.contract.journal import Ledger
from fairtrial.contract.strategy import Plan, Told
from fairtrial.flow.declare import Left
from fairtrial.model.run import TrialRow
from fairtrial.model.trial import Trial


class Asked:
    """The trials that a learning strategy asked for, and what came of them: from the runner, or from the book."""

    def __init__(self, ledger: Ledger, run: int, *, limit: int | None) -> None:
        self._ledger, self._run, self._limit = ledger, run, limit
        self._rows: dict[bytes, TrialRow] = {}
        self._begun = 0
        self.digests: set[bytes] = set()

    def limited(self, left: Left) -> Left:
        """Leave out of what is to be run what lies beyond the limit over all plans."""
        if self._limit is None or left.positions is None:
            return left
        room = self._limit - self._begun
        return replace(left, positions=[position for position in left.positions if position < room])

    def full(self, plan: Plan) -> bool:
        """Say whether a plan went beyond the limit; else count it."""
        size = sum(len(block.digests) for block in plan.blocks())
        if self._limit is not None and self._begun + size > self._limit:
            return True
        self._begun += size
        return False

    def told(self, plan: Plan, fresh: Sequence[Told]) -> list[Told]:
        """Return what came of each trial of a plan, in plan order; of those settled before, as the run has them."""
        from fairtrial.plan.order import trials

        planned = list(trials(plan))
        self.digests.update(trial.digest for trial in planned)
        known = {told.trial.digest: told for told in fresh}
        unknown = [trial.digest for trial in planned if trial.digest not in known]
        if any(digest not in self._rows for digest in unknown):
            self._rows = {row.digest: row for row in self._ledger.trials(self._run)}
        return [known.get(trial.digest) or _recalled(trial, self._rows[trial.digest]) for trial in planned]


def _recalled(trial: Trial, row: TrialRow) -> Told:
    return Told(trial=trial, status=str(row.status), metrics=row.metrics)
