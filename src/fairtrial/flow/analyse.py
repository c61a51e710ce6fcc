"""`analyse`: one question to a run, answered by one finding or by one for each arm."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fairtrial.errors import FairtrialError, UnknownName, UserError
from fairtrial.flow.evidence import Evidence, evidence, measured_again
from fairtrial.flow.ranking import ranking_of
from fairtrial.model.finding import Caution
from fairtrial.model.study import Direction

Finding = Any
"""One of the findings of `model/`: each has an `answer` and a `verdict`."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked beyond the kind: None and 0 leave it to the study."""

    metric: str | None = None
    factor: str | None = None
    arms: tuple[str, ...] = ()
    change: float = 0.5
    """Threshold: the share from which two adjacent means are listed as a jump."""
    margin: float | None = None
    """Differences up to this, in the metric's unit, do not matter."""
    top: int = 10
    response: str | None = None
    """Saturation: the metric of the response time, in seconds."""
    think_s: float = 0.0
    keyword: str | None = None
    table: str | None = None
    column: str | None = None
    prompts: str | None = None
    """Text: the column that holds what the subject was shown."""

    def __post_init__(self) -> None:
        """Raise UserError for an amount that is none."""
        for name, value in (("change", self.change), ("margin", self.margin), ("think", self.think_s)):
            if value is not None and not 0 <= value < math.inf:
                raise UserError(f"{name} is {value}, which is no amount", hint="a number of 0 or more")


def analyse(home: Path | None, number: int | None, of: str, question: Question = Question()) -> Sequence[Finding]:
    """Answer a question of KINDS about a run (the newest without a number); a list, for arms are asked one by one.

    Raises UnknownName for a kind, metric, factor or arm that is not there, UserError where a choice must be made.
    """
    with evidence(home, number) as found:
        return [_advising(finding, found) for finding in ask(found, of, question)]


def _advising(finding: Finding, found: Evidence) -> Finding:
    said = tuple(advised(doubt, found) for doubt in getattr(finding, "cautions", ()))
    return replace(finding, cautions=said) if said else finding


def ask(found: Evidence, of: str, question: Question = Question()) -> Iterator[Finding]:
    """Answer a question about a run that is open."""
    if of not in KINDS:
        raise UnknownName("analysis", of, KINDS)
    return KINDS[of](found, question)


def _common(found: Evidence) -> dict[str, Any]:
    return {"alpha": found.study.alpha, "completeness": found.study.completeness}


def _effects(found: Evidence, asked: Question) -> Iterator[Finding]:
    from fairtrial.analyse.effect.effects import effects

    metric = found.metric(asked.metric)
    factors = None if asked.factor is None else [asked.factor]
    yield effects(found.data, found.metrics, metric=metric, factors=factors, margin=asked.margin, **_common(found))


def _threshold(found: Evidence, asked: Question) -> Iterator[Finding]:
    from fairtrial.analyse.curve.threshold import threshold

    metric, factor = found.metric(asked.metric), found.factor(asked.factor)
    look = found.remembering(threshold)
    for arm in _arms(found, asked):
        one = look(found.data, metric=metric, factor=factor, arm=arm, change=asked.change, **_common(found))
        yield _of_arm(one, arm)


def _optimum(found: Evidence, asked: Question) -> Iterator[Finding]:
    from fairtrial.analyse.choice.optimum import optimum

    yield optimum(
        found.data,
        found.metrics,
        metric=found.metric(asked.metric),
        slo=found.study.slo,
        margin=asked.margin,
        again=measured_again(found),
        **_common(found),
    )


def _saturation(found: Evidence, asked: Question) -> Iterator[Finding]:
    from fairtrial.analyse.curve.range import operating_range
    from fairtrial.flow.saturated import saturated

    metric, factor = asked.metric or _grown(found), found.factor(asked.factor)
    for arm in _arms(found, asked):
        if metric is not None:
            named = found.metric(metric)
            one = saturated(found, named, factor, arm=arm, response=asked.response, think_s=asked.think_s)
            yield _of_arm(one, arm)
        if found.study.slo:
            clauses = found.study.slo
            levels = operating_range(found.data, factor=factor, clauses=clauses, arm=arm, alpha=found.study.alpha)
            yield _of_arm(levels, arm)


def _grown(found: Evidence) -> str | None:
    """Return what a load makes grow, where nobody says: a rate before others, and no share, which has no capacity."""
    directed = [metric for metric in found.metrics if metric.direction is not Direction.NONE]
    rates = [metric.name for metric in directed if metric.unit.endswith("/s")]
    if not rates and directed and found.study.slo and directed[0].unit == "share":
        return None
    return rates[0] if rates else found.metric(None)


def _scaling(found: Evidence, asked: Question) -> Iterator[Finding]:
    from fairtrial.analyse.curve.scaling import scaling

    metric, factor = found.metric(asked.metric), found.factor(asked.factor)
    for arm in _arms(found, asked):
        one = scaling(found.data, found.metrics, metric=metric, factor=factor, arm=arm, **_common(found))
        yield _of_arm(one, arm)


def _crossover(found: Evidence, asked: Question) -> Iterator[Finding]:
    from fairtrial.analyse.curve.crossover import crossover

    arms = asked.arms or found.arms()
    _refuse_unknown(found, asked.arms)
    if len(arms) != 2:
        known = " --arm ".join(found.arms()[:2]) or "A --arm B"
        raise UserError(f"a crossover is of two arms, not of {len(arms)}", hint=f"--arm {known}")
    yield found.remembering(crossover)(
        found.data,
        found.metrics,
        metric=found.metric(asked.metric),
        factor=found.factor(asked.factor),
        arms=(arms[0], arms[1]),
        prices=found.study.prices,
        **_common(found),
    )


def _search(found: Evidence, asked: Question) -> Iterator[Finding]:
    from fairtrial.analyse.choice.search import search

    metric = found.metric(asked.metric)
    if found.direction(metric) is Direction.NONE:
        raise UserError(f"{metric} has no direction, so nothing is best", hint=f"metrics: {{{metric}: maximize}}")
    again = measured_again(found)
    yield search(
        found.data,
        found.metrics,
        metric=metric,
        top=asked.top,
        margin=asked.margin,
        again=again,
        alpha=found.study.alpha,
    )


def _text(found: Evidence, asked: Question) -> Iterator[Finding]:
    from fairtrial.analyse.text import mentions

    if asked.keyword is None:
        raise UserError("which word?", hint="--keyword trust")
    factors = [name for name, column in found.data.factors.items() if len(column.levels) > 1]
    factor = asked.factor or _one("factor", None, factors)
    read = _answers(found, asked)
    yield mentions(
        read.answers,
        keyword=asked.keyword,
        factor=factor,
        table=read.table,
        column=read.column,
        prompts=read.prompts,
        trials=len(found.data),
        **_common(found),
    )


@dataclass(frozen=True, slots=True)
class _Answers:
    """The texts of a raw table, a trial with its texts each, and what the subjects were shown."""

    table: str
    column: str
    answers: Sequence[tuple[Any, Sequence[str]]]
    prompts: Sequence[str]


def _answers(found: Evidence, asked: Question) -> _Answers:
    import polars as pl

    names = list(dict.fromkeys(name for _, name, _ in found.ledger.tables(found.run.number)))
    table = _one("table", asked.table, names)
    frames = [(row, pl.read_parquet(path)) for row, _, path in found.ledger.tables(found.run.number, table)]
    texts = [name for name, kind in frames[0][1].schema.items() if kind == pl.String]
    prompts = _one("prompts", asked.prompts, texts) if asked.prompts else ""
    column = _one("column", asked.column, [name for name in texts if name != prompts])
    shown = {text for _, frame in frames for text in frame[prompts].drop_nulls().to_list()} if prompts else ()
    answers = [(row, frame[column].drop_nulls().to_list()) for row, frame in frames]
    return _Answers(table, column, answers, sorted(shown))


def _one(option: str, given: str | None, names: Sequence[str]) -> str:
    """Return the name that was given, or the only one. Raises UnknownName, UserError where a choice must be made."""
    if not names:
        raise UserError(f"the run has no {_NEEDED[option]}", hint="fairtrial show says what it has")
    if given is None and len(names) == 1:
        return names[0]
    if given is None:
        raise UserError(f"which {option}?", hint=f"--{option} {' | '.join(names)}")
    if given not in names:
        raise UnknownName(option, given, names)
    return given


_NEEDED = {
    "factor": "factor with several levels",
    "table": "tables of raw records",
    "column": "column of texts in that table",
    "prompts": "column of texts in that table",
}
"""Option -> what it names, as words for a run that has none."""


def _claims(found: Evidence, _: Question) -> Iterator[Finding]:
    from fairtrial.analyse.claim.claims import Detectors, claims
    from fairtrial.analyse.curve.crossover import crossover
    from fairtrial.analyse.curve.threshold import threshold

    once = Detectors(found.remembering(threshold), found.remembering(crossover))
    yield from claims(found.data, found.study, detectors=once)


def _arms(found: Evidence, asked: Question) -> Sequence[str | None]:
    """List the arms to ask one by one; a study without variants has the one None."""
    _refuse_unknown(found, asked.arms)
    return asked.arms or found.arms() or (None,)


def _refuse_unknown(found: Evidence, arms: Sequence[str]) -> None:
    """Raise UnknownName for an arm that the run does not have, UserError where it has none at all."""
    known = found.arms()
    for name in arms:
        if not known:
            raise UserError(
                f"unknown variant {name!r}: run {found.run.number} has no variants", hint="ask without --arm"
            )
        if name not in known:
            raise UnknownName("variant", name, known)


def _of_arm(finding: Finding, arm: str | None) -> Finding:
    """Say of which arm a finding is, where the arms were asked one by one."""
    return finding if arm is None else replace(finding, variant=arm, answer=f"{arm}: {finding.answer}")


KINDS: Mapping[str, Callable[[Evidence, Question], Iterator[Finding]]] = {
    "claims": _claims,
    "effects": _effects,
    "threshold": _threshold,
    "optimum": _optimum,
    "saturation": _saturation,
    "scaling": _scaling,
    "crossover": _crossover,
    "text": _text,
    "search": _search,
}


def advised(doubt: Caution, found: Evidence) -> Caution:
    """Return a caution whose advice names the run; nothing of an imported one can be measured again here."""
    if found.imported and re.search(r"\b(confirm|retry) RUN\b", doubt.advice):
        return replace(doubt, advice="The results were imported: measure again where they come from.")
    return replace(doubt, advice=re.sub(r"\bRUN\b", str(found.run.number), doubt.advice))


def doubts(found: Evidence) -> Sequence[Any]:
    """Return the reasons to doubt a run's conclusions."""
    from fairtrial.analyse.caution.cautions import cautions
    from fairtrial.flow.nulls import floor

    return cautions(found.data, found.study, found.attempts(), planned=found.run.planned, floor=floor(found))


def fitting(found: Evidence) -> list[str]:
    """Say which analyses fit a study without being asked for: claims bring theirs, a search its summary."""
    kinds = []
    varied = [path for path, column in found.data.factors.items() if len(column.levels) > 1]
    if varied and ranking_of(found) is None and any(metric.direction is not Direction.NONE for metric in found.metrics):
        kinds.append("search" if _searches(found.study.design.kind) else "optimum")
    if varied:
        kinds.append("effects")
    if found.study.slo and len([path for path in varied if found.data.factors[path].ordered]) == 1:
        kinds.append("saturation")
    return kinds


def _searches(design: str) -> bool:
    """Say whether a design looks for the best condition; one that is not installed here is taken to."""
    from fairtrial.contract.registry import Registry
    from fairtrial.contract.strategy import Searches

    try:
        strategy = Registry().strategy(design)
    except FairtrialError:
        return True
    if isinstance(strategy, Searches):
        return strategy.searches
    return strategy.learns or strategy.asynchronous


def answers(
    home: Path | None, number: int | None, of: str | None, question: Question = Question()
) -> dict[str, Sequence[Finding]]:
    """Answer a question of a kind about a run; without a kind its claims, then what its study is made for.

    Kind -> findings; the run is read once. Raises as `analyse` does.
    """
    with evidence(home, number) as found:
        chosen = [of] if of else [*(["claims"] if found.study.expect else []), *fitting(found)]
        return {kind: [_advising(finding, found) for finding in ask(found, kind, question)] for kind in chosen}


def remember(
    home: Path | None,
    number: int | None,
    findings: Mapping[str, Sequence[Finding]],
    *,
    why: str,
    command: Sequence[str],
) -> None:
    """Keep in the book's log what was asked of a run, and the answers."""
    from fairtrial.flow.book import writing

    with writing(home) as book:
        run = book.ledger.run(number).number
        answers = {kind: [finding.answer for finding in found] for kind, found in findings.items()}
        book.act("analyse", why=why, command=tuple(command), run=run, detail={"answers": answers})


def level_table(home: Path | None, number: int | None, factor: str, metrics: Sequence[str] | None) -> Any:
    """Return a polars DataFrame with a row for each level of a factor, and n, mean, sd, … of each metric.

    The values are those of `analyse.data.points`: one a replicate, the other factors averaged.
    """
    import polars as pl

    from fairtrial.analyse.data import points
    from fairtrial.stats.summary import median

    with evidence(home, number) as found:
        names = list(metrics) if metrics is not None else [metric.name for metric in found.metrics]
        columns: dict[str, list[Any]] = {factor: list(found.data.factor(factor).levels)}
        for name in names:
            listed = points(found.data, name, factor, level=1 - found.study.alpha)
            numbers = [[value for value in item.values if value == value] for item in listed]
            columns |= {
                f"{name}_n": [item.n for item in listed],
                f"{name}_missing": [item.missing for item in listed],
                f"{name}_mean": [item.mean for item in listed],
                f"{name}_sd": [item.sd for item in listed],
                f"{name}_median": [median(values) for values in numbers],
                f"{name}_min": [min(values, default=None) for values in numbers],
                f"{name}_max": [max(values, default=None) for values in numbers],
            }
    return pl.DataFrame(columns, strict=False)
