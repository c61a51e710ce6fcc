"""The closed grammar of `expect`: lines of text -> claims about metrics, factors and arms that exist.

M increases | decreases | is flat with F · A.M > B.M [by X | X%] · M has a threshold in F [near X] · M < X [when RULE] ·
A and B cross in F (in the first metric with a direction), or A.M and B.M cross in F.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

from fairtrial.errors import SpecError, UserError, nearest
from fairtrial.model.claim import Claim, ClaimKind
from fairtrial.model.identity import is_number
from fairtrial.model.rule import Rule
from fairtrial.model.study import Direction, Factor, Metric, Study
from fairtrial.spec.factors import read_rule
from fairtrial.spec.quantity import amount, margin
from fairtrial.spec.reach import ends, may_hold
from fairtrial.spec.source import Source

_FORMS = (
    "M increases with F; M decreases with F; M is flat with F; A.M > B.M by 5%; M has a threshold in F near X; "
    "M < X when RULE; A and B cross in F"
)
_VERBS = ("increases", "decreases", "flat", "threshold", "cross")
_TREND = re.compile(r"(\S+) (increases|decreases|is flat) with (\S+)")
_THRESHOLD = re.compile(r"(\S+) has a threshold in (\S+)(?: near (.+))?")
_CROSS = re.compile(r"(\S+) and (\S+) cross in (\S+)")
_EXCEEDS = re.compile(r"(\S+) > (\S+)(?: by (.+))?")
_BELOW = re.compile(r"(\S+) < (.+?)(?: when (.+))?")

Groups = tuple[str, ...]


def read_claims(source: Source, lines: Sequence[str], study: Study, metrics: Mapping[str, Metric]) -> tuple[Claim, ...]:
    """Read the claims of a study; `metrics` are those that it and its system know. Raises SpecError."""
    made = tuple(_claim(_Names(source, f"expect.{index}", text, study, metrics)) for index, text in enumerate(lines))
    for index, claim in enumerate(made):
        if claim.text in [earlier.text for earlier in made[:index]]:
            raise source.error(f"expect.{index}", f"{claim.text!r} is claimed twice", "remove one")
    return made


@dataclass(frozen=True)
class _Names:
    """What a line of the document may name, and where the line stands."""

    source: Source
    at: str
    text: str
    study: Study
    metrics: Mapping[str, Metric]

    def sides(self, left: str, right: str) -> tuple[tuple[str, str], str]:
        """Read `A.M` and `B.M` of one metric: the two arms, and the metric."""
        (first, metric), (second, other) = self.side(left), self.side(right)
        if metric != other:
            raise self.error(f"{metric} of one arm is compared with {other} of the other", f"{first}.{metric} > …")
        return self.apart(first, second), metric

    def apart(self, first: str, second: str) -> tuple[str, str]:
        """Return two arms. Raises SpecError where they are one."""
        if first == second:
            raise self.error(f"{first} is compared with itself", f"variants: {', '.join(self.arms)}")
        return first, second

    def side(self, text: str) -> tuple[str, str]:
        places = [index for index, char in enumerate(text) if char == "."]
        pairs = [(text[:place], text[place + 1 :]) for place in places]
        for arm, metric in pairs:
            if arm in self.arms and metric in self.metrics:
                return arm, metric
        if not self.arms:
            raise self.error(f"{text!r} names an arm, and the study has no variants", "declare them under 'variants'")
        if not pairs:
            raise self.error(f"{text!r} names no arm and metric", f"write {self.arms[0]}.{text}")
        arm, metric = next((pair for pair in pairs if pair[0] in self.arms), pairs[-1])
        if arm not in self.arms:
            raise self.error(f"unknown variant {arm!r}", nearest(arm, self.arms))
        return arm, self.metric(metric).name

    def directed(self) -> str:
        for metric in self.study.metrics:
            if metric.direction is not Direction.NONE:
                return metric.name
        raise self.error("no metric has a direction, so say in which the arms cross", "A.M and B.M cross in F")

    def metric(self, name: str) -> Metric:
        return known_metric(self.source, self.at, name, self.metrics)

    def check_factor(self, path: str, *, ordered: bool) -> None:
        if path == "variant" and len(self.arms) > 1 and not ordered:
            return
        if path not in self.factors:
            raise self.error(f"unknown factor {path!r}", nearest(path, self.factors) or "the study has no factors")
        if ordered and not all(_is_ordered(factor, path) for factor in self.factors[path]):
            raise self.error(f"the levels of {path} are no numbers, so they have no order", f"M is flat with {path}")

    def check_place(self, path: str, place: float) -> None:
        low, high = ends(self.factors[path], path)
        if not low <= place <= high:
            hint = "a place between the lowest and the highest level"
            raise self.error(f"{place:g} lies outside {path}, which goes from {low:g} to {high:g}", hint)

    def check_met(self, rule: Rule) -> None:
        try:
            met = may_hold(rule, self.study)
        except UserError as problem:
            raise self.error(problem.message) from problem
        if not met:
            raise self.error(f"no condition meets {rule.text!r}", "a rule over the levels of the study")

    def amount(self, text: str, unit: str) -> float:
        try:
            return amount(text, unit)
        except ValueError as problem:
            raise self.error(str(problem)) from problem

    @cached_property
    def arms(self) -> list[str]:
        return [variant.name for variant in self.study.variants if variant.name]

    @cached_property
    def factors(self) -> dict[str, list[Factor]]:
        """Path -> the factors that set it, in whichever arm."""
        found: dict[str, list[Factor]] = {}
        for variant in self.study.variants:
            for factor in self.study.all_factors(variant):
                for path in factor.paths:
                    found.setdefault(path, []).append(factor)
        return found

    def error(self, message: str, hint: str = "") -> SpecError:
        return self.source.error(self.at, message, hint)


def _claim(names: _Names) -> Claim:
    said = " ".join(names.text.split())
    for pattern, make in _MAKERS:
        match = pattern.fullmatch(said)
        if match is not None:
            return make(names, said, tuple(group or "" for group in match.groups()))
    near = [verb for word in said.split() for verb in get_close_matches(word, _VERBS, n=1, cutoff=0.75)]
    hint = f"did you mean {near[0]!r}?" if near else _FORMS
    raise names.error(f"claim {names.text!r} is not understood", hint)


def _trend(names: _Names, said: str, groups: Groups) -> Claim:
    metric, verb, factor = groups
    kind = ClaimKind(verb)
    names.check_factor(factor, ordered=kind is not ClaimKind.FLAT)
    return Claim(said, kind, metric=names.metric(metric).name, factor=factor)


def _threshold(names: _Names, said: str, groups: Groups) -> Claim:
    metric, factor, near = groups
    names.check_factor(factor, ordered=True)
    place = names.amount(near, "") if near else None
    if place is not None:
        names.check_place(factor, place)
    return Claim(said, ClaimKind.THRESHOLD, metric=names.metric(metric).name, factor=factor, near=place)


def _cross(names: _Names, said: str, groups: Groups) -> Claim:
    first, second, factor = groups
    names.check_factor(factor, ordered=True)
    if first in names.arms and second in names.arms:
        arms, metric = names.apart(first, second), names.directed()
    else:
        arms, metric = names.sides(first, second)
    for variant in (one for one in names.study.variants if one.name in arms):
        if factor not in {path for item in names.study.all_factors(variant) for path in item.paths}:
            raise names.error(f"variant {variant.name!r} has no factor {factor!r}", "both arms need it to cross in it")
    return Claim(said, ClaimKind.CROSS, metric=metric, factor=factor, arms=arms)


def _exceeds(names: _Names, said: str, groups: Groups) -> Claim:
    left, right, by = groups
    arms, metric = names.sides(left, right)
    try:
        size = margin(by.replace(" %", "%"), names.metrics[metric].unit) if by else None
    except ValueError as problem:
        raise names.error(str(problem), "by 5%, or by a number in the metric's unit") from problem
    return Claim(said, ClaimKind.EXCEEDS, metric=metric, arms=arms, margin=size)


def _below(names: _Names, said: str, groups: Groups) -> Claim:
    name, limit, when = groups
    if re.match(r"[A-Za-z_]", limit):
        raise names.error(f"claim {names.text!r}: the larger side stands first", f"write {limit} > {name}")
    metric = names.metric(name)
    rule = read_rule(names.source, names.at, when) if when else None
    known = {*names.factors, "variant"}
    for path in (rule.names if rule else frozenset()) - known:
        raise names.error(f"{path!r} is not a factor", nearest(path, known))
    if rule is not None:
        names.check_met(rule)
    bound = names.amount(limit, metric.unit)
    return Claim(said, ClaimKind.BELOW, metric=metric.name, limit=bound, when=rule)


_MAKERS: tuple[tuple[re.Pattern[str], Callable[[_Names, str, Groups], Claim]], ...] = (
    (_TREND, _trend),
    (_THRESHOLD, _threshold),
    (_CROSS, _cross),
    (_EXCEEDS, _exceeds),
    (_BELOW, _below),
)


def known_metric(source: Source, at: str, name: str, metrics: Mapping[str, Metric]) -> Metric:
    """Find a metric that the study or its system knows. Raises SpecError with the nearest one."""
    if name not in metrics:
        hint = nearest(name, metrics)
        raise source.error(at, f"unknown metric {name!r}", hint or f"declare it: metrics: {{{name}: maximize}}")
    return metrics[name]


def _is_ordered(factor: Factor, path: str) -> bool:
    if factor.levels is None:
        return True
    place = factor.paths.index(path)
    return _all_numbers(row[place] for row in factor.levels)


def _all_numbers(values: Iterable[object]) -> bool:
    return all(is_number(value) for value in values)
