"""What a chooser says of a row of telemetry: its size, or that it does not know."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fairtrial.errors import UserError
from fairtrial.stats.summary import Floats, Integers, Mask
from fairtrial.systems.threadpool.record import Chooser


def known_costs(chooser: Chooser, features: Floats) -> Floats:
    """Return its costs (rows, sizes); a row is NaN where it is outside what the chooser was made for."""
    rows = np.atleast_2d(np.asarray(features, dtype=np.float64))
    costs = np.asarray(chooser.costs(rows), dtype=np.float64)
    return np.where(chooser.inside(rows)[:, None], costs, np.nan)


def lowest(costs: Floats) -> Integers:
    """Return the first of the lowest costs of each row (rows, sizes); -1 where none is a finite number."""
    finite = np.isfinite(costs)
    at = np.where(finite, costs, np.inf).argmin(axis=1)
    return np.where(finite.any(axis=1), at, -1).astype(np.int64)


def choose(chooser: Chooser, features: Floats, *, among: Sequence[int], fallback: int) -> tuple[Integers, Mask]:
    """Return the size chosen for each row (rows, 10), of those in `among`; and where the chooser did not know.

    There the fallback is taken, as it is when a policy is obeyed. Raises UserError where the chooser knows none of
    these sizes, or would have to fall back to one that is not among them.
    """
    columns = [at for at, size in enumerate(chooser.sizes) if size in set(among)]
    if not columns:
        raise UserError(_unmeasured(f"the policy's sizes ({_listed(chooser.sizes)}) were", among))
    at = lowest(known_costs(chooser, features)[:, columns])
    lost = at < 0
    if lost.any() and fallback not in among:
        raise UserError(_unmeasured(f"policy.workers, the size to fall back to, is {fallback}; it was", among))
    sizes = np.asarray(chooser.sizes, dtype=np.int64)[columns]
    return np.where(lost, fallback, sizes[at]), lost


def _unmeasured(what: str, among: Sequence[int]) -> str:
    return f"{what} not measured in the labels; measured: {_listed(among)}"


def _listed(sizes: Sequence[int]) -> str:
    return ", ".join(str(size) for size in sizes[:8]) + (", …" if len(sizes) > 8 else "")
