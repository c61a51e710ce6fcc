"""Service levels, gates, prices, confirmation, adaptive replication and a place in a programme -> their records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from fairtrial.errors import nearest
from fairtrial.model.claim import Clause, Confirm, Margin, Place, Tolerance, Until
from fairtrial.model.price import RATES
from fairtrial.model.study import Direction, Metric, Study
from fairtrial.spec.claims import known_metric
from fairtrial.spec.quantity import amount, margin
from fairtrial.spec.source import Source
from fairtrial.spec.words import AdaptiveWords, StudyWords

Known = Mapping[str, Metric]
"""The metrics of the study and of its system, by name."""


def replicates(words: StudyWords, source: Source) -> int:
    """Return how many replicates a condition gets, at most."""
    given = words.replicates
    if not isinstance(given, AdaptiveWords):
        return given
    if given.max < given.min:
        raise source.error("replicates", f"max {given.max} is below min {given.min}", at="replicates.max")
    return given.max


def until(words: StudyWords, source: Source, known: Known) -> Until | None:
    """Read adaptive replication; None where the number of replicates is fixed."""
    given = words.replicates
    if not isinstance(given, AdaptiveWords):
        return None
    metric = known_metric(source, "replicates.until.metric", given.until.metric, known)
    width = _margin(source, "replicates.until.half_width", given.until.half_width, metric)
    if not width.value > 0:
        raise source.error("replicates.until.half_width", "no interval is narrower than nothing", "write 5%")
    return Until(given.min, given.max, metric.name, width)


def slo(words: StudyWords, source: Source, known: Known) -> tuple[Clause, ...]:
    """Read service levels: a clause for each bound."""
    return tuple(clause for name in words.slo for clause in _clauses(words, source, name, known))


def _clauses(words: StudyWords, source: Source, name: str, known: Known) -> Iterator[Clause]:
    at, given = f"slo.{name}", words.slo[name]
    metric = known_metric(source, at, name, known)
    bounds = {bound: value for bound, value in (("min", given.min), ("max", given.max)) if value is not None}
    if not bounds:
        raise source.error(at, "a service level has a bound", f"{name}: {{max: 0.02}}, or min")
    limits = {bound: _amount(source, f"{at}.{bound}", value, metric) for bound, value in bounds.items()}
    if len(limits) > 1 and limits["min"] > limits["max"]:
        raise source.error(at, f"min {limits['min']:g} lies above max {limits['max']:g}")
    yield from (Clause(name, bound, limit) for bound, limit in limits.items())


def gate(words: StudyWords, source: Source, known: Known) -> tuple[Tolerance, ...]:
    """Read what may not become worse. Raises SpecError for a metric of which nobody says which way is worse."""
    return tuple(_tolerance(source, f"gate.{name}", name, given.worse_by, known) for name, given in words.gate.items())


def _tolerance(source: Source, at: str, name: str, given: Any, known: Known) -> Tolerance:
    metric = known_metric(source, at, name, known)
    if metric.direction is Direction.NONE:
        hint = f"metrics: {{{name}: minimize}}, or maximize"
        raise source.error(at, f"metric {name!r} has no direction, so nothing is worse", hint)
    return Tolerance(name, _margin(source, f"{at}.worse_by", given, metric))


def confirm(words: StudyWords) -> Confirm:
    """Read what is measured again."""
    return Confirm(words.confirm.top, words.confirm.replicates)


def place(words: StudyWords) -> Place:
    """Read the place in a programme."""
    return Place(words.plan.phase, words.plan.item, words.plan.stage, words.plan.source)


def prices(words: StudyWords, source: Source, study: Study, known: Known) -> dict[str, float]:
    """Read prices: of what trials use, of a unit of a metric, or of an arm.

    Raises SpecError, also for a budget of cost that no price counts towards.
    """
    arms = [variant.name for variant in study.variants if variant.name]
    names = {*RATES, *known, *arms}
    for name in words.prices:
        if name not in names:
            raise source.error("prices", f"no price of {name!r}", nearest(name, names), at=f"prices.{name}")
    counted = [name for name, price in words.prices.items() if price > 0 and (name in RATES or name in known)]
    if study.stop.cost is not None and not counted:
        hint = "prices: {cpu_hour: 0.05}; also trial, wall_hour, gpu_hour, or a metric"
        raise source.error("stop.cost", "nothing has a price that trials add up", hint)
    return dict(words.prices)


def named(study: Study, known: Known) -> tuple[Metric, ...]:
    """List the metrics that the study names beside its own; only where one gates, it matters which way is better."""
    own = {metric.name for metric in study.metrics}
    gating = dict.fromkeys(tolerance.metric for tolerance in study.gate)
    other = [claim.metric for claim in study.expect] + [clause.metric for clause in study.slo]
    other += [study.until.metric] if study.until else []
    other += [name for name in study.prices if name in known]
    plain = [name for name in dict.fromkeys(other) if name not in own and name not in gating]
    return (
        *(known[name] for name in gating if name not in own),
        *(replace(known[name], direction=Direction.NONE) for name in plain),
    )


def _amount(source: Source, at: str, given: Any, metric: Metric) -> float:
    try:
        return amount(given, metric.unit)
    except ValueError as problem:
        raise source.error(at, str(problem), _form(metric)) from problem


def _margin(source: Source, at: str, given: Any, metric: Metric) -> Margin:
    try:
        return margin(given, metric.unit)
    except ValueError as problem:
        raise source.error(at, str(problem), f"a share such as 10%, or {_form(metric)}") from problem


def _form(metric: Metric) -> str:
    return f"a number in {metric.unit}" if metric.unit else "a number"
