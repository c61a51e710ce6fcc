"""At which level the intervals of a run are taken, so that they cover as often as the study asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LEAST = 3
"""Replicates before the first look, unless the study says otherwise."""


def interval_level(document: Mapping[str, Any]) -> float:
    """Return the nominal level of a study's intervals: 1 - alpha, and higher where replicates were added by looking.

    `document` is the study's, as a run records it. Looking is replication `until`, and a race.
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
    return 1 - alpha
