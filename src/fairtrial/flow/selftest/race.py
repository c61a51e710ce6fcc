"""Self-test of racing: the best dropped by mistake, and losers that are dropped in time."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from fairtrial.flow.selftest.cell import Cell
from fairtrial.stats.race import beaten, levels

ALPHA, LEAST, MOST = 0.05, 3, 20


def raced(rng: Any, *, means: tuple[float, ...], shared: float) -> tuple[set[int], int]:
    """Race alternatives with noise of sd 1, a share of whose variance is common; return who is left, and the trials."""
    noise = np.sqrt(1 - shared) * rng.standard_normal((len(means), MOST)) + np.sqrt(shared) * rng.standard_normal(MOST)
    values = np.asarray(means)[:, None] + noise
    running, trials = list(range(len(means))), len(means) * LEAST
    for count, level in zip(range(LEAST, MOST + 1), levels(ALPHA, len(means), LEAST, MOST), strict=True):
        columns = [dict(enumerate(values[place, :count].tolist())) for place in running]
        lost = set(beaten(columns, maximise=True, level=level))
        running = [place for at, place in enumerate(running) if at not in lost]
        if len(running) == 1 or count == MOST:
            break
        trials += len(running)
    return set(running), trials


def drops_the_best(rng: Any, **words: Any) -> bool:
    """Say whether the first alternative, which is as good as any, is dropped."""
    return 0 not in raced(rng, **words)[0]


def saves(rng: Any, *, share: float, **words: Any) -> bool:
    """Say whether the first alternative is left, and at least a share of all trials was not needed."""
    running, trials = raced(rng, **words)
    return 0 in running and trials <= (1 - share) * len(words["means"]) * MOST


_ALIKE, _HALF, _FAR = (0.0,) * 8, (0.0,) * 4 + (-2.0,) * 4, (2.0,) + (0.0,) * 7
CELLS = (
    *(
        Cell(
            "race",
            f"{world}, {shared:.0%} of the noise common: the best is dropped",
            f"8 alternatives, {LEAST} to {MOST} replicates",
            planted=False,
            rate=ALPHA,
            fires=partial(drops_the_best, means=means, shared=shared),
            slow=shared == 0.0,
        )
        for world, means in (("all alike", _ALIKE), ("half of them alike, the others 2 sd behind", _HALF))
        for shared in (0.0, 0.8)
    ),
    *(
        Cell(
            "race",
            f"the best 2 sd ahead, {shared:.0%} of the noise common: {share:.0%} of the trials saved",
            f"8 alternatives, {LEAST} to {MOST} replicates",
            planted=True,
            rate=rate,
            fires=partial(saves, means=_FAR, shared=shared, share=share),
        )
        for shared, share, rate in ((0.0, 0.3, 0.9), (0.8, 0.6, 0.95))
    ),
)
