"""Two studies run side by side: one driver, trial against trial, in balanced random order, until that settles it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairtrial.contract.journal import Book, Journal, Ledger
from fairtrial.contract.registry import Registry
from fairtrial.errors import UserError
from fairtrial.flow.book import writing
from fairtrial.flow.compare import Asked, judge, remember
from fairtrial.flow.declare import MATERIALISED, Source, declare
from fairtrial.flow.declared import Declared
from fairtrial.flow.interleaved import interleavings
from fairtrial.flow.run import EXIT, HASTY
from fairtrial.flow.session import SILENT, Listeners, Order, Session
from fairtrial.flow.turns import keyed, schedule
from fairtrial.model.comparison import Comparison, Gate
from fairtrial.model.trial import Role, Trial

if TYPE_CHECKING:
    from fairtrial.execute.runner import Runner
    from fairtrial.store.book import Book as Kept

FEWEST = 5
"""Rounds where neither the caller nor the study says more."""
SUFFIX = ".current"
"""Follows the name of the second study where both have the same."""


@dataclass(frozen=True, slots=True)
class Match:
    """How two studies are run against each other."""

    rounds: int | None = None
    """Of the first look; None: the studies' replicates, at least five."""
    looks: int = 1
    most: int | None = None
    """Rounds of the last look; None: `looks` times those of the first."""
    mode: str = "interleaved"
    engine: str | None = None
    asked: Asked = Asked()

    def stages(self, replicates: int) -> tuple[int, ...]:
        """Return the rounds at each look. Raises UserError for looks that are not at growing numbers of rounds."""
        first = self.rounds or max(FEWEST, replicates)
        last = self.most or first * self.looks
        if self.looks == 1 and not self.most:
            return (first,)
        looks = max(2, self.looks)
        steps = tuple(first + round((last - first) * look / (looks - 1)) for look in range(looks))
        if any(after <= before for before, after in pairwise(steps)):
            raise UserError(f"{looks} looks need more rounds than {first} to {last}", hint=f"--most {first * looks}")
        return steps


@dataclass(frozen=True, slots=True)
class Duel:
    """Two studies that were run side by side, and what became of that."""

    runs: tuple[int, int]
    state: str
    """complete, or as a session of `run` ends."""
    reason: str
    comparison: Comparison | None
    """None where it was broken off: the same command continues."""
    cautions: tuple[str, ...] = ()

    @property
    def broken_code(self) -> int:
        """Return the exit code of one that was broken off."""
        return 143 if self.reason.startswith("SIGTERM") else EXIT.get(self.state, 0) or 5


def paired(
    home: Path | None,
    first: Declared,
    second: Declared,
    *,
    registry: Registry,
    match: Match = Match(),
    listeners: Listeners = SILENT,
    conclude: Conclude | None = None,
) -> Duel:
    """Run two studies interleaved, each recorded under its own name, and judge them; continues one broken off.

    Both are measured now: nothing is taken over from other runs. Looks share alpha equally: boundaries for normal data
    (Pocock's, O'Brien and Fleming's) let t tests of few rounds fail up to 5.7 % instead of 5 % of what is unchanged,
    and equal shares cost next to no power. `conclude` takes the verdict into the book; unless given it is appended to
    the action log. Raises UserError for studies that cannot be paired, StudyHeld where another driver has one of them.
    """
    if first.study.name == second.study.name:
        second = renamed(second, f"{second.study.name}{SUFFIX}", registry)
    _refuse_unlike(first, second)
    stages = match.stages(min(first.study.replicates, second.study.replicates))
    with writing(home) as book, book.hold(first.study.name), book.hold(second.study.name):
        pair = _Pair(book, (first, second), registry=registry, match=match, listeners=listeners)
        duel = _mirrored(book, (first, second), pair.looks(stages, first.study.alpha / len(stages)))
        if duel.comparison is None:
            return duel
        if conclude is not None:
            return conclude(book, duel, duel.comparison)
        remember(book, duel.comparison, match.asked)
        return duel


def _mirrored(book: Kept, sides: Sequence[Declared], duel: Duel) -> Duel:
    """Mirror both runs where their studies say so: afterwards, since nothing is at work beside what is compared."""
    from fairtrial.flow.follow import mirrored

    hurry = duel.state in HASTY
    said = [mirrored(book, side.study, run, hurry=hurry) for side, run in zip(sides, duel.runs, strict=True)]
    return replace(duel, cautions=(*duel.cautions, *(caution for some in said for caution in some)))


Conclude = Callable[[Book, Duel, Comparison], Duel]
"""What is done with a verdict while the book is open; returns the pairing as it is to be told."""


def _refuse_unlike(first: Declared, second: Declared) -> None:
    """Refuse before anything runs what could not be judged afterwards."""
    from fairtrial.compare.gauge import gauges
    from fairtrial.compare.likeness import different

    found = different(first.study, second.study, together=True)
    if found:
        raise UserError(f"{first.study.name} and {second.study.name} measure different things: {'; '.join(found)}")
    gauges(first.study, second.study)


def _with_rounds(declared: Declared, rounds: int, registry: Registry) -> Declared:
    """Declare a study again with so many replicates, one trial at a time."""
    document = declared.study.document
    parallel = {**(document.get("parallel") or {}), "jobs": 1}
    return again({**document, "replicates": rounds, "parallel": parallel}, declared, registry)


def again(document: Mapping[str, Any], declared: Declared, registry: Registry) -> Declared:
    """Declare a changed document of a study that was declared already."""
    return declare(Source(document=document, folder=Path(declared.study.system.folder or ".")), registry=registry)


def renamed(declared: Declared, name: str, registry: Registry) -> Declared:
    """Declare a study under another name."""
    return again({**declared.study.document, "study": name}, declared, registry)


def _broken_off(ledger: Ledger, first: Declared, second: Declared) -> int | None:
    """Return the rounds of the newest pairing of two studies, where it has no verdict yet; None otherwise."""
    newest = [ledger_run(ledger, side.study.name) for side in (first, second)]
    if None in newest or tuple(newest) not in interleavings(ledger):
        return None
    judged = (action["detail"] for action in ledger.actions() if "verdict" in action["detail"])
    if any((detail.get("baseline"), detail.get("current")) == tuple(newest) for detail in judged):
        return None
    runs = [ledger.run(number) for number in newest if number is not None]
    same = (_alike(run, side) for run, side in zip(runs, (first, second), strict=True))
    return int(runs[0].document.get("replicates", 1)) if all(same) else None


def ledger_run(ledger: Ledger, study: str) -> int | None:
    """Return a study's newest run; None for a study without runs."""
    return next((run.number for run in ledger.runs() if run.study == study), None)


def _alike(run: Any, side: Declared) -> bool:
    """Say whether a run recorded the same study, of the same system, but for the number of rounds."""
    documents = [
        {word: said for word, said in document.items() if word not in ("replicates", "parallel")}
        for document in (run.document, side.study.document)
    ]
    return documents[0] == documents[1] and run.system_digest == side.identity_digest


class _Pair:
    """Two studies at work in one driver."""

    def __init__(
        self, book: Book, sides: Sequence[Declared], *, registry: Registry, match: Match, listeners: Listeners
    ) -> None:
        self._book, self._sides, self._registry = book, sides, registry
        self._match, self._listeners = match, listeners

    def looks(self, stages: Sequence[int], level: float) -> Duel:
        """Run look after look, each at one level, until one settles it; starts at the one that was broken off."""
        begun = _broken_off(self._book.ledger, *self._sides)
        first = stages.index(begun) if begun in stages else 0
        for look in range(first, len(stages)):
            last = look == len(stages) - 1
            fresh = begun not in stages and look == 0
            duel = self._look(stages[look], fresh=fresh, judged=(level, len(stages)), last=last)
            if duel.comparison is None or duel.comparison.verdict is not Gate.INCONCLUSIVE:
                break
        return duel

    def _look(self, rounds: int, *, fresh: bool, judged: tuple[float, int], last: bool) -> Duel:
        """Run what is left of so many rounds, judge at that level as one of so many looks, and end both sessions."""
        sides = [_with_rounds(side, rounds, self._registry) for side in self._sides]
        sessions = [self._prepared(side, fresh=fresh) for side in sides]
        order = schedule(*map(keyed, sessions), seed=sides[0].study.seed)
        if self._listeners.on_survey:
            for session in sessions:
                self._listeners.on_survey(session.survey)
        journals: list[Journal] = []
        state, duel = "interrupted", None
        try:
            journals.extend(session.begin() for session in sessions)
            duel = self._measured(sessions, journals, order, judged=judged)
            state = duel.state
        finally:
            ended = _final(state, duel, last=last)
            for session, journal in zip(sessions, journals, strict=False):
                journal.close(ended, planned=session.planned)
        return duel

    def _measured(
        self,
        sessions: Sequence[Session],
        journals: Sequence[Journal],
        order: Sequence[tuple[int, Trial]],
        *,
        judged: tuple[float, int],
    ) -> Duel:
        runs, (level, looks) = (journals[0].run, journals[1].run), judged
        self._mark(runs, looks)
        state, reason, cautions = self._drive(sessions, journals, order)
        found = None
        if state == "complete":
            found = judge(self._book.ledger, *runs, mode=self._match.mode, alpha=level, looks=looks)
        return Duel(runs, state, reason, found, cautions)

    def _prepared(self, side: Declared, *, fresh: bool) -> Session:
        asked = self._match.asked
        order = Order(
            fresh=fresh,
            together=True,
            engine=self._match.engine,
            verb=asked.verb,
            why=asked.why,
            command=tuple(asked.command),
        )
        session = Session.prepare(side, self._book, registry=self._registry, order=order)
        total = session.plan.count().trials
        if session.learns or total is None or total > MATERIALISED:
            said = f"{side.study.name} cannot be paired: design {side.study.design.kind} is no list of trials"
            raise UserError(said, hint="design: grid")
        return session

    def _mark(self, runs: tuple[int, int], looks: int) -> None:
        asked = self._match.asked
        if runs not in interleavings(self._book.ledger):
            detail = {"interleaved": list(runs), "looks": looks}
            self._book.act(asked.verb, why=asked.why, command=asked.command, run=runs[1], detail=detail)

    def _drive(
        self, sessions: Sequence[Session], journals: Sequence[Journal], order: Sequence[tuple[int, Trial]]
    ) -> tuple[str, str, tuple[str, ...]]:
        from fairtrial.execute.loop.signals import Signals

        if not order:
            return "complete", "", ()
        with ExitStack() as stack:
            signals = Signals()
            stack.callback(signals.close)
            signals.open()
            runners = [
                stack.enter_context(session.runner(journal, self._listeners, signals=signals))
                for session, journal in zip(sessions, journals, strict=True)
            ]
            state, reason = _walk(runners, _calls(sessions, order))
            return state, reason, tuple(dict.fromkeys(said for runner in runners for said in runner.cautions))


def _final(state: str, duel: Duel | None, *, last: bool) -> str:
    """Return the state in which both runs end: a look that settles nothing leaves them to be continued."""
    if state != "complete" or duel is None or duel.comparison is None:
        return "interrupted" if state == "complete" else state
    return "finished" if last or duel.comparison.verdict is not Gate.INCONCLUSIVE else "partial"


def _calls(sessions: Sequence[Session], order: Sequence[tuple[int, Trial]]) -> Iterator[tuple[int, Trial, Role]]:
    """Yield all that is run: warm-up of both sides, the trials, and what shows drift of timing studies."""
    from fairtrial.plan.order import sentinel

    for side, session in enumerate(sessions):
        own = [trial for which, trial in order if which == side]
        yield from ((side, trial, Role.WARMUP) for trial in own[: session.declared.study.order.warmup])
    yield from ((side, trial, Role.TRIAL) for side, trial in order)
    for side, session in enumerate(sessions):
        first = sentinel(session.plan) if session.declared.study.timing else None
        if first is not None:
            yield side, first, Role.SENTINEL


def _walk(runners: Sequence[Runner], calls: Iterator[tuple[int, Trial, Role]]) -> tuple[str, str]:
    for side, trial, role in calls:
        end = runners[side].run([trial], role=role)
        if end.state != "complete":
            return end.state, end.reason
        if end.cancelled:
            return "partial", "a trial was cancelled"
    return "complete", ""
