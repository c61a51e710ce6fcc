"""One oracle against the labels of a run: its terms, the fit, the answer, the choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.errors import NothingMeasured
from fairtrial.stats.resample import generator
from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.analytic import older, queueing
from fairtrial.systems.threadpool.analytic.grid import Sensitivity, sensitivity
from fairtrial.systems.threadpool.analytic.terms import NAMES, Terms
from fairtrial.systems.threadpool.label.record import Labelled
from fairtrial.systems.threadpool.reflex.target import subset, usable
from fairtrial.systems.threadpool.weights.answer import Answer, answer
from fairtrial.systems.threadpool.weights.choose import Choice, compare
from fairtrial.systems.threadpool.weights.logit import Fit, fit
from fairtrial.systems.threadpool.weights.preference import Preferences, preferences
from fairtrial.systems.threadpool.words import Machine

PENALTY = "penalty"
PUBLISHED = (older.ALPHA, older.BETA, older.GAMMA, 1.0)
"""Of alpha, beta, gamma and the penalty."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """What the labels say of one oracle."""

    title: str
    names: tuple[str, ...]
    """Of the weights that were fitted."""
    rows: int
    found: Preferences
    fitted: Fit | None
    """None: no pair was told apart."""
    answer: Answer
    choices: tuple[Choice, ...]
    sensitivity: Sensitivity


def weighed(labelled: Labelled, machine: Machine, *, alpha: float, seed: int = 0) -> tuple[Weighed, ...]:
    """Return what the labels say of the older oracle and of the one from queueing theory.

    Raises NothingMeasured where no row has telemetry and a measured size.
    """
    kept = usable(labelled)
    if not len(kept):
        raise NothingMeasured("no row has a size that was measured and can do what arrives: nothing was preferred")
    some = subset(labelled, kept)
    oracles = {
        "The older oracle": older.terms(some.features, some.sizes),
        "Queueing theory": queueing.terms(some.features, machine, some.sizes),
    }
    return tuple(_weighed(title, some, terms, alpha=alpha, seed=seed) for title, terms in oracles.items())


def _weighed(title: str, labelled: Labelled, terms: Terms, *, alpha: float, seed: int) -> Weighed:
    stacked, names = _stacked(terms)
    known = np.flatnonzero(np.isfinite(stacked).all(axis=(1, 2)))
    if not len(known):
        raise NothingMeasured(f"{title}: no row of telemetry has all that it reads")
    some, stacked = subset(labelled, known), stacked[known]
    found = preferences(some.p95_s, some.stable, alpha=alpha)
    turned = sensitivity(terms, PUBLISHED[:3], labelled.sizes)
    if not len(found):
        nothing = Answer("no", f"No: none of {found.compared} pairs of sizes could be told apart.", (), None)
        return Weighed(title, names, len(known), found, None, nothing, (), turned)
    fitted = fit(found.differences(stacked), found.row, rng=generator(seed, "threadpool", "weights", title))
    said = answer(fitted, names, pairs=len(found), alpha=alpha)
    choices: Sequence[Choice] = ()
    if len(np.unique(some.features, axis=0)) > 1:
        every = preferences(some.p95_s, some.stable, alpha=alpha, unstable=True)
        choices = compare(some, stacked, every, np.array(PUBLISHED[: len(names)]), seed=seed)
    return Weighed(title, names, len(known), found, fitted, said, tuple(choices), turned)


def _stacked(terms: Terms) -> tuple[Floats, tuple[str, ...]]:
    """Return the terms (rows, sizes, k) and the names of their weights; the penalty where there is one."""
    parts = [terms.latency_us, terms.switching_us, terms.idle_us]
    if np.nan_to_num(terms.penalty_us).any():
        return np.stack([*parts, terms.penalty_us], axis=2), (*NAMES, PENALTY)
    return np.stack(parts, axis=2), NAMES
