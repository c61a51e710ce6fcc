"""At which level the intervals of a run are taken, so that they cover as often as the study asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def interval_level(document: Mapping[str, Any]) -> float:
    """Return the nominal level of a study's intervals: 1 - alpha, and higher where replicates were added by looking.

    `document` is the study's, as a run records it.
    """
    alpha, replicates = float(document.get("alpha", 0.05)), document.get("replicates")
    if not isinstance(replicates, Mapping):
        return 1 - alpha
    from fairtrial.stats.precision import nominal

    return 1 - nominal(alpha, int(replicates.get("min", 3)), int(replicates["max"]))
