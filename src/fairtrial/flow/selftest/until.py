"""Self-test of adaptive replication: intervals that miss although one looked, and conditions that become precise."""

from __future__ import annotations

from functools import partial
from typing import Any

from fairtrial.flow.selftest.cell import Cell
from fairtrial.stats.precision import half_width, more, nominal

ALPHA, MEAN = 0.05, 10.0


def replicated(
    rng: Any, *, least: int, most: int, sd: float, width: float, relative: bool
) -> tuple[list[float], float]:
    """Draw values until their interval is as narrow as wanted; return them and half of it, at the nominal level."""
    alpha = nominal(ALPHA, least, most)
    values = rng.normal(MEAN, sd, least).tolist()
    while len(values) < most and (count := more(values, width, relative=relative, alpha=alpha)):
        values += rng.normal(MEAN, sd, min(count, most - len(values))).tolist()
    half = half_width(values, alpha)
    assert half is not None
    return values, half


def misses(rng: Any, **words: Any) -> bool:
    """Say whether the interval that one stops with misses the true mean."""
    values, half = replicated(rng, **words)
    return bool(abs(sum(values) / len(values) - MEAN) > half)


def narrows(rng: Any, **words: Any) -> bool:
    """Say whether the interval becomes as narrow as wanted."""
    values, half = replicated(rng, **words)
    wanted = words["width"] * abs(sum(values) / len(values)) if words["relative"] else words["width"]
    return bool(half <= wanted)


_WIDE, _SHORT = {"least": 3, "most": 50}, {"least": 5, "most": 20}
CELLS = (
    *(
        Cell(
            "until",
            f"interval misses, noise {sd:.0%} of the mean, until {0.5:g}",
            f"{size['least']} to {size['most']} replicates",
            planted=False,
            rate=ALPHA,
            fires=partial(misses, **size, sd=sd * MEAN, width=0.5, relative=False),
        )
        for size in (_WIDE, _SHORT)
        for sd in (0.05, 0.1, 0.2)
    ),
    *(
        Cell(
            "until",
            f"interval misses, noise {sd:.0%} of the mean, until 5 %",
            "3 to 50 replicates",
            planted=False,
            rate=ALPHA,
            fires=partial(misses, **_WIDE, sd=sd * MEAN, width=0.05, relative=True),
        )
        for sd in (0.05, 0.15)
    ),
    *(
        Cell(
            "until",
            f"becomes precise, noise {sd:.0%} of the mean, until 5 %",
            "3 to 50 replicates",
            planted=True,
            rate=0.95,
            fires=partial(narrows, **_WIDE, sd=sd * MEAN, width=0.05, relative=True),
        )
        for sd in (0.05, 0.1)
    ),
)
