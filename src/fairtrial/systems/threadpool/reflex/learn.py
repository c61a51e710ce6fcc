"""Learning what each size would cost: a small tree, boosting or a small network; only plain arrays are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fairtrial.errors import UnknownName, UserError
from fairtrial.stats.resample import generator
from fairtrial.stats.summary import Floats, Integers
from fairtrial.systems.threadpool.label.record import Labelled
from fairtrial.systems.threadpool.parameters import LEARNT
from fairtrial.systems.threadpool.reflex import export
from fairtrial.systems.threadpool.reflex.arrays import Arrays
from fairtrial.systems.threadpool.reflex.model import Reflex
from fairtrial.systems.threadpool.reflex.target import digest, subset, targets
from fairtrial.systems.threadpool.telemetry.schema import FEATURES

LEAVES = (1, 2, 4, 8, 16)
"""Sizes of tree among which the training rows decide; 16 leaves of seven sizes keep the file within 1 KB."""
FLAT = 1e-6
"""Spread of an input below which it is rounding."""
LEAST_ROWS = 10
"""In a leaf, where there are enough rows."""
FOLDS = 5
STAGES = 24
DEPTH = 2
RATE = 0.25
UNITS = 16
DECAY = 0.1
"""L2 penalty of the network, in the units of scikit-learn's `alpha`."""
STEPS = 200


def fit(kind: str, labelled: Labelled, *, seed: int, replicates: Sequence[int] | None = None) -> Reflex:
    """Learn the log regret of every size from rows of telemetry, and return the model.

    One regression with an output for each size: the choice is the size whose prediction is lowest, so sizes are never
    averaged as numbers. The target of a row is `target.targets`, which takes the noise of the replicates out: rows
    whose sizes cannot be told apart are kept, and say that any size will do. Rows without a target (no stable size, a
    size not measured) and rows in which a feature is missing are left out. `replicates`: those to learn from.

    Raises UnknownName for a kind that is not learned, UserError where there are too few rows.
    """
    if kind not in LEARNT:
        raise UnknownName("kind of learned model", kind, LEARNT)
    chosen = range(labelled.p95_s.shape[2]) if replicates is None else replicates
    wanted = targets(labelled, chosen)
    known = np.flatnonzero(np.isfinite(wanted).all(axis=1) & np.isfinite(labelled.features).all(axis=1))
    if len(labelled.sizes) < 2:
        raise UserError(f"nothing to choose from: the labels have one size, {labelled.sizes[0]}")
    if len(known) < 2:
        raise UserError(f"too few rows of telemetry to learn from: {len(known)} with all sizes measured, not 2")
    learned, wanted = subset(labelled, known), wanted[known]
    arrays = _prepared(learned)
    from fairtrial.systems.threadpool.reflex.infer import normalised

    inputs = normalised(arrays, learned.features)
    parts = export.rounded(exported(kind, estimate(kind, inputs, wanted, seed=seed)))
    return Reflex(kind, arrays._replace(**parts), digest(learned))


def _prepared(labelled: Labelled) -> Arrays:
    """Return the arrays of a model that has learned nothing yet but its features' scale and range.

    Features that span decades (all but shares) are taken as log(1 + x); then every input gets mean 0 and standard
    deviation 1 over the rows.
    """
    from fairtrial.systems.threadpool.reflex.infer import INPUTS, normalised

    raw = labelled.features
    plain = Arrays(
        sizes=export.whole(labelled.sizes),
        logged=export.whole([feature.unit != "share" for feature in FEATURES]),
        centre=np.zeros(INPUTS),
        scale=np.ones(INPUTS),
        low=export.single(raw.min(axis=0), towards=-np.inf),
        high=export.single(raw.max(axis=0), towards=np.inf),
        **export.nothing(len(labelled.sizes), INPUTS),
    )
    values = normalised(plain, raw)
    spread = values.std(axis=0)
    scale = export.single(np.where(spread > FLAT, spread, 1.0))
    return plain._replace(centre=export.single(values.mean(axis=0)), scale=scale)


def estimate(kind: str, inputs: Floats, wanted: Floats, *, seed: int) -> Any:
    """Return what scikit-learn fits to normalised inputs (rows, 12): an estimator, or one for each size (boosting)."""
    if kind == "tree":
        return _tree(inputs, wanted, _leaves(inputs, wanted, seed), seed)
    if kind == "boosting":
        return [_boosted(inputs, column, seed) for column in wanted.T]
    return _network(inputs, wanted, seed)


def predicted(kind: str, estimator: Any, inputs: Floats) -> Floats:
    """Return scikit-learn's own prediction (rows, sizes)."""
    if kind == "boosting":
        return np.column_stack([one.predict(inputs) for one in estimator])
    found: Floats = estimator.predict(inputs)
    return found


def exported(kind: str, estimator: Any) -> export.Parts:
    """Return the estimator as the arrays of a model, in double precision."""
    if kind == "network":
        return export.network(estimator)
    if kind == "tree":
        return export.forest([(estimator.tree_, 0, 1.0)], np.zeros(estimator.n_outputs_))
    base = np.array([float(one.init_.constant_.ravel()[0]) for one in estimator])
    trees = [(stage.tree_, at, RATE) for at, one in enumerate(estimator) for stage in one.estimators_[:, 0]]
    return export.forest(trees, base)


def _tree(inputs: Floats, wanted: Floats, leaves: int, seed: int) -> Any:
    """Fit the tree of so many leaves, grown where the squared error of all sizes falls most."""
    from sklearn.tree import DecisionTreeRegressor

    least = len(inputs) if leaves == 1 else _least(len(inputs))
    tree = DecisionTreeRegressor(max_leaf_nodes=max(leaves, 2), min_samples_leaf=least, random_state=seed % 2**32)
    return tree.fit(inputs, wanted)


def _least(rows: int) -> int:
    """Return how many rows a leaf must hold at least."""
    return max(1, min(LEAST_ROWS, rows // 8))


def _leaves(inputs: Floats, wanted: Floats, seed: int) -> int:
    """Return the smallest number of leaves whose choices are, in folds, within a standard error of the best number's.

    What is compared is the regret of the chosen size on rows that the tree did not see, paired by row; where
    nothing can be learned the tree ends as one leaf, which is the best constant. Source: Breiman, Friedman, Olshen
    and Stone (1984), Classification and Regression Trees, section 3.4 (the 1 SE rule).
    """
    if len(inputs) < 2 * FOLDS:
        return LEAVES[0]
    fold = generator(seed, "leaves").permutation(len(inputs)) % FOLDS
    lost = np.array([_lost(inputs, wanted, fold, leaves=leaves, seed=seed) for leaves in LEAVES])
    best = int(lost.mean(axis=1).argmin())
    excess = lost - lost[best]
    error = excess.std(axis=1, ddof=1) / np.sqrt(len(inputs))
    return LEAVES[int(np.flatnonzero(excess.mean(axis=1) <= error)[0])]


def _lost(inputs: Floats, wanted: Floats, fold: Integers, *, leaves: int, seed: int) -> Floats:
    """Return the regret of each row, chosen by the tree of the other folds."""
    lost = np.empty(len(inputs))
    for part in range(FOLDS):
        test = fold == part
        chosen = _tree(inputs[~test], wanted[~test], leaves, seed).predict(inputs[test]).argmin(axis=1)
        lost[test] = np.expm1(wanted[test, chosen])
    return lost


def _boosted(inputs: Floats, wanted: Floats, seed: int) -> Any:
    """Fit a few dozen shallow trees to one size, each to what the ones before left over."""
    from sklearn.ensemble import GradientBoostingRegressor

    model = GradientBoostingRegressor(
        n_estimators=STAGES,
        learning_rate=RATE,
        max_depth=DEPTH,
        min_samples_leaf=_least(len(inputs)),
        random_state=seed % 2**32,
    )
    return model.fit(inputs, wanted)


def _network(inputs: Floats, wanted: Floats, seed: int) -> Any:
    """Fit one small hidden layer; ending after so many steps is meant, so its warning is none."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor

    model = MLPRegressor(
        hidden_layer_sizes=(UNITS,), solver="lbfgs", alpha=DECAY, max_iter=STEPS, random_state=seed % 2**32
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(inputs, wanted)
