"""How much an oracle's choices depend on its weights, and whether it chooses at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.errors import NothingMeasured
from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.analytic.terms import Terms

DECADES = (0.0, 0.001, 0.01, 0.1, 1.0, 10.0, 100.0)
"""Weights that are tried for switching and idling, over that of the latency."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One choice of weights: (beta, gamma), alpha as it is."""

    beta: float
    gamma: float
    size: int
    """The size that is chosen most often."""
    share: float
    """Of the rows."""
    changed: float
    """Share of the rows whose choice differs from that under the weights in force."""


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What the weights of an oracle do."""

    rows: int
    """Rows for which all costs are known."""
    changed: float
    """Share of those rows whose choice changes anywhere on the grid."""
    constant: float
    """Share of the grid's weights under which one size is chosen for all rows: 1 chooses nowhere."""
    cells: tuple[Cell, ...]
    degenerate: str | None
    """Why it is no oracle: it chooses one size for all rows under the weights in force. None: it chooses."""


def choices(costs: Floats) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the place of the lowest cost in each row, the first of equal ones; -1 where a cost is missing."""
    known = ~np.isnan(costs).any(axis=1)
    found: np.ndarray[tuple[int], np.dtype[np.int64]] = np.full(len(costs), -1, dtype=np.int64)
    found[known] = costs[known].argmin(axis=1)
    return found


def sensitivity(
    terms: Terms,
    weights: tuple[float, float, float],
    sizes: Sequence[int],
    *,
    decades: Sequence[float] = DECADES,
) -> Sensitivity:
    """Return what becomes of the choices over a grid of beta and gamma, alpha times each of `decades`.

    `weights` are those in force: (alpha, beta, gamma). Raises NothingMeasured where no row has all its costs.
    """
    alpha = weights[0]
    here = choices(terms.cost(*weights))
    known = here >= 0
    if not known.any():
        raise NothingMeasured("no row of telemetry has all that the oracle reads")
    changed, cells = np.zeros(len(here), dtype=np.bool_), []
    scale = alpha if alpha > 0 else 1.0
    for beta in decades:
        for gamma in decades:
            there = choices(terms.cost(alpha, scale * beta, scale * gamma))
            differs = known & (there != here)
            changed |= differs
            size, share = _mode(there[known], sizes)
            cells.append(Cell(scale * beta, scale * gamma, size, share, float(differs.sum() / known.sum())))
    rows, constant = int(known.sum()), sum(cell.share == 1.0 for cell in cells) / len(cells)
    flag = _degenerate(here[known], sizes, terms)
    return Sensitivity(rows, float(changed.sum() / rows), constant, tuple(cells), flag)


def degenerate(terms: Terms, weights: tuple[float, float, float], sizes: Sequence[int]) -> str | None:
    """Return in a sentence why an oracle is none: one size for all rows; None for one that chooses, or has one row."""
    here = choices(terms.cost(*weights))
    return _degenerate(here[here >= 0], sizes, terms)


def _degenerate(here: np.ndarray[tuple[int], np.dtype[np.int64]], sizes: Sequence[int], terms: Terms) -> str | None:
    if len(here) < 2 or (here != here[0]).any():
        return None
    said = f"degenerate: it chooses {sizes[int(here[0])]} for all of {len(here)} rows"
    flat = np.ptp(terms.latency_us, axis=1) <= 1e-9 * np.abs(terms.latency_us).max(axis=1)
    share = float(flat.mean())
    if share > 0:
        said += f"; in {share:.0%} of them its latency is the same for every size, so nothing is weighed against cost"
    return said


def _mode(places: np.ndarray[tuple[int], np.dtype[np.int64]], sizes: Sequence[int]) -> tuple[int, float]:
    counts = np.bincount(places[places >= 0], minlength=len(sizes))
    place = int(counts.argmax())
    return sizes[place], float(counts[place] / max(1, counts.sum()))
