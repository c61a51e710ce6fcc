"""Designs that draw conditions: independent draws, Sobol' points, Latin hypercubes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import exp, floor, log
from random import Random as Stream
from typing import Any

from fairtrial.contract.strategy import Opened, Space
from fairtrial.errors import SpecError
from fairtrial.model.identity import stream_seed
from fairtrial.model.study import Factor, Interval, Study
from fairtrial.model.trial import Condition
from fairtrial.plan.arm import Arm
from fairtrial.plan.grid import Once, refuse_options
from fairtrial.plan.lattice import Lattice, narrow
from fairtrial.plan.picked import Noted
from fairtrial.plan.rules import constraint
from fairtrial.plan.size import count

_TRIES = 200
"""Draws per condition asked for, before the rules are said to leave too little."""

Points = Iterator[Sequence[float]]
"""Points of the unit cube, one coordinate a factor, in [0, 1)."""


class _Sampled:
    """What the designs share: points become conditions, refused and repeated ones are replaced by drawing on."""

    name = ""
    asynchronous = False
    learns = False
    note = ""
    """What the reader of the plan must know."""

    def open(self, space: Space, options: Mapping[str, Any]) -> Opened:
        """Start on a space: n conditions in each variant, then the included ones.

        Raises SpecError for options, without n, and where the rules or the levels leave fewer than n conditions.
        """
        study = space.study
        refuse_options(self.name, options)
        if not study.design.n or study.design.n < 1:
            hint = f"design: {{kind: {self.name}, n: 100}}"
            raise SpecError(f"design {self.name} needs n, the number of conditions", file=study.file, hint=hint)
        conditions = [
            condition
            for variant in study.variants
            for condition in self._drawn(space, Arm(study, variant), study.design.n)
        ]
        conditions += [space.condition(include.variant, include.assignment) for include in study.include]
        plan = space.fixed(conditions)
        return Once(Noted(plan, self.note) if self.note else plan)

    def points(self, arm: Arm, n: int) -> Points:
        """Yield points for an arm without end."""
        raise NotImplementedError

    def _drawn(self, space: Space, arm: Arm, n: int) -> list[Condition]:
        size = _size(arm)
        if size is not None and n > size:
            raise arm.error(f"design {self.name} asks for {n} conditions, and there are {size}", hint=f"n: {size}")
        found: dict[bytes, Condition] = {}
        points = self.points(arm, n)
        for _ in range(_TRIES * (n + 10)):
            assignment = _assignment(arm, next(points))
            if excluded(space.study, arm, assignment):
                continue
            condition = space.condition(arm.name, assignment)
            found.setdefault(condition.digest, condition)
            if len(found) == n:
                return list(found.values())
        raise arm.error(
            f"design {self.name} found only {len(found)} of {n} conditions: the rules leave too little",
            hint="a smaller n, fewer rules, or design grid",
        )


class Random(_Sampled):
    """Independent uniform draws. A larger n keeps the conditions of a smaller one.

    Each factor draws from a stream of its own, so variants share the draws of the factors that they share.
    """

    name = "random"

    def points(self, arm: Arm, n: int) -> Points:
        """Yield independent points."""
        streams = [Stream(stream_seed(arm.study.seed, f"random/{factor.name}")) for factor in arm.factors]  # noqa: S311
        while True:
            yield [stream.random() for stream in streams]


class Sobol(_Sampled):
    """Scrambled Sobol' points (Owen 1995), best at powers of 2. A larger n keeps the conditions of a smaller one."""

    name = "sobol"

    def points(self, arm: Arm, n: int) -> Points:
        """Yield the sequence."""
        engine = _qmc().Sobol(d=max(1, len(arm.factors)), scramble=True, rng=_generator(arm.study, self.name))
        size = 64
        while True:
            # Drawn by powers of 2, the only numbers that keep the balance of the sequence.
            yield from engine.random(size).tolist()
            size = engine.num_generated


class LatinHypercube(_Sampled):
    """A Latin hypercube of n points: each factor is spread evenly. Another n is another design: nothing is kept."""

    name = "lhs"
    note = "another n draws another hypercube: no condition of this one is kept"

    def points(self, arm: Arm, n: int) -> Points:
        """Yield a hypercube of n points, then further ones to replace what was refused."""
        engine = _qmc().LatinHypercube(d=max(1, len(arm.factors)), rng=_generator(arm.study, self.name))
        while True:
            yield from engine.random(n).tolist()


def _qmc() -> Any:
    from scipy.stats import qmc

    return qmc


def _generator(study: Study, name: str) -> Any:
    import numpy as np

    return np.random.default_rng(stream_seed(study.seed, name))


def _assignment(arm: Arm, point: Sequence[float]) -> dict[str, Any]:
    """Return the values of the active factors at a point."""
    values: dict[str, Any] = {}
    for factor, place in zip(arm.factors, point, strict=False):
        values.update(zip(factor.paths, _at(factor, place), strict=True))
    return arm.active(values)


def _at(factor: Factor, place: float) -> tuple[Any, ...]:
    if factor.levels is not None:
        return factor.levels[min(len(factor.levels) - 1, floor(place * len(factor.levels)))]
    assert factor.interval is not None
    return (_within(factor.interval, place),)


def _within(interval: Interval, place: float) -> float | int:
    """Return the value at a place in [0, 1) of an interval; every integer of a range has its share."""
    low, high = interval.low, interval.high + (1 if interval.integer else 0)
    value = exp(log(low) + place * (log(high) - log(low))) if interval.log else low + place * (high - low)
    return min(int(interval.high), max(int(low), floor(value))) if interval.integer else min(high, max(low, value))


def excluded(study: Study, arm: Arm, assignment: Mapping[str, Any]) -> bool:
    """Say whether a rule takes out a condition in every replicate."""
    values = {"variant": arm.name, **assignment}
    if not any("replicate" in rule.names for rule in study.exclude):
        return any(rule.holds(values) for rule in study.exclude)
    return all(any(rule.holds(values | {"replicate": k}) for rule in study.exclude) for k in range(study.replicates))


def _size(arm: Arm) -> int | None:
    """Count the conditions of an arm; None where a factor is continuous, or where that is not counted."""
    if any(factor.levels is None for factor in arm.factors):
        return None
    levels, _ = narrow(arm, None)
    lattice = Lattice(arm, levels)
    lattice.constrain(*(constraint(arm, levels, rule, keep=False) for rule in arm.study.exclude))
    size = count(lattice.radices, lattice.constraints, arm.study.replicates)
    return None if size is None else size.conditions
