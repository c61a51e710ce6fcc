"""Which features a policy's choices hang on: the regret that comes of each being told wrongly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairtrial.stats.resample import generator, percentile
from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.label.record import Labelled
from fairtrial.systems.threadpool.parameters import Policy
from fairtrial.systems.threadpool.record import Chooser
from fairtrial.systems.threadpool.reflex.score import score, yardstick
from fairtrial.systems.threadpool.reflex.split import split
from fairtrial.systems.threadpool.reflex.target import subset, usable
from fairtrial.systems.threadpool.reflex.training import Setting, tests
from fairtrial.systems.threadpool.telemetry.schema import NAMES

REPEATS = 20
DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Importance:
    """What one feature is worth to a policy."""

    feature: str
    rise: float
    """Mean regret when this feature comes from another row, less that when it is right; below 0: it misleads."""
    low: float
    """Ends of the interval of the mean, bootstrapped over the rows that were tested."""
    high: float


def importance(
    labelled: Labelled, policy: Policy, *, held_out: str = "none", seed: int, cores: int = 8, level: float = 0.95
) -> tuple[Importance, ...]:
    """Return the permutation importance of each feature, in regret on rows that were not learned from.

    Each feature in turn changes places among the rows of a test, so what it says is wrong and the policy chooses by
    the others; rows are those of `training.train`. The interval is the percentile bootstrap over rows, of the policy
    as it was learned: what another training would give is not in it. Features that say the same stand in for each
    other, and each alone then looks unimportant. Sources: Breiman (2001), Random forests, Machine Learning 45; Fisher,
    Rudin and Dominici (2019), All models are wrong, but many are useful, J. Machine Learning Res. 20.
    """
    rows = subset(labelled, usable(labelled))
    found = tests(rows, split(rows, held_out, seed=seed), Setting(policy, cores, seed))
    rises = [_rises(chooser, subset(rows, places), policy, seed) for chooser, places in found]
    rng = generator(seed, "threadpool", "importance", "rows")
    return tuple(
        Importance(name, float(rise.mean()), *_interval(rise, level, rng))
        for name, rise in zip(NAMES, np.concatenate(rises).T, strict=True)
    )


def _rises(chooser: Chooser, labelled: Labelled, policy: Policy, seed: int) -> Floats:
    """Return (rows, 10): by how much a row's regret rises, on average, when that feature is another row's."""
    rng = generator(seed, "threadpool", "importance", "places")
    yard = yardstick(labelled)
    right = score(chooser, labelled.features, yard, policy).regret
    rises = np.zeros((len(labelled.rows), len(NAMES)))
    for at in range(len(NAMES)):
        for _ in range(REPEATS):
            features = labelled.features.copy()
            features[:, at] = rng.permutation(features[:, at])
            rises[:, at] += score(chooser, features, yard, policy).regret - right
    return rises / REPEATS


def _interval(rise: Floats, level: float, rng: np.random.Generator) -> tuple[float, float]:
    drawn = rise[rng.integers(0, len(rise), (DRAWS, len(rise)))].mean(axis=1)
    return percentile(drawn, level)
