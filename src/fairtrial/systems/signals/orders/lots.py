"""Sizes as whole lots: depths are then exact, however many orders came and went."""

from __future__ import annotations

import numpy as np

from fairtrial.errors import UserError
from fairtrial.systems.signals.record import Floats, Integers

DECIMALS = 8
"""The most decimals of a size; finer ones are rounded to them."""


def lots(sizes: Floats) -> tuple[Integers, int]:
    """Return sizes as whole numbers of 10^-d, and d: the least with which all are whole, at most DECIMALS.

    What is not finite becomes -1, which is no size. Raises UserError where they sum to more than can be counted.
    """
    finite = np.isfinite(sizes)
    known = np.where(finite, sizes, 0.0)
    digits = next((d for d in range(DECIMALS) if _whole(known * 10.0**d)), DECIMALS)
    scaled = np.rint(known * 10.0**digits)
    if np.abs(scaled).sum() >= 2.0**62:
        raise UserError(
            f"sizes sum to {np.abs(known).sum():.3g}, with {digits} decimals: more than can be counted exactly",
            hint="give them in a larger unit",
        )
    return np.where(finite, scaled, -1.0).astype(np.int64), digits


def sizes(found: Integers, digits: int) -> Floats:
    """Return whole numbers of 10^-digits as sizes; each is the float that is nearest to the decimal number."""
    size: Floats = found / 10.0**digits
    return size


def _whole(values: Floats) -> bool:
    return bool((np.abs(values - np.rint(values)) <= 1e-9 + 4e-16 * np.abs(values)).all())
