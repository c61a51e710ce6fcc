"""A session: one driver at work on one study, from what it is asked for to the state it ends in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairtrial.contract.engine import Engine
from fairtrial.contract.journal import Book, Journal, Ledger
from fairtrial.contract.registry import Registry
from fairtrial.contract.strategy import Opened, Plan, Watches
from fairtrial.errors import NothingMeasured, UnknownName
from fairtrial.flow.asked import Asked
from fairtrial.flow.declare import Left, Survey, look, open_plan, strategy_of, weigh
from fairtrial.flow.declared import Declared
from fairtrial.flow.inputs import Inputs, materialise
from fairtrial.flow.notice import OnFailure, noticing
from fairtrial.flow.require import require
from fairtrial.flow.standing import standing
from fairtrial.flow.tracked import check_address
from fairtrial.model.outcome import FailureClass, Status
from fairtrial.model.price import tariff
from fairtrial.model.progress import Progress
from fairtrial.model.secret import references
from fairtrial.model.study import ABSENT, Study
from fairtrial.model.trial import Role, Trial

if TYPE_CHECKING:
    from fairtrial.execute.loop.redact import Redactor
    from fairtrial.execute.loop.signals import Signals
    from fairtrial.execute.runner import Runner

OnProgress = Callable[[Progress], None]
OnSurvey = Callable[[Survey], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What a session of `run` is asked for beyond the study."""

    only: str | None = None
    limit: int | None = None
    fresh: bool = False
    engine: str | None = None
    within: Callable[[Trial], bool] | None = None
    """Only trials for which this holds."""
    forgive: tuple[str, ...] | None = None
    """Failure classes whose settled trials run again; empty: all of them; None: none."""
    together: bool = False
    """Side by side with another study: only such a session continues a run that was begun so."""
    verb: str = "run"
    why: str = ""
    command: tuple[str, ...] = ()

    @property
    def narrowed(self) -> bool:
        """Say whether only a part of the plan was asked for."""
        return (self.only, self.limit, self.within) != (None, None, None)


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who hears of a session while it goes on."""

    on_survey: OnSurvey | None = None
    on_progress: OnProgress | None = None
    on_failure: OnFailure | None = None


SILENT = Listeners()


@dataclass(slots=True)
class Session:
    """One driver at work on one study; everything that can be refused is refused by `prepare`."""

    declared: Declared
    book: Book
    registry: Registry
    order: Order
    inputs: Inputs
    opened: Opened
    plan: Plan
    left: Left
    survey: Survey
    learns: bool
    forgiven: Sequence[bytes]
    redactor: Redactor
    engine: Engine
    finished: set[bytes]
    """Trials of the book whose results may be taken over."""
    was: str
    """The state of the run that it continues; '' for a new one."""
    planned: int | None = None
    """Trials of the whole plan, from `begin` on."""

    @classmethod
    def prepare(cls, declared: Declared, book: Book, *, registry: Registry, order: Order) -> Session:
        """Refuse all that can be refused, and find out what is left.

        Raises SpecError, UserError, NothingMeasured, and MissingPart for what the system lacks.
        """
        from fairtrial.execute.machine.orphans import sweep

        check_address(declared.study.tracking)
        engine = registry.engine(order.engine or declared.study.parallel.engine)
        sweep(book_mark(book))
        ledger = book.ledger
        inputs = materialise(declared.study, ledger, book.folder / "inputs")
        stands = standing(declared, ledger, fresh=order.fresh, together=order.together)
        _, opened = open_plan(
            declared,
            registry=registry,
            only=order.only,
            limit=order.limit,
            inputs=inputs.digest,
            settled=stands.settled,
            finished=stands.finished,
        )
        learns = strategy_of(declared.study, registry).learns
        plan = first(opened)
        forgiven = failures(ledger, stands.run, order.forgive) if stands.run is not None else []
        stands.forgive(forgiven)
        left = within(look(plan, settled=stands.settled, finished=stands.finished), order.within)
        survey = weigh(
            declared,
            left,
            ledger=ledger,
            run=stands.run,
            narrowed=order.narrowed or learns,
            retried=len(forgiven),
            sources=inputs.digests,
            strict=True,
        )
        require(declared.system, remaining(left))
        return cls(
            declared=declared,
            book=book,
            registry=registry,
            order=order,
            inputs=inputs,
            opened=opened,
            plan=plan,
            left=left,
            survey=survey,
            learns=learns,
            forgiven=forgiven,
            redactor=_redactor(declared.study),
            engine=engine,
            finished=stands.finished,
            was=stands.state,
        )

    def begin(self) -> Journal:
        """Open or continue the run in the book: the first write."""
        from fairtrial.execute.machine.provenance import collect

        study = self.declared.study
        self.planned = _planned(self)
        folder = Path(study.system.folder or ".").resolve()
        made_with = collect(folder, self.order.command, self.inputs.digests)
        journal = self.book.begin(
            study=study.name,
            document=study.document,
            system=self.declared.system.name,
            identity=self.declared.identity,
            metrics=[metric.name for metric in study.metrics],
            provenance=replace(made_with, fresh=self.order.fresh),
            live=self.declared.live,
            fresh=self.survey.run is None,
            durability=study.durability,
            tags=study.tags,
            planned=self.planned,
        )
        if self.redactor.busy:
            redact_lost(self.book.ledger, journal.run, self.redactor)
        if self.forgiven:
            journal.forgive(self.forgiven)
        self.book.act(
            self.order.verb,
            why=self.order.why,
            command=self.order.command,
            run=journal.run,
            detail={"study": study.name, "config": study.file, "session": journal.driver},
        )
        return journal

    def drive(self, journal: Journal, listeners: Listeners) -> tuple[str, str, tuple[str, ...]]:
        """Run batch after batch until the strategy or a limit ends it: (state, reason, cautions)."""
        if self.left.positions is not None and not self.left.positions and not self.learns:
            self._take_over(journal)
            return self._complete(), "", ()
        with self.runner(journal, listeners) as runner:
            state, reason = self._batches(runner, journal)
            return state, reason, tuple(runner.cautions)

    def runner(self, journal: Journal, listeners: Listeners, *, signals: Signals | None = None) -> Runner:
        """Make what runs its trials, to be entered; `signals` are shared by the runners of one process."""
        from fairtrial.execute.runner import Runner

        watch = self.opened if isinstance(self.opened, Watches) else None
        setup = self._setup(noticing(journal, self.book.ledger, listeners.on_failure))
        return Runner(setup, on_progress=listeners.on_progress, watch=watch, signals=signals)

    def _setup(self, journal: Journal) -> Any:
        from fairtrial.execute.runner import Setup
        from fairtrial.execute.trial.target import target_of

        study, counted = self.declared.study, self.left
        return Setup(
            study=study,
            system=self.declared.system,
            target=target_of(self.declared.system),
            engine=self.engine,
            journal=journal,
            folder=self.book.folder,
            mark=book_mark(self.book),
            inputs=self.inputs.paths,
            redact=self.redactor.outcome if self.redactor.busy else None,
            history=self.book.ledger.history(name=self.declared.system.name),
            total=None if self.learns else self.survey.count.trials,
            done=counted.done + len(counted.reusable),
            failed=counted.failed,
            reused=len(counted.reusable),
            spent=spent(study, self.book.ledger, journal.run),
        )

    def _batches(self, runner: Any, journal: Journal) -> tuple[str, str]:
        self._take_over(journal)
        self._warm_up(runner)
        plan: Plan | None = self.plan
        left, cancelled, asked = self.left, 0, Asked(self.book.ledger, journal.run, limit=self.order.limit)
        while plan is not None:
            if plan is not self.plan:
                journal.reuse([plan.trial(position) for position in left.reusable])
            end = runner.run(remaining(asked.limited(left) if self.learns else left), collect=self.learns)
            cancelled += end.cancelled
            if end.state != "complete":
                return end.state, end.reason
            if self.learns and asked.full(plan):
                break
            if self.learns:
                self.opened.tell(asked.told(plan, end.told))
            plan = self.opened.ask()
            if plan is not None:
                left = look(plan, settled=self.book.ledger.settled(journal.run), finished=self.finished)
        if self.learns and not self.order.narrowed and not cancelled:
            journal.retire(asked.digests)
        self._sentinel(runner)
        if cancelled:
            return "partial", f"{cancelled} cancelled"
        return self._complete(), ""

    def _complete(self) -> str:
        """Say how a session ends that ran all it was asked for."""
        idle = self.was == "finished" and self.survey.new == 0
        return "partial" if self.order.narrowed and not idle else "finished"

    def _take_over(self, journal: Journal) -> None:
        """Do what needs no trial: fit the run to the amended study, and take what other runs finished."""
        if not self.order.narrowed and not self.learns and self.left.positions is not None:
            self._amend(journal)
        journal.reuse([self.plan.trial(position) for position in self.left.reusable])

    def _amend(self, journal: Journal) -> None:
        """Retire what the plan no longer has; give what it kept by `before:` the labels of the new factor."""
        if self.left.outside or self.book.ledger.run(journal.run).retired:
            journal.retire(digest for block in self.plan.blocks() for digest in block.digests)
        study = self.declared.study
        factors = (factor for variant in study.variants for factor in study.all_factors(variant))
        if any(factor.before is not ABSENT for factor in factors):
            journal.relabel(known(self.left))

    def _warm_up(self, runner: Any) -> None:
        count = self.declared.study.order.warmup
        if count and (self.left.positions is None or self.left.positions):
            runner.run(islice(remaining(self.left), count), role=Role.WARMUP)

    def _sentinel(self, runner: Any) -> None:
        if self.declared.study.timing and (self.left.positions is None or self.left.positions):
            from fairtrial.plan.order import sentinel

            first = sentinel(self.plan)
            runner.run([first] if first else [], role=Role.SENTINEL)


def _redactor(study: Study) -> Redactor:
    from fairtrial.execute.loop.redact import Redactor

    return Redactor(references(study.document))


def first(opened: Opened) -> Plan:
    """Return the first plan of an opened strategy. Raises NothingMeasured where it has no trial."""
    plan = opened.ask()
    if plan is None or plan.count().trials == 0:
        raise NothingMeasured("the plan is empty: no trial matches", hint="fairtrial plan shows what there is")
    return plan


def _planned(session: Session) -> int | None:
    """Return how many trials the whole plan has, also where only a part was asked for; None where nobody can say."""
    if session.learns or not session.order.narrowed:
        return None if session.learns else session.survey.count.trials
    _, opened = open_plan(session.declared, registry=session.registry, inputs=session.inputs.digest)
    plan: Plan | None = opened.ask()
    return None if plan is None else plan.count().trials


def within(left: Left, wanted: Callable[[Trial], bool] | None) -> Left:
    """Leave out of what is still to be run what is not wanted; a plan too large to look through stays whole."""
    if wanted is None or left.positions is None:
        return left
    return replace(left, positions=[place for place in left.positions if wanted(left.plan.trial(place))])


def remaining(left: Left) -> Iterator[Trial]:
    """Yield the trials of a plan that are still to be run, in plan order, made as they are pulled."""
    if left.positions is not None:
        yield from (left.plan.trial(position) for position in left.positions)
        return
    for block in left.plan.blocks():
        for position, digest in enumerate(block.digests, block.start):
            if digest not in left.settled:
                yield left.plan.trial(position)


def known(left: Left) -> Iterator[Trial]:
    """Yield the trials of a plan that its run has settled already."""
    for block in left.plan.blocks():
        for position, digest in enumerate(block.digests, block.start):
            if digest in left.settled:
                yield left.plan.trial(position)


def spent(study: Study, ledger: Ledger, run: int) -> float:
    """Return what a run has cost, in the unit of the study's prices; 0 where nothing ends it for its cost."""
    if study.stop.cost is None:
        return 0.0
    made = tariff(study)
    return sum(made.attempt(row.status, row.usage, row.metrics) for row in ledger.attempts(run=run))


def failures(ledger: Ledger, run: int, classes: Sequence[str] | None) -> list[bytes]:
    """List the settled failures of a run, of the given classes (all of them for an empty sequence, none for None)."""
    if classes is None:
        return []
    known = [kind.value for kind in FailureClass]
    for name in classes:
        if name not in known:
            raise UnknownName("failure class", name, known)
    rows = ledger.trials(run, status="failed")
    counted = [row for row in rows if not row.retired]
    return [row.digest for row in counted if not classes or (row.failure and row.failure.kind in classes)]


def redact_lost(ledger: Ledger, run: int, redactor: Redactor) -> None:
    """Take secrets out of what attempts wrote whose driver was killed before it could."""
    for attempt in ledger.attempts(run=run):
        if attempt.status is not Status.LOST:
            continue
        captured = ledger.captured(attempt.id)
        for path in filter(None, (captured.stdout_path, captured.stderr_path)):
            if Path(path).is_file():
                redactor.file(Path(path))


def book_mark(book: Book) -> str:
    """Return the book's id in the marks that its processes carry."""
    from fairtrial.model.identity import digest_bytes

    return digest_bytes(str(book.folder.resolve()).encode()).hex()[:16]
