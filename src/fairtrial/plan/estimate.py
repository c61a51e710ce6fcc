"""How long what is left will take, and how much memory, from what the book knows."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from fairtrial.model.run import History

_Z90 = 1.6449
"""Normal quantile of a two-sided 90 % range."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is to be expected; None where nothing is known."""

    wall_s: float | None
    low_s: float | None
    high_s: float | None
    """A 90 % range."""
    peak_bytes: int | None
    """Of one trial."""
    basis: str
    """Where the numbers come from, in words."""
    cost: float | None = None
    """Of all that is left, in the unit of the study's prices; None without prices of what trials use."""


def estimate(history: History, *, left: int, jobs: int, cost_s: float | None = None) -> Estimate:
    """Estimate the wall time of `left` trials on `jobs` places at once, and the memory of one.

    `cost_s` is what the system itself expects of one trial, in seconds: it knows the parameters, while the times of the
    book are of others too. The range adds the spread of the trials to come to the uncertainty of their mean, both
    normal.
    """
    lanes = max(1, min(jobs, left))
    if left == 0:
        return Estimate(0.0, 0.0, 0.0, history.peak_bytes, "nothing is left")
    if cost_s is not None:
        return Estimate(left * cost_s / lanes, None, None, history.peak_bytes, "what the system expects of a trial")
    mean = history.wall_mean_s
    if mean is None or not history.trials:
        return Estimate(None, None, None, history.peak_bytes, "no trial of this system was measured yet")
    wall_s = left * mean / lanes
    basis = f"{history.trials} earlier trial{'s' if history.trials > 1 else ''} took {mean:.3g} s each"
    if history.wall_sd_s is None or history.trials < 2:
        return Estimate(wall_s, None, None, history.peak_bytes, basis)
    spread_s = _Z90 * history.wall_sd_s * sqrt(left + left * left / history.trials) / lanes
    return Estimate(wall_s, max(0.0, wall_s - spread_s), wall_s + spread_s, history.peak_bytes, basis)
