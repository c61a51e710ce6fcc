"""Whether a run's winner may be promoted: the newest verdict about it, read from the action log and from findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairtrial.errors import FairtrialError, GateFailed, Inconclusive, NothingMeasured
from fairtrial.model.comparison import Gate
from fairtrial.model.finding import Verdict

PASSING = frozenset({Gate.PASS.value, Verdict.SUPPORTED.value})
REFUSALS: dict[str, type[FairtrialError]] = {
    Gate.FAIL.value: GateFailed,
    Verdict.NOT_SUPPORTED.value: GateFailed,
    Gate.INVALID.value: NothingMeasured,
}
"""Verdict -> how it refuses; any other that does not pass is inconclusive."""


@dataclass(frozen=True, slots=True)
class Permit:
    """A verdict and who gave it."""

    verdict: str
    by: str
    """gate | compare | confirm | optimum | claims | ranking; '' where nothing gave one."""
    answer: str = ""
    entry: int | None = None
    """Its entry in the log."""
    early: bool = False
    """It was given before the run was last changed."""

    @property
    def passing(self) -> bool:
        """Say whether it lets a promotion pass."""
        return self.verdict in PASSING

    @property
    def refusing(self) -> bool:
        """Say whether it holds until a newer yes: a no, and a second measurement that did not confirm the first."""
        return self.verdict in REFUSALS or (self.by == "confirm" and not self.passing and not self.early)

    def refusal(self, run: int) -> FairtrialError:
        """Return the error of a promotion that it does not let pass: exit code 4, 5 or 6."""
        source = f"{self.by} (entry {self.entry})" if self.entry else self.by
        said = f"{source} says {self.verdict}" if self.by else "nothing has judged it"
        answer = f": {self.answer.rstrip('.')}" if self.answer else ""
        hint = f"fairtrial gate {run} or fairtrial confirm {run} judges it; --force --why TEXT promotes all the same"
        return REFUSALS.get(self.verdict, Inconclusive)(f"run {run} is not promoted: {said}{answer}", hint=hint)


def recorded(actions: Iterable[Mapping[str, Any]], run: int, *, updated: float) -> Sequence[Permit]:
    """Return the newest verdict of each verb that judged a run, newest first.

    One that is older than the run's last change (`updated`, unix seconds) judged other numbers: it is inconclusive.
    """
    found: dict[str, Permit] = {}
    for action in actions:
        detail = action["detail"]
        if not _about(action["verb"], detail, run):
            continue
        verdict, answer = str(detail["verdict"]), str(detail.get("answer", ""))
        early = action["at"] < updated
        if early and verdict in PASSING:
            verdict, answer = Gate.INCONCLUSIVE.value, "it was said before the run was last changed"
        found.pop(action["verb"], None)
        found[action["verb"]] = Permit(verdict, action["verb"], answer, action["id"], early)
    return list(found.values())[::-1]


def _about(verb: str, detail: Mapping[str, Any], run: int) -> bool:
    """Say whether a verdict judges a run; one of runs that measured two others again (`of`) judges the second too."""
    if "verdict" not in detail:
        return False
    if verb == "confirm":
        return bool(detail.get("of") == run)
    return verb in ("gate", "compare") and run in (detail.get("current"), *detail.get("of", ())[1:])


def decide(said: Sequence[Permit], computed: Iterable[Permit]) -> Permit:
    """Choose what counts: what refuses above all but a newer yes, then any yes, then the newest doubt.

    `said` are recorded verdicts, newest first; `computed` are those of findings, looked at only where no one decides.
    """
    refused = [permit for permit in said if permit.refusing]
    passed = [permit for permit in said if permit.passing]
    if refused and not (passed and said.index(passed[0]) < said.index(refused[0])):
        return refused[0]
    if passed:
        return passed[0]
    found = list(computed)
    better = next((permit for permit in found if permit.passing), None)
    worse = next((permit for permit in found if permit.verdict in REFUSALS), None)
    return better or (said[0] if said else None) or worse or next(iter(found), Permit("inconclusive", ""))
