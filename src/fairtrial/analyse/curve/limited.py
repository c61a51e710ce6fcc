"""Whether a knee is the harness's own: levels at which what generates the load was the bottleneck."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fairtrial.analyse.curve.levels import ladder
from fairtrial.analyse.data import Data
from fairtrial.model.curve import SaturationFinding
from fairtrial.model.finding import Verdict
from fairtrial.model.words import level, number


def limited(
    found: SaturationFinding, data: Data, bound: Mapping[str, float], *, arm: str | None = None
) -> SaturationFinding:
    """Take a knee, or a bracket of the capacity, back where the harness was the bottleneck on it or behind it.

    `bound` says of metrics from which mean on that is so; one that was not measured bounds nothing. Levels below the
    knee do not matter: there, more load still gave more. The answer then names the lowest level that was bound.
    """
    place = _place(found)
    if place is None:
        return found
    at = {name: _from(data, name, found.factor, limit, arm) for name, limit in bound.items() if name in data.metrics}
    behind = {name: levels for name, levels in at.items() if any(x >= place for x, _, _ in levels)}
    if not behind:
        return found
    name, levels = min(behind.items(), key=lambda item: item[1][0][0])
    _, lowest, mean = levels[0]
    said = f"generator-bound from {found.factor} = {lowest} on ({name} {number(mean, 3)})"
    return replace(
        found,
        knee=None,
        knee_interval=None,
        capacity=None,
        capacity_interval=None,
        saturation_level=None,
        asymptotic_knee=None,
        asymptotic_interval=None,
        peak=None,
        peak_interval=None,
        bracket=None,
        verdict=Verdict.INCONCLUSIVE,
        answer=f"Inconclusive: {said}: no knee of the service can be told.",
    )


def _place(found: SaturationFinding) -> float | None:
    """Return the level from which on a finding rests on what limits there; None where it says nothing of a limit."""
    if found.knee is not None or found.bracket is None:
        return found.knee
    kept, beyond = found.bracket
    return kept if beyond is None else beyond


def _from(data: Data, metric: str, factor: str, limit: float, arm: str | None) -> list[tuple[float, str, float]]:
    """List the levels at which a metric's mean is at its limit or beyond, lowest first: place, level, mean."""
    points = ladder(data, metric, factor, variant=arm).points
    return [
        (point.x, level(point.level), point.mean) for point in points if point.mean is not None and point.mean >= limit
    ]
