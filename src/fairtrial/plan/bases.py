"""What designs that wrap another one share: the design below, and the metric by which they judge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairtrial.contract.registry import Registry
from fairtrial.contract.strategy import Strategy
from fairtrial.errors import SpecError, UnknownName, nearest
from fairtrial.model.study import Direction, Metric, Study


def base_of(study: Study, options: Mapping[str, Any]) -> Strategy:
    """Return the fixed design that `base` names: random where the study says n, else grid. Raises SpecError."""
    name = options.get("base", "grid" if study.design.n is None else "random")
    try:
        strategy = Registry().strategy(str(name))
    except UnknownName as problem:
        raise SpecError(problem.message, file=study.file, path="design.base", hint=problem.hint) from problem
    if strategy.learns or strategy.asynchronous:
        message = f"design {study.design.kind} needs a fixed design below it, and {name} chooses its trials itself"
        raise SpecError(message, file=study.file, path="design.base", hint="grid, random, sobol or lhs")
    return strategy


def metric_of(study: Study, options: Mapping[str, Any]) -> Metric:
    """Return the metric that `metric` names: the first one with a direction by default. Raises SpecError."""
    directed = {metric.name: metric for metric in study.metrics if metric.direction is not Direction.NONE}
    if not directed:
        message = f"design {study.design.kind} needs a metric with a direction"
        raise SpecError(message, file=study.file, path="metrics", hint="metrics: {NAME: maximize}, or minimize")
    name = str(options.get("metric", next(iter(directed))))
    if name not in directed:
        message = f"no metric {name!r} with a direction"
        raise SpecError(message, file=study.file, path="design.metric", hint=nearest(name, directed))
    return directed[name]


def whole(study: Study, options: Mapping[str, Any], name: str, default: int, *, least: int = 1) -> int:
    """Return an option that is a whole number. Raises SpecError."""
    value = options.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        message = f"{name} is a whole number from {least} on, not {value!r}"
        raise SpecError(message, file=study.file, path=f"design.{name}", hint=f"{name}: {max(default, least)}")
    return value


def share(study: Study, options: Mapping[str, Any], name: str, default: float) -> float:
    """Return an option that lies between 0 and 1. Raises SpecError."""
    value = options.get(name, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1:
        message = f"{name} lies between 0 and 1, which {value!r} does not"
        raise SpecError(message, file=study.file, path=f"design.{name}", hint=f"{name}: {default}")
    return float(value)
