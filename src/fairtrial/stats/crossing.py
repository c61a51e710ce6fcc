"""Where two curves cross, and where one reaches a height: for many pairs of curves on one grid at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fairtrial.stats.summary import Floats


def crossing(x: Floats, difference: Floats) -> Floats:
    """Return the place at which each row first goes from above 0 to 0 or below.

    `difference` is rows x places, x ascending and above 0; between places the curves are straight over ln x. Infinite
    where a row never comes down: +inf when it ends above 0 (the place lies beyond x), -inf when it ends at 0 or below
    (it lies before x).
    """
    above = difference > 0
    down = above[:, :-1] & ~above[:, 1:]
    never = np.where(above[:, -1], np.inf, -np.inf)
    return _first(x, difference, down, never)


def reached(x: Floats, margin: Floats) -> Floats:
    """Return the place at which each row (rows x places) first is 0 or more.

    -inf where it is above 0 from the first place on (it was reached before), +inf where it never is.
    """
    there = margin >= 0
    up = there[:, 1:] & ~there[:, :-1]
    from_start = np.where(margin[:, 0] > 0, -np.inf, float(x[0]))
    found = _first(x, margin, up, np.full(len(margin), np.inf))
    return np.asarray(np.where(there[:, 0], from_start, found), dtype=np.float64)


def changes_sign(difference: Floats) -> npt.NDArray[np.bool_]:
    """Say which rows are above 0 somewhere and below 0 somewhere."""
    return np.asarray((difference > 0).any(axis=1) & (difference < 0).any(axis=1), dtype=np.bool_)


def _first(x: Floats, rows: Floats, steps: npt.NDArray[np.bool_], never: Floats) -> Floats:
    """Interpolate to 0 in the first step that is marked, over ln x."""
    place = np.argmax(steps, axis=1)
    every = np.arange(len(rows))
    before, after = rows[every, place], rows[every, place + 1]
    span = before - after
    share = before / np.where(span == 0, 1.0, span)
    log = np.log(x)
    at = np.exp(log[place] + np.clip(share, 0.0, 1.0) * (log[place + 1] - log[place]))
    return np.asarray(np.where(steps.any(axis=1), at, never), dtype=np.float64)
