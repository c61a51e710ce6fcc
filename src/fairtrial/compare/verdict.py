"""Two runs -> a comparison with its verdict: the same rule for every verb that compares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fairtrial.compare.cells import Cell, cells
from fairtrial.compare.change import Draft, Terms, drafted
from fairtrial.compare.gauge import Gauge, gauges
from fairtrial.compare.likeness import labels, refuse_unlike
from fairtrial.compare.nulls import Nulls
from fairtrial.compare.sample import Sample
from fairtrial.compare.words import answer
from fairtrial.errors import NothingMeasured
from fairtrial.model.comparison import Change, Comparison, Gate, Null, Status
from fairtrial.model.finding import Caution, CautionKind
from fairtrial.stats.multiplicity import benjamini_hochberg, holm

TOGETHER = ("interleaved", "confirmed")
"""Modes in which both runs were measured side by side: only they may fail."""
FEW = 5


def compare(
    baseline: Sample,
    current: Sample,
    *,
    mode: str = "cross-time",
    stored: Iterable[Null] = (),
    alpha: float | None = None,
    looks: int = 1,
) -> Comparison:
    """Compare two runs. `alpha` is the level of this look (None: the study's).

    The rule, for every gating metric of every condition, on differences signed so that + is worse: FAIL where Holm
    rejects `not worse` for one of them and its estimate is beyond its margin; PASS where every one-sided upper bound
    lies below its margin; else INCONCLUSIVE. Runs of different times never FAIL. A run that lost what the baseline
    has, or that is below the declared completeness, is INVALID. Raises UserError for runs of different things,
    NothingMeasured where no condition is in either.
    """
    together = mode in TOGETHER
    refuse_unlike(baseline, current, together=together)
    level = current.study.alpha if alpha is None else alpha
    nulls = Nulls.fitting(stored, machine=current.side.machine, system=current.system)
    drafts = _drafts(baseline, current, together=together, alpha=level, nulls=nulls)
    if not any(draft.change.gating for draft in drafts):
        raise NothingMeasured("neither run measured a metric that gates", hint=f"fairtrial show {current.side.run}")
    changes = _settled(drafts, level)
    verdict = _verdict(changes, together=together)
    return Comparison(
        baseline=baseline.side,
        current=current.side,
        mode=mode,
        changes=changes,
        unlike=labels(baseline, current),
        verdict=verdict,
        answer=answer(verdict, changes, (baseline.side.run, current.side.run), mode=mode),
        alpha=level,
        looks=looks,
        false_alarms=nulls.false_alarms(drafts, alpha=level) if together else None,
        cautions=_cautions(changes, together=together, defaults=not (current.study.gate or baseline.study.gate)),
    )


def _drafts(baseline: Sample, current: Sample, *, together: bool, alpha: float, nulls: Nulls) -> list[Draft]:
    judged, matched = gauges(baseline.study, current.study), cells(baseline, current)
    terms = Terms(
        together=together,
        alpha=alpha,
        family=len(matched) * sum(gauge.gating for gauge in judged),
        completeness=max(baseline.study.completeness, current.study.completeness),
        runs=(baseline.side.run, current.side.run),
    )

    def one(cell: Cell, gauge: Gauge) -> Draft | None:
        absolute = not gauge.margin.relative
        rounds = 0 if together else len(cell.rounds)
        return drafted(cell, gauge, terms, band=nulls.band(gauge.metric.name, rounds, absolute=absolute))

    made = (one(cell, gauge) for gauge in judged for cell in matched)
    return [draft for draft in made if draft is not None]


def _settled(drafts: Sequence[Draft], alpha: float) -> tuple[Change, ...]:
    families = (
        ([draft for draft in drafts if draft.change.gating], holm),
        ([draft for draft in drafts if not draft.change.gating], benjamini_hochberg),
    )
    return tuple(
        draft.settled(p, better, alpha)
        for family, adjust in families
        for draft, p, better in zip(
            family, adjust([item.change.p for item in family]), adjust([item.p_better for item in family]), strict=True
        )
    )


def _verdict(changes: Sequence[Change], *, together: bool) -> Gate:
    found = {change.status for change in changes if change.gating}
    if together and Status.REGRESS in found:
        return Gate.FAIL
    if Status.INVALID in found:
        return Gate.INVALID
    return Gate.INCONCLUSIVE if found & {Status.REGRESS, Status.UNCLEAR} else Gate.PASS


def _cautions(changes: Sequence[Change], *, together: bool, defaults: bool) -> tuple[Caution, ...]:
    gating = [change for change in changes if change.gating]
    few = [change for change in gating if 0 < change.rounds < FEW]
    still = [change for change in gating if change.rounds > 1 and change.worse is None and change.p is not None]
    invalid = [change for change in gating if change.status is Status.INVALID]
    found = []
    if few:
        text = f"{len(few)} of {len(gating)} comparisons rest on fewer than {FEW} rounds."
        found.append(Caution(CautionKind.FEW_REPLICATES, text, "Raise `replicates`, or --rounds of a paired run."))
    if still:
        text = f"{len(still)} of {len(gating)} comparisons do not vary at all, so their noise is unknown."
        found.append(Caution(CautionKind.DEGENERATE, text, "Five rounds or more let the sign test decide."))
    if invalid:
        text = f"{len(invalid)} of {len(gating)} comparisons lack rounds: {invalid[0].why}."
        again = (
            "The same command measures both again." if together else "`fairtrial retry RUN` runs failed trials again."
        )
        found.append(Caution(CautionKind.INCOMPLETE, text, again))
    if defaults:
        found.append(_undeclared())
    return tuple(found)


def _undeclared() -> Caution:
    text = "The study declares no `gate:`, so every metric with a direction gates, by 10 % (rates near 1: by 0.01)."
    return Caution(CautionKind.SELECTION, text, "Declare `gate: {METRIC: {worse_by: 5%}}` before the next run.")
