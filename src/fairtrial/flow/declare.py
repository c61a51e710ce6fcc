"""From words to a plan that is not run yet: `init`, `schema`, `check`, `plan`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fairtrial.contract.journal import Ledger
from fairtrial.contract.registry import Registry
from fairtrial.contract.strategy import Count, Plan, Space, Strategy
from fairtrial.contract.system import Identified, Live, System
from fairtrial.errors import NothingMeasured, UserError
from fairtrial.flow.declared import Declared
from fairtrial.model.rule import Rule
from fairtrial.model.study import Study
from fairtrial.model.trial import Trial


@dataclass(frozen=True, slots=True)
class Source:
    """Where a study comes from: a file, a command without a file, or a document of the Python face or the book."""

    file: Path | None = None
    command: str | None = None
    document: Mapping[str, Any] | None = None
    folder: Path = field(default_factory=Path.cwd)
    overrides: tuple[str, ...] = ()
    name: str | None = None
    replicates: int | None = None
    metrics: tuple[str, ...] = ()


def declare(source: Source, *, registry: Registry, home: Path | None = None) -> Declared:
    """Read and check a study. Raises SpecError, UnknownName, MissingPart."""
    from fairtrial.model.identity import digest

    study, system = _read(source, registry, _winner(home, registry))
    parts: dict[str, Any] = {"name": system.name, "version": system.version}
    if isinstance(system, Identified):
        parts |= system.identity()
    live = study.live or (isinstance(system, Live) and bool(system.live))
    return Declared(study=study, system=system, identity=parts, identity_digest=digest(parts), live=live)


def _read(source: Source, registry: Registry, winner: Callable[[int], Mapping[str, Any]]) -> tuple[Study, System]:
    from fairtrial.flow.presets import study_file
    from fairtrial.spec import reader

    if source.command is not None:
        made = reader.read_command(
            source.command,
            registry=registry,
            overrides=source.overrides,
            name=source.name,
            replicates=source.replicates,
            metrics=source.metrics,
            folder=source.folder,
        )
        return made.study, made.system
    if source.metrics:
        name, _, way = source.metrics[0].partition("=")
        raise UserError("--metric goes with --command", hint=f"metrics.{name}={way or 'maximize'} sets it in a study")
    extra = _as_overrides(source)
    if source.document is not None:
        made = reader.read_document(
            source.document, registry=registry, folder=source.folder, overrides=extra, winner=winner
        )
    elif source.file is not None:
        made = reader.read_file(study_file(source.file, registry), registry=registry, overrides=extra, winner=winner)
    else:
        raise UserError("no study was named", hint="fairtrial run study.yaml, or fairtrial run --command '...'")
    return made.study, made.system


def _as_overrides(source: Source) -> tuple[str, ...]:
    extra = list(source.overrides)
    if source.name is not None:
        extra.append(f"study={source.name}")
    if source.replicates is not None:
        extra.append(f"replicates={source.replicates}")
    return tuple(extra)


def _winner(home: Path | None, registry: Registry) -> Callable[[int], Mapping[str, Any]]:
    """Resolve `base: {winner: RUN}`: the full parameters of a run's best condition."""

    def winner(run: int) -> Mapping[str, Any]:
        from fairtrial.analyse.winner import best
        from fairtrial.flow.book import reading
        from fairtrial.plan.space import open_space

        with reading(home) as book:
            declared = recall(book.ledger, run, registry=registry)
            rows, study = book.ledger.measurements(run), declared.study
            found = best(rows, study.metrics, completeness=study.completeness)
        if found is None:
            raise NothingMeasured(f"run {run} has no best condition", hint="no trial of it was measured")
        space = open_space(declared.study, declared.system, identity=declared.identity_digest)
        return space.condition(found.variant, found.assignment).parameters

    return winner


def recall(ledger: Ledger, run: int, *, registry: Registry) -> Declared:
    """Declare again the study that a run recorded, as last amended. Raises UserError for results from elsewhere."""
    from fairtrial.store.adopt import SYSTEM

    if ledger.run(run).system == SYSTEM:
        raise UserError(f"run {run} was imported: there is no system to run", hint=f"fairtrial show {run}")
    drivers = ledger.provenance(run)
    folder = Path(drivers[-1]["folder"]) if drivers else Path.cwd()
    return declare(Source(document=ledger.run(run).document, folder=folder), registry=registry)


def schema(registry: Registry) -> dict[str, Any]:
    """Return the JSON Schema of study files, for editors."""
    from fairtrial.spec.schema import json_schema

    return dict(json_schema(registry))


@dataclass(frozen=True, slots=True)
class Survey:
    """What a plan would do, or does: how many trials of which kind, and how long they may take."""

    study: str
    run: int | None
    """The run that it continues or amends; None for a new one."""
    count: Count
    new: int | None
    done: int
    """Settled in this run already."""
    failed: int
    """Settled failures of this run: `retry` reopens them."""
    reused: int
    """Finished in another run of the book, taken over."""
    retried: int
    """Failures that run again."""
    retired: int
    """In the run, and in the plan no more."""
    stale: Mapping[str, int]
    """Reason -> how many of the new ones have a result that no longer counts."""
    estimate: Any
    unlooked: int = 0
    """New trials beyond those that were looked up as stale."""
    page: tuple[tuple[Trial, str], ...] = ()
    """The first trials of the plan, each with its status: new | done | failed | pruned | reused."""
    jobs: int = 1
    """Trials at once, as far as can be said before they run."""


MATERIALISED = 2_000_000
"""Plans up to this many trials are looked through before they start; larger ones are walked as they run."""
CHECKED = 10_000
"""New trials whose full parameters are validated, and looked up as stale, before anything starts."""


@dataclass(frozen=True, slots=True)
class Left:
    """A plan against a book: the positions that are still to be run, and what became of the others."""

    plan: Plan
    positions: Sequence[int] | None
    """None: too many to look through; walk the plan."""
    settled: Mapping[bytes, str]
    reusable: Sequence[int]
    outside: int
    """Settled trials of the run that the plan no longer has."""
    done: int = 0
    failed: int = 0


def look(plan: Plan, *, settled: Mapping[bytes, str], finished: set[bytes]) -> Left:
    """Compare a plan with what is settled in its run and finished elsewhere: set differences over digests."""
    total = plan.count().trials
    if total is None or total > MATERIALISED:
        return Left(plan=plan, positions=None, settled=settled, reusable=(), outside=0)
    left: list[int] = []
    reusable: list[int] = []
    failed = seen = 0
    elsewhere = finished - settled.keys()
    for block in plan.blocks():
        for position, digest in enumerate(block.digests, block.start):
            status = settled.get(digest)
            if status is not None:
                seen += 1
                failed += status == "failed"
            elif digest in elsewhere:
                reusable.append(position)
            else:
                left.append(position)
    return Left(
        plan=plan,
        positions=left,
        settled=settled,
        reusable=reusable,
        outside=len(settled) - seen,
        done=seen - failed,
        failed=failed,
    )


def open_plan(
    declared: Declared,
    *,
    registry: Registry,
    only: str | None = None,
    limit: int | None = None,
    inputs: bytes = b"",
    settled: Mapping[bytes, str] | None = None,
    finished: Collection[bytes] = (),
) -> tuple[Space, Any]:
    """Open the study's strategy on its space: (space, opened strategy). Nothing is enumerated yet.

    What is settled in the run and finished in the book says what factors with `before` stand for. The plans of a
    strategy that learns are not limited, since it must hear of whole ones: a session limits them (`Session`).
    """
    from fairtrial.flow.before import absent
    from fairtrial.model.rule import parse
    from fairtrial.plan.space import open_space

    study = declared.study
    strategy = strategy_of(study, registry)
    rule = parse(only) if only else None
    limit = None if strategy.learns else limit

    def opened(rule: Rule | None, limit: int | None, names: frozenset[str]) -> tuple[Space, Any]:
        identity = declared.identity_digest
        space = open_space(
            study, declared.system, identity=identity, inputs=inputs, only=rule, limit=limit, absent=names
        )
        return space, strategy.open(space, study.design.options)

    def plans(names: frozenset[str]) -> Iterator[Plan]:
        narrowed = (rule, limit) != (None, None)
        for part in ((None, None), (rule, limit)) if narrowed else ((None, None),):
            yield from filter(None, [opened(*part, names)[1].ask()])

    return opened(rule, limit, absent(study, plans, settled=settled or {}, finished=finished))


def strategy_of(study: Study, registry: Registry) -> Strategy:
    """Make the study's strategy: its design, whose conditions are repeated `until` where the study says so."""
    strategy = registry.strategy(study.design.kind)
    if study.until is None:
        return strategy
    from fairtrial.plan.until import Until

    return Until(strategy)


def survey(
    declared: Declared,
    *,
    registry: Registry,
    home: Path | None,
    only: str | None = None,
    limit: int | None = None,
    page: int = 20,
    fresh: bool = False,
) -> Survey:
    """Say what `run` would do, without writing anything."""
    from fairtrial.flow.book import glancing
    from fairtrial.flow.inputs import resolve
    from fairtrial.flow.standing import standing

    with glancing(home) as book:
        ledger = None if book is None else book.ledger
        inputs = resolve(declared.study, ledger)
        stands = standing(declared, ledger, fresh=fresh)
        _, opened = open_plan(
            declared,
            registry=registry,
            only=only,
            limit=limit,
            inputs=inputs.digest,
            settled=stands.settled,
            finished=stands.finished,
        )
        plan = opened.ask()
        if plan is None or plan.count().trials == 0:
            raise NothingMeasured("the plan is empty: no trial matches")
        left = look(plan, settled=stands.settled, finished=stands.finished)
        narrowed = bool(only or limit) or strategy_of(declared.study, registry).learns
        weighed = weigh(declared, left, ledger=ledger, run=stands.run, narrowed=narrowed, sources=inputs.digests)
        return replace(weighed, page=_page(left, stands.finished, page))


def weigh(
    declared: Declared,
    left: Left,
    *,
    ledger: Ledger | None,
    run: int | None,
    narrowed: bool,
    retried: int = 0,
    sources: Mapping[str, str] | None = None,
    strict: bool = False,
) -> Survey:
    """Count what of a plan is new, reused, stale and done, and estimate the rest from the book's history.

    The first trials that are left are resolved in full, so that what the system refuses is refused before the start;
    `strict` refuses a machine that cannot run them, too.
    """
    from fairtrial.flow.forecast import forecast, history, places, places_here

    new = None if left.positions is None else len(left.positions)
    checked = [left.plan.trial(position) for position in (left.positions or ())[:CHECKED]]
    known = history(declared, ledger)
    jobs = (places if strict else places_here)(declared.study, known)
    return Survey(
        study=declared.study.name,
        run=run,
        count=left.plan.count(),
        new=new,
        done=left.done,
        failed=left.failed,
        reused=len(left.reusable),
        retried=retried,
        retired=0 if narrowed else left.outside,
        stale=tally({} if ledger is None else stale(checked, ledger, declared, sources or {})),
        unlooked=max(0, (new or 0) - CHECKED),
        estimate=forecast(declared.system, checked, known=known, left=new, jobs=jobs, study=declared.study),
        jobs=jobs,
    )


def stale(
    trials: Sequence[Trial], ledger: Ledger, declared: Declared, sources: Mapping[str, str]
) -> Mapping[bytes, str]:
    """Say which of the new trials have results that no longer count, and why: trial digest -> reason."""
    from fairtrial.model.identity import point_digest

    if not trials:
        return {}
    points = {trial.digest: point_digest(trial.condition.digest, trial.seed) for trial in trials}
    return ledger.stale(points, trials[0].system, trials[0].inputs, identity=declared.identity, sources=dict(sources))


def tally(reasons: Mapping[bytes, str]) -> dict[str, int]:
    """Count reasons."""
    counts: dict[str, int] = {}
    for reason in reasons.values():
        counts[reason] = counts.get(reason, 0) + 1
    return counts


def _page(left: Left, finished: set[bytes], size: int) -> tuple[tuple[Trial, str], ...]:
    trials: list[tuple[Trial, str]] = []
    for block in left.plan.blocks():
        for position, digest in enumerate(block.digests, block.start):
            if len(trials) >= size:
                return tuple(trials)
            status = left.settled.get(digest) or ("reused" if digest in finished else "new")
            trials.append((left.plan.trial(position), status))
    return tuple(trials)
