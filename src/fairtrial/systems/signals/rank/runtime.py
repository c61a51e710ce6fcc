"""A winner on its way into a runtime configuration: which keys it takes, what the runtime lacks, and the parity report.

A runtime configuration holds a section for each signal that the runtime can score, and says which one is active:

    active: perm_derivative
    signals:
      perm_derivative:
        threshold: 0.1
        tp_ticks: 8
        sl_ticks: 4
        cooldown_bins: 30
        max_hold_bins: 1200
        parameters: {zscore_window_bins: 300}
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from fairtrial.model.path import flatten
from fairtrial.model.ranking import Readiness
from fairtrial.systems.signals.parameters import Parameters

SETTINGS = ("tp_ticks", "sl_ticks", "cooldown_bins", "max_hold_bins")
"""Of the evaluation, which a runtime obeys too."""


def ready(parameters: Parameters, metrics: Mapping[str, float], runtime: Mapping[str, Any]) -> Readiness:
    """Say what goes where, what a runtime without this signal lacks, and whether its stream equals what was judged.

    Raises UserError where the data set is not there any more, or was changed.
    """
    values = dict(_values(parameters, metrics))
    name = parameters.signal.name
    if not math.isfinite(values[f"signals.{name}.threshold"][1]):
        said = "has no threshold to run with: the study must measure it, metrics: {threshold: none}, or fix it"
        return Readiness(values, objection=f"{said}, evaluation: {{threshold: NUMBER}}")
    lacks = _lacking(values, name, runtime)
    if lacks:
        return Readiness(values, objection=lacks)
    found = _parity(parameters)
    evidence = {"parity": found, "threshold": values[f"signals.{name}.threshold"][0]}
    if not found["equal"]:
        said = f"would run another signal: the stream of {name} is {found['worst']:.3g} off at bin {found['worst_bin']}"
        return Readiness(values, objection=f"{said}, missing in {found['missing']}", evidence=evidence)
    answer = f"parity: {name} at once and as a stream agree on {found['compared']} bins, within {found['worst']:.1e}"
    return Readiness(values, evidence=evidence, answer=answer)


def _values(parameters: Parameters, metrics: Mapping[str, float]) -> Iterator[tuple[str, tuple[str, Any]]]:
    """Yield key of the file -> (what it is of the winner, its value)."""
    name = parameters.signal.name
    yield "active", ("signal.name", name)
    threshold = parameters.evaluation.threshold
    if threshold is None:
        yield f"signals.{name}.threshold", ("metrics.threshold", metrics.get("threshold", math.nan))
    else:
        yield f"signals.{name}.threshold", ("evaluation.threshold", threshold)
    for setting in SETTINGS:
        yield f"signals.{name}.{setting}", (f"evaluation.{setting}", getattr(parameters.evaluation, setting))
    for path, value in parameters.signal.parameters.items():
        yield f"signals.{name}.parameters.{path}", (f"signal.parameters.{path}", value)


def _lacking(values: Mapping[str, tuple[str, Any]], name: str, runtime: Mapping[str, Any]) -> str:
    """Say what a runtime would need to score this signal; '' where it can."""
    there = runtime.get("signals")
    known = sorted(there) if isinstance(there, Mapping) else []
    if name in known:
        return ""
    has = {path for path, _ in flatten(dict(runtime))}
    keys = ", ".join(key for key in values if key not in has)
    runs = f"it runs {', '.join(known)}" if known else "it names no signals"
    return (
        f"cannot run {name} ({runs}). Missing: a scorer of {name} in the runtime (fairtrial's streaming twin is its "
        f"reference), its call for every bin, and the keys {keys}"
    )


def _parity(parameters: Parameters) -> dict[str, Any]:
    """Compare the signal at once with the signal as a stream on the data it was judged on."""
    from fairtrial.systems.signals.catalogue import signal
    from fairtrial.systems.signals.online.parity import parity
    from fairtrial.systems.signals.stage import opened

    known = signal(parameters.signal.name)
    settings = known.Parameters.model_validate(parameters.signal.parameters)
    reports = []
    for market in opened(parameters.data, known.columns):
        found = parity(known, settings, market, seed=0)
        reports.append({"data": market.name, "equal": found.equal, **asdict(found)})
    worst = max(reports, key=lambda one: (not one["equal"], one["worst"]))
    compared = sum(one["compared"] for one in reports)
    return {**worst, "compared": compared, "equal": all(one["equal"] for one in reports), "each": reports}
