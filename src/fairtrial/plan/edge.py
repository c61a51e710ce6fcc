"""The edge of the service levels along one factor: up by doublings, then by bisection."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from fairtrial.contract.strategy import Opened, Plan, Space, Told
from fairtrial.errors import SpecError, nearest
from fairtrial.model.identity import is_number
from fairtrial.model.study import Direction, Factor, Interval, Study
from fairtrial.model.trial import Condition
from fairtrial.plan.arm import Arm
from fairtrial.plan.bases import metric_of, share
from fairtrial.plan.grid import refuse_options
from fairtrial.plan.picked import Noted
from fairtrial.plan.sampled import excluded
from fairtrial.stats import edge

RESOLUTION = 0.05
_OPTIONS = ("factor", "resolution", "until", "metric")


class Edge:
    """Tests the lowest level, then higher ones until one does not keep the service levels, then halves the bracket.

    Every level is tested with all replicates, and with all settings of the other factors. A variant has a search of its
    own. What `until: saturation` adds: no higher level is tried once `metric` has stopped growing.
    """

    name = "edge"
    asynchronous = False
    learns = True
    searches = False

    def open(self, space: Space, options: Mapping[str, Any]) -> Opened:
        """Start on a space. Raises SpecError for options, and for a study in which no edge can be shown."""
        study = space.study
        refuse_options(self.name, options, _OPTIONS)
        until = _until(study, options)
        if not study.slo and until != "saturation":
            hint = "slo: {METRIC: {max: X}}, or until: saturation"
            raise SpecError("design edge needs service levels", file=study.file, path="design", hint=hint)
        if study.replicates < 2:
            message = "one replicate shows nothing of an edge: a bound needs two"
            raise SpecError(message, file=study.file, path="replicates", hint="replicates: 5")
        resolution = _resolution(study, options)
        growing = _growing(study, options) if until == "saturation" else ""
        searches = [_search(space, Arm(study, variant), options, resolution) for variant in study.variants]
        return Searching(space, searches, growing=growing, note=_note(study, searches[0], resolution, growing))


@dataclass(slots=True)
class Search:
    """The search of one variant."""

    arm: Arm
    factor: Factor
    climb: edge.Climb
    alpha: float
    """Of each test."""
    seen: dict[float, Mapping[str, list[float]]] = field(default_factory=dict)
    """Level -> the values of its metrics, one a replicate."""

    @property
    def path(self) -> str:
        """Return the path of the factor."""
        return self.factor.paths[0]

    def at(self, condition: Condition) -> Any:
        """Return the level of a condition; None for one of another variant."""
        return condition.assignment.get(self.path) if condition.variant == self.arm.name else None

    def conditions(self, space: Space) -> list[Condition]:
        """Make the conditions of the next level; none at the end."""
        level = self.climb.level()
        return [] if level is None else self.crossed(space, self._written(level))

    def crossed(self, space: Space, written: Any) -> list[Condition]:
        """Make the conditions of a level: it with all settings of the other factors."""
        others = [factor for factor in self.arm.factors if factor is not self.factor]
        found: dict[bytes, Condition] = {}
        for chosen in product(*(factor.levels or () for factor in others)):
            pairs = zip(others, chosen, strict=True)
            values = {path: value for factor, row in pairs for path, value in zip(factor.paths, row, strict=True)}
            assignment = self.arm.active({**values, self.path: written})
            if not excluded(space.study, self.arm, assignment):
                condition = space.condition(self.arm.name, assignment)
                found.setdefault(condition.digest, condition)
        return list(found.values())

    def _written(self, level: float) -> Any:
        """Return a level as the study writes it."""
        if self.factor.levels is not None:
            return next(row[0] for row in self.factor.levels if row[0] == level)
        whole = self.factor.interval is not None and self.factor.interval.integer
        return int(level) if whole else level


class Searching:
    """The searches of all variants, side by side."""

    def __init__(self, space: Space, searches: Sequence[Search], *, growing: str, note: str) -> None:
        self._space, self._searches, self._growing, self._note = space, searches, growing, note
        self._asked: list[tuple[Search, float]] = []

    def ask(self) -> Plan | None:
        """Return the next level of every variant that goes on."""
        first = not any(search.climb.tested for search in self._searches)
        while True:
            levels = [(search, search.climb.level()) for search in self._searches]
            self._asked = [(search, level) for search, level in levels if level is not None]
            if not self._asked:
                return None
            conditions = [made for search, _ in self._asked for made in search.conditions(self._space)]
            if conditions and not first:
                return self._space.fixed(conditions)
            if conditions:
                study = self._space.study
                by_hand = [self._space.condition(one.variant, one.assignment) for one in study.include]
                return Noted(self._space.fixed([*conditions, *by_hand]), self._note)
            self.tell([])  # rules left nothing of these levels: they are not shown to be safe

    def tell(self, told: Sequence[Told]) -> None:
        """Hear what came of the last levels."""
        study = self._space.study
        for search, level in self._asked:
            mine = [one for one in told if search.at(one.trial.condition) == level]
            values = _by_replicate(mine, study)
            search.seen[level] = values
            safe = all(_kept(values.get(clause.metric, []), clause, search.alpha) for clause in study.slo)
            full = bool(self._growing) and safe and self._full(search, level)
            search.climb.tell(level, safe=safe and bool(mine), full=full)
        self._asked = []

    def _full(self, search: Search, level: float) -> bool:
        """Say whether the metric stopped growing over the last two steps up."""
        tested = [*search.climb.tested, level]
        if len(tested) < 3 or search.climb.unsafe is not None:
            return False
        before, after = (search.seen[at].get(self._growing, []) for at in (tested[-3], level))
        return len(before) == len(after) and edge.saturated(before, after, search.alpha)


def _kept(values: Sequence[float], clause: Any, alpha: float) -> bool:
    return edge.kept(values, clause.limit, most=clause.bound == "max", alpha=alpha)


def _by_replicate(told: Sequence[Told], study: Study) -> dict[str, list[float]]:
    """Return metric -> a value for each replicate: the mean over its conditions, NaN where one has none."""
    names = {clause.metric for clause in study.slo} | {metric.name for metric in study.metrics}
    by: dict[int, list[Told]] = {}
    for one in told:
        by.setdefault(one.trial.replicate, []).append(one)
    return {name: [_mean(by[k], name) for k in sorted(by)] for name in names}


def _mean(told: Sequence[Told], metric: str) -> float:
    values = [one.metrics.get(metric) if one.status == "done" else None for one in told]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else math.nan


def _search(space: Space, arm: Arm, options: Mapping[str, Any], resolution: float) -> Search:
    factor = _factor(arm, options.get("factor"))
    wide = next((other for other in arm.factors if other is not factor and other.levels is None), None)
    if wide is not None:
        message = f"design edge searches along {factor.name}: every other factor needs levels"
        raise arm.error(message, factor=wide, hint=f"{wide.name}: [LOW, HIGH], or option factor: {wide.name}")
    walked = rail(factor, resolution)
    alpha = edge.share(space.study.alpha, walked)
    made = Search(arm, factor, edge.Climb(walked, space.study.design.n), alpha)
    if factor.interval is not None and not factor.interval.integer:
        _try_between(space, made, factor.interval)
    return made


def _try_between(space: Space, made: Search, interval: Interval) -> None:
    """Refuse a range of which the system takes the ends alone: levels between them are asked for later."""
    try:
        made.crossed(space, interval.low + (interval.high - interval.low) / math.pi)
    except SpecError as problem:
        hint = f"{made.path}: {{integers: [{math.ceil(interval.low)}, {math.floor(interval.high)}]}}"
        raise made.arm.error(problem.bare, factor=made.factor, hint=hint) from problem


def rail(factor: Factor, resolution: float) -> edge.Rail:
    """Return the levels of a factor as a search walks them."""
    if factor.levels is not None:
        return edge.Listed(sorted(row[0] for row in factor.levels))
    made = factor.interval
    assert made is not None
    return edge.Ranged(made.low, made.high, log=made.log, integer=made.integer, resolution=resolution)


def _factor(arm: Arm, name: Any) -> Factor:
    """Return the factor to search along: the one that is named, or the only one with an order. Raises SpecError."""
    ordered = {factor.name: factor for factor in arm.factors if has_order(factor)}
    file = arm.study.file
    if name is None and len(ordered) == 1:
        return next(iter(ordered.values()))
    if name is None:
        said = "several factors have an order" if ordered else "no factor has several levels that are numbers"
        hint = f"design: {{kind: edge, factor: {next(iter(ordered))}}}" if ordered else "factors: {load: [1, 2, 4, 8]}"
        raise SpecError(f"design edge searches along one factor, and {said}", file=file, path="design", hint=hint)
    if name not in ordered:
        message = f"design edge: {name!r} is no factor whose levels are numbers"
        raise SpecError(message, file=file, path="design.factor", hint=nearest(str(name), ordered))
    return ordered[name]


def has_order(factor: Factor) -> bool:
    """Say whether one can search along a factor."""
    if len(factor.paths) != 1 or factor.when is not None:
        return False
    return factor.levels is None or (len(factor.levels) > 1 and all(is_number(row[0]) for row in factor.levels))


def _until(study: Study, options: Mapping[str, Any]) -> str:
    said = options.get("until", "edge")
    if said not in ("edge", "saturation"):
        message = f"until is edge or saturation, not {said!r}"
        raise SpecError(message, file=study.file, path="design.until", hint="until: saturation")
    if "metric" in options and said != "saturation":
        message = "metric says what stops growing, and nothing asks for that"
        raise SpecError(message, file=study.file, path="design.metric", hint="until: saturation")
    return str(said)


def _growing(study: Study, options: Mapping[str, Any]) -> str:
    """Return the metric that is to stop growing: the one named, or the first that is maximised. Raises SpecError."""
    if "metric" in options:
        return metric_of(study, options).name
    found = next((one.name for one in study.metrics if one.direction is Direction.MAXIMIZE), None)
    if found is None:
        message = "until: saturation needs a metric that is maximised"
        raise SpecError(message, file=study.file, path="metrics", hint="metrics: {throughput_per_s: maximize}")
    return found


def _resolution(study: Study, options: Mapping[str, Any]) -> float:
    return share(study, {"resolution": as_share(options.get("resolution", RESOLUTION))}, "resolution", RESOLUTION)


def as_share(said: Any) -> Any:
    """Return `5%` as 0.05, and anything else as it is."""
    if isinstance(said, str) and said.endswith("%"):
        with suppress(ValueError):
            return float(said[:-1]) / 100
    return said


def _note(study: Study, search: Search, resolution: float, growing: str) -> str:
    return "; ".join(_parts(study, search, resolution, growing))


def _parts(study: Study, search: Search, resolution: float, growing: str) -> Iterator[str]:
    if study.slo:
        end = "neighbours" if search.factor.levels is not None else f"within {100 * resolution:g} %"
        yield f"levels of {search.path} from the lowest up, then halves of the bracket until its ends are {end}"
    else:
        yield f"levels of {search.path} from the lowest up"
    if growing:
        yield f"none higher once {growing} grows by less than {100 * edge.SMALL_GAIN:g} % over two steps"
    if search.climb.most is not None:
        yield f"{search.climb.most} levels a variant at most"
    yield f"each with {study.replicates} replicates, and each test at {100 * search.alpha:.3g} %"
