"""`report`: a run's evidence gathered into a document, and the document written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fairtrial.errors import BookUnwritable
from fairtrial.flow.analyse import Question, advised, ask, doubts, fitting
from fairtrial.flow.book import locate, writing
from fairtrial.flow.evidence import Evidence, evidence
from fairtrial.flow.level import interval_level
from fairtrial.flow.ranking import ranking_of
from fairtrial.model.choice import ClaimFinding
from fairtrial.model.claim import ClaimKind
from fairtrial.model.document import Document
from fairtrial.model.figure import Section
from fairtrial.model.finding import Caution, CautionKind, Verdict


def document(home: Path | None, number: int | None, *, of: Sequence[str] = (), factor: str | None = None) -> Document:
    """Gather the report of a run (the newest without a number); `of` adds analyses to those that fit its study.

    Raises NothingMeasured where no trial is settled, UnknownName for an analysis that there is none of.
    """
    with evidence(home, number) as found:
        return gathered(found, of=of, factor=factor)


def gathered(found: Evidence, *, of: Sequence[str] = (), factor: str | None = None) -> Document:
    """Gather the report of an open run."""
    from fairtrial.flow import facts, invalid
    from fairtrial.report.sections.finding import section

    units = {metric.name: metric.unit for metric in found.metrics if metric.unit}
    claims: tuple[ClaimFinding, ...] = tuple(ask(found, "claims"))
    results = list(results_of(found, of, factor))
    cautions = all_doubts(found, [finding for _, finding in results])
    ranking = ranking_of(found)
    answer, verdict = answered(claims, results)
    if ranking is not None and not claims:
        answer = ranking.answer
    answer = answer or alone(found)
    drivers = found.ledger.provenance(found.run.number)
    return Document(
        title=f"{found.run.study}, run {found.run.number}",
        question=found.study.question,
        answer=answer,
        verdict=verdict,
        facts=facts.facts(found, drivers),
        claims=claims,
        sections=(
            facts.design(found),
            facts.completeness(found),
            *invalid.section(found),
            *facts.manipulations(found),
            *(ranking.sections if ranking else ()),
            *(section(finding, units) for _, finding in results),
            *_own(found),
            section(_conditions(found), units),
            facts.null_check(found),
            *facts.sensitivity(found),
        ),
        cautions=cautions,
        limits=facts.limits(found, drivers),
        reproduce=facts.reproduce(found, drivers),
        digests=facts.digests(found),
    )


def all_doubts(found: Evidence, results: Sequence[Any]) -> tuple[Caution, ...]:
    """Return the reasons to doubt a run, then those to doubt a finding that say more than these."""
    first = list(doubts(found))
    said = {each.kind for each in first if each.kind in ONCE}
    more = (each for finding in results for each in finding.cautions if each.kind not in said)
    return tuple(dict.fromkeys(advised(each, found) for each in (*first, *more)))


ONCE = (CautionKind.INCOMPLETE, CautionKind.FEW_REPLICATES, CautionKind.SELECTION, CautionKind.CENSORED)
"""What is true of the run is not said again of each finding."""


def results_of(found: Evidence, of: Sequence[str], factor: str | None) -> Iterator[tuple[str, Any]]:
    """Answer what the claims are about, the questions that fit a study, then those asked for: (kind, finding)."""
    metric = found.judged()[0]
    fits = sorted(fitting(found), key=lambda kind: kind != "saturation")  # who states an slo asks how far it goes
    chosen = [*claimed(found), *((kind, Question(metric=None if kind == "saturation" else metric)) for kind in fits)]
    chosen += [(kind, Question(metric=metric, factor=factor)) for kind in of]
    for kind, asked in dict.fromkeys(chosen):
        for finding in ask(found, kind, asked):
            yield kind, finding


def claimed(found: Evidence) -> Iterator[tuple[str, Question]]:
    """Yield the analyses behind the claims of a study: thresholds, and crossings of two arms."""
    for claim in found.study.expect:
        if claim.kind is ClaimKind.THRESHOLD:
            yield "threshold", Question(metric=claim.metric, factor=claim.factor)
        elif claim.kind is ClaimKind.CROSS:
            yield "crossover", Question(metric=claim.metric or None, factor=claim.factor, arms=claim.arms)


def answered(claims: Sequence[ClaimFinding], results: Sequence[tuple[str, Any]]) -> tuple[str, str]:
    """Say the answer, and its verdict: only claims have one, without them a report tells what the first analysis found.

    That may be several sentences: of each arm, and of a load both where it saturates and up to where it keeps its slo.
    '' where nothing was asked.
    """
    from fairtrial.report.words import sentence

    if not claims:
        told = [(kind, finding.answer) for kind, finding in results if finding.answer]
        first = [sentence(answer) for kind, answer in told if kind == told[0][0]]
        return " ".join(first), ""
    if len(claims) == 1:
        return claims[0].answer, claims[0].verdict.value
    sorted_out = {verdict: [claim.claim for claim in claims if claim.verdict is verdict] for verdict in Verdict}
    said = "; ".join(f"{verdict.value}: {', '.join(texts)}" for verdict, texts in sorted_out.items() if texts)
    worst = next(verdict for verdict in WORST if sorted_out[verdict])
    return f"{said[0].upper()}{said[1:]}.", worst.value


def alone(found: Evidence) -> str:
    """Say what a run comes to in which nothing varies: whether it keeps its service levels, where it has some."""
    from fairtrial.analyse.curve.kept import service_levels

    several = int(found.data.condition.max()) > 0
    if found.study.slo and not several:
        return service_levels(found.data, found.study.slo, alpha=found.study.alpha)
    if found.study.gate and not several:
        return f"Nothing varies in this run: its gate compares it with another (fairtrial gate {found.run.number})."
    return "Nothing was asked of this run." if several else "Nothing varies in this run, and it claims nothing."


def described(home: Path | None, number: int | None) -> Section:
    """Describe the conditions of a run to which no analysis fits, and say why there is nothing else.

    Raises NothingMeasured where no trial is settled.
    """
    from fairtrial.report.sections.finding import section

    with evidence(home, number) as found:
        units = {metric.name: metric.unit for metric in found.metrics if metric.unit}
        made = section(_conditions(found), units)
        return replace(made, sentences=(alone(found), *made.sentences))


WORST = (Verdict.NOT_SUPPORTED, Verdict.INCONCLUSIVE, Verdict.SUPPORTED)


def _conditions(found: Evidence) -> Any:
    from fairtrial.analyse.conditions import ranking
    from fairtrial.report.sections.conditions import Conditions

    findings, _ = ranking(found.data.measured, found.metrics, level=interval_level(found.run.document))
    return Conditions(tuple(findings), tuple(metric.name for metric in found.metrics))


def _own(found: Evidence) -> Iterator[Section]:
    """Give the sections that the system itself has to add, where it is installed."""
    from fairtrial.contract.system import Concludes
    from fairtrial.flow.tables import RawTables

    system = found.system
    if isinstance(system, Concludes):
        yield from system.conclude(found.data.measured, RawTables(found.ledger, found.run.number))


def sections(kind: str, findings: Sequence[Any]) -> list[Section]:
    """Return findings of one kind as they are shown."""
    from fairtrial.report.sections.finding import section

    if kind == "claims":
        return [section(tuple(findings))] if findings else []
    if kind == "again":
        from fairtrial.report.sections.candidates import again

        return [Section("Confirmation", (), (again(tuple(findings)),))] if findings else []
    return [section(finding) for finding in findings]


def markdown(made: Document) -> str:
    """Write a document as Markdown."""
    from fairtrial.report.document import markdown as write

    return write(made)


@dataclass(frozen=True, slots=True)
class Published:
    """A report that was written."""

    title: str
    answer: str
    verdict: str
    """'' for a study without claims."""
    folder: Path
    paths: tuple[Path, ...]
    """All files."""


def publish(
    home: Path | None,
    number: int | None,
    folder: Path | None,
    *,
    of: Sequence[str] = (),
    factor: str | None = None,
    why: str = "",
    command: Sequence[str] = (),
) -> Published:
    """Write a run's report into a folder (`reports/RUN` beside the book unless given), and note that in the book.

    Of a book that can only be read it is written all the same.
    """
    from fairtrial.report.document import write

    with evidence(home, number) as found:
        run = found.run.number
        target = folder or locate(home).parent / "reports" / str(run)
        made = gathered(found, of=of, factor=factor)
        paths = write(made, target)
    detail = {"folder": str(target), "answer": made.answer, "verdict": made.verdict}
    with suppress(BookUnwritable), writing(home) as book:
        book.act("report", why=why, command=tuple(command), run=run, detail=detail)
    return Published(made.title, made.answer, made.verdict, target, tuple(paths))
