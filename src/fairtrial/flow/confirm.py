"""`confirm`: the best conditions of a run measured again on fresh seeds, in a run of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairtrial.contract.registry import Registry
from fairtrial.errors import NothingMeasured, UserError
from fairtrial.flow.book import reading, writing
from fairtrial.flow.session import SILENT, Listeners, Order
from fairtrial.model.choice import Again, Candidate, OptimumFinding
from fairtrial.model.finding import Verdict

if TYPE_CHECKING:
    from fairtrial.flow.run import Ended

SUFFIX = ".confirm"
"""Follows the study's name in the name of its confirmation."""
DROPPED = ("include", "exclude", "expect", "stop", "confirm", "plan")
"""Words of the study that say nothing about conditions given by hand."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What a second measurement on fresh seeds says of the best conditions."""

    of: int
    ended: Ended
    again: tuple[Again, ...]
    verdict: Verdict
    answer: str


def confirm(
    home: Path | None,
    number: int | None,
    *,
    registry: Registry,
    top: int | None = None,
    replicates: int | None = None,
    order: Order = Order(),
    listeners: Listeners = SILENT,
) -> Confirmed:
    """Measure the best conditions of a run again on seeds that it has not seen, and say what is left of their lead.

    How many, and how often, says the study's `confirm:` unless given. The same command continues an interrupted
    confirmation. Raises NothingMeasured where no condition has a mean, UserError for a run that was imported.
    """
    from fairtrial.flow.declare import Source, declare
    from fairtrial.flow.run import run

    first, document, folder = _first(home, number, top, replicates)
    source = Source(document=document, folder=folder)
    ended = run(
        declare(source, registry=registry, home=home), registry=registry, home=home, order=order, listeners=listeners
    )
    again, finding = _judged(home, first.run, ended.run.number)
    verdict, answer = _verdict(finding, again, ended)
    with writing(home) as book:
        detail = {"of": first.run, "run": ended.run.number, "verdict": verdict.value, "answer": answer}
        book.act("confirm", why=order.why, command=order.command, run=ended.run.number, detail=detail)
    return Confirmed(of=first.run, ended=ended, again=again, verdict=verdict, answer=answer)


@dataclass(frozen=True, slots=True)
class _First:
    run: int
    candidates: tuple[Candidate, ...]


def _first(
    home: Path | None, number: int | None, top: int | None, replicates: int | None
) -> tuple[_First, dict[str, Any], Path]:
    from fairtrial.flow.evidence import gather
    from fairtrial.spec.measured import constant

    with reading(home) as book:
        found = gather(book.ledger, number)
        run, study = found.run, found.study
        if found.imported:
            raise UserError(f"run {run.number} was imported: there is no system to measure with")
        if found.system is not None and (reason := constant(study, found.system)):
            raise UserError(f"run {run.number}: fresh seeds would measure the same", hint=reason)
        chosen = _chosen(_optimum(found).candidates, top or study.confirm.top, run.number)
        drivers = book.ledger.provenance(run.number)
    folder = Path(drivers[-1]["folder"]) if drivers else Path.cwd()
    document = derived(run.document, chosen, replicates=replicates or study.confirm.replicates, seed=study.seed)
    return _First(run.number, chosen), document, folder


def _chosen(candidates: Sequence[Candidate], top: int, run: int) -> tuple[Candidate, ...]:
    able = [item for item in candidates if item.estimate.n and item.feasible is not False]
    if not able:
        raise NothingMeasured(f"run {run} has no condition to confirm", hint=f"fairtrial show {run}")
    return tuple(able[:top])


def derived(
    document: Mapping[str, Any], candidates: Sequence[Candidate], *, replicates: int, seed: int
) -> dict[str, Any]:
    """Return the study that measures some conditions of another one again, on seeds of its own."""
    from fairtrial.model.identity import stream_seed

    listed = [{"variant": item.variant, "assignment": dict(item.assignment)} for item in candidates]
    kept = {word: said for word, said in document.items() if word not in DROPPED}
    return {
        **kept,
        "study": f"{document['study']}{SUFFIX}",
        "seed": stream_seed(seed, "confirm") % 2**31,
        "replicates": replicates,
        "design": {"kind": "listed", "conditions": listed},
    }


def _optimum(found: Any) -> OptimumFinding:
    from fairtrial.flow.analyse import ask

    (finding,) = ask(found, "optimum")
    assert isinstance(finding, OptimumFinding)
    return finding


def _judged(home: Path | None, first: int, second: int) -> tuple[tuple[Again, ...], OptimumFinding]:
    from fairtrial.analyse.choice.optimum import compare_again
    from fairtrial.flow.evidence import gather

    with reading(home) as book:
        before, after = gather(book.ledger, first), gather(book.ledger, second)
        metric = before.metric(None)
        again = compare_again(before.data, after.data, before.metrics, metric=metric, run=second)
        return again, _optimum(after)


def _verdict(finding: OptimumFinding, again: Sequence[Again], ended: Ended) -> tuple[Verdict, str]:
    """Supported where the first run's best is the best again, and told from the others on the fresh seeds alone."""
    if ended.state != "finished":
        return Verdict.INCONCLUSIVE, f"The second measurement is not finished ({ended.state})."
    if not again:
        return Verdict.INCONCLUSIVE, "No condition could be matched with its second measurement."
    winner, new = again[0], finding.candidates[0]
    if _same(winner, new):
        return finding.verdict, f"The best condition is the best again. {finding.answer}"
    stands = next((item for item in finding.candidates if _same(winner, item)), None)
    if stands is not None and stands.best:
        return (
            Verdict.INCONCLUSIVE,
            f"Another condition is ahead now; the two cannot be told apart. {finding.answer}",
        )
    return Verdict.NOT_SUPPORTED, f"The best condition is not the best on fresh seeds. {finding.answer}"


def _same(one: Again, other: Candidate) -> bool:
    """Say whether two are one condition."""
    return (one.variant, dict(one.assignment)) == (other.variant, dict(other.assignment))
