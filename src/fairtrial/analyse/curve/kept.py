"""Whether a run of one condition keeps its service levels, shown and not hoped."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fairtrial.analyse.data import Data
from fairtrial.model.claim import Clause
from fairtrial.model.words import count, listed, number, percent
from fairtrial.stats.edge import bound, kept
from fairtrial.stats.summary import Floats


def service_levels(found: Data, clauses: Sequence[Clause], *, alpha: float = 0.05) -> str:
    """Say which clauses the only condition of a run is shown to keep, to break, or neither.

    A clause is kept where the one-sided bound of its metric's mean over replicates (Student's t at 1 - `alpha`) is on
    the good side of the limit, and no trial lacks a value; all of them at once need no correction (Berger 1982,
    Technometrics 24). Raises UnknownName.
    """
    values = [found.metric(clause.metric) for clause in clauses]
    good = [str(one) for one, seen in zip(clauses, values, strict=True) if _kept(one, seen, alpha)]
    bad = [_why(one, seen, alpha) for one, seen in zip(clauses, values, strict=True) if not _kept(one, seen, alpha)]
    sure = f"{percent(1 - alpha)} confidence, {count(len(found), 'replicate')}"
    said = [*([f"kept: {listed(good)}"] if good else []), *bad]
    return f"Service levels ({sure}): {'; '.join(said)}."


def _kept(clause: Clause, values: Floats, alpha: float) -> bool:
    return kept(values.tolist(), clause.limit, most=clause.bound == "max", alpha=alpha)


def _why(clause: Clause, values: Floats, alpha: float) -> str:
    """Say what is wrong with a clause that is not shown to be kept."""
    missing = int(np.isnan(values).sum())
    if missing:
        return f"{clause} is unknown, since {count(missing, 'trial')} gave no value"
    most = clause.bound == "max"
    bad, best = (bound(values.tolist(), alpha, upper=upper) for upper in (most, not most))
    if bad is None or best is None:
        return f"{clause} cannot be shown with {count(len(values), 'replicate')}"
    broken = best > clause.limit if most else best < clause.limit
    return f"{clause} is {'broken' if broken else 'not shown'} (bound {number(best if broken else bad)})"
