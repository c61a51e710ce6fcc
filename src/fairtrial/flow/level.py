"""At which level the intervals of a run are taken, so that they cover as often as the study asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fairtrial.model.study import Factor

LEAST = 3
"""Replicates before the first look, unless the study says otherwise."""


def interval_level(document: Mapping[str, Any]) -> float:
    """Return the nominal level of a study's intervals: 1 - alpha, and higher where replicates were added by looking.

    `document` is the study's, as a run records it. Looking is replication `until`, a race, and the search for an edge.
    """
    alpha, replicates = float(document.get("alpha", 0.05)), document.get("replicates")
    design = document.get("design")
    if isinstance(replicates, Mapping):
        from fairtrial.stats.precision import nominal

        return 1 - nominal(alpha, int(replicates.get("min", LEAST)), int(replicates["max"]))
    if design == "race" or (isinstance(design, Mapping) and design.get("kind") == "race"):
        from fairtrial.stats.race import nominal as raced

        least = int(design.get("min", LEAST)) if isinstance(design, Mapping) else LEAST
        return 1 - raced(alpha, least, int(replicates or 1))
    if design == "edge" or (isinstance(design, Mapping) and design.get("kind") == "edge"):
        return 1 - _searched(alpha, document, design if isinstance(design, Mapping) else {})
    return 1 - alpha


def _searched(alpha: float, document: Mapping[str, Any], design: Mapping[str, Any]) -> float:
    """Return the error rate of each test of a search along one of the study's factors."""
    from fairtrial.plan.edge import RESOLUTION, as_share, has_order, rail
    from fairtrial.stats.edge import share

    resolution = as_share(design.get("resolution", RESOLUTION))
    named = design.get("factor")
    factors = (factor for factor in _factors(document) if named in (None, factor.name) and has_order(factor))
    return min((share(alpha, rail(factor, resolution)) for factor in factors), default=alpha)


def _factors(document: Mapping[str, Any]) -> Iterator[Factor]:
    """Yield the plain factors of a recorded study: their levels stand there as a list."""
    from fairtrial.spec.levels import INTERVALS, interval

    arms = (document.get("variants") or {}).values()
    for given in (document, *filter(None, arms)):
        for name, form in (given.get("factors") or {}).items():
            words = {"levels": form} if isinstance(form, list) else form
            kind = next((key for key in INTERVALS if key in words), None)
            if kind is not None:
                yield Factor(name, (name,), interval=interval(kind, words[kind]))
            elif "levels" in words:
                yield Factor(name, (name,), tuple((level,) for level in words["levels"]))
