"""Self-test of racing: the best dropped, one left of equals, losers dropped in time, and the best found afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from fairtrial.analyse.choice.optimum import optimum
from fairtrial.flow.selftest.cell import Cell
from fairtrial.flow.selftest.worlds import SCORE, conditions
from fairtrial.model.choice import OptimumFinding
from fairtrial.model.finding import Verdict
from fairtrial.stats.race import beaten, nominal

ALPHA, LEAST, MOST = 0.05, 3, 20


@dataclass(frozen=True, slots=True)
class Raced:
    """A race that was run."""

    values: Any
    """Alternatives x replicates, also those that were not measured."""
    ended: list[int]
    """Replicates that each alternative was given."""
    left: set[int]

    def judged(self) -> OptimumFinding:
        """Ask for the best by what the race has measured."""
        return optimum(conditions(self.values, ended=self.ended), [SCORE], alpha=nominal(ALPHA, LEAST, MOST))


def raced(rng: Any, *, means: tuple[float, ...], shared: float) -> Raced:
    """Race alternatives with noise of sd 1, a share of whose variance is common."""
    noise = np.sqrt(1 - shared) * rng.standard_normal((len(means), MOST)) + np.sqrt(shared) * rng.standard_normal(MOST)
    values = np.asarray(means)[:, None] + noise
    running, ended = list(range(len(means))), [LEAST] * len(means)
    level = nominal(ALPHA, LEAST, MOST) / len(means)
    for count in range(LEAST, MOST + 1):
        for place in running:
            ended[place] = count
        columns = [dict(enumerate(values[place, :count].tolist())) for place in running]
        lost = set(beaten(columns, maximise=True, level=level))
        running = [place for at, place in enumerate(running) if at not in lost]
        if len(running) == 1:
            break
    return Raced(values, ended, set(running))


def drops_the_best(rng: Any, **words: Any) -> bool:
    """Say whether the first alternative, which is as good as any, is dropped."""
    return 0 not in raced(rng, **words).left


def leaves_one(rng: Any, **words: Any) -> bool:
    """Say whether one alternative is left."""
    return len(raced(rng, **words).left) == 1


def names_one(rng: Any, **words: Any) -> bool:
    """Say whether the optimum finds a single best in what the race has measured."""
    return raced(rng, **words).judged().verdict is Verdict.SUPPORTED


def finds(rng: Any, **words: Any) -> bool:
    """Say whether the optimum finds the first alternative, and it alone, to be the best."""
    found = raced(rng, **words).judged()
    return found.verdict is Verdict.SUPPORTED and found.candidates[0].assignment["x"] == 0


def saves(rng: Any, *, share: float, **words: Any) -> bool:
    """Say whether the first alternative is left, and at least a share of all trials was not needed."""
    found = raced(rng, **words)
    return 0 in found.left and sum(found.ended) <= (1 - share) * len(words["means"]) * MOST


_ALIKE, _HALF, _FAR = (0.0,) * 8, (0.0,) * 4 + (-2.0,) * 4, (2.0,) + (0.0,) * 7
_PAIR, _THREE = (0.0,) * 2, (0.0,) * 3


def _cell(world: str, fires: Any, power: float | None = None, *, means: tuple[float, ...], shared: float) -> Cell:
    return Cell(
        "race",
        world.format(shared=f"{shared:.0%} of the noise common"),
        f"{len(means)} alternatives, {LEAST} to {MOST} replicates",
        planted=power is not None,
        rate=ALPHA if power is None else power,
        fires=partial(fires, means=means, shared=shared),
        slow=shared == 0.0 and len(means) > len(_THREE) and power is None,
    )


CELLS = (
    *(
        _cell(f"{world}, {{shared}}: the best is dropped", drops_the_best, means=means, shared=shared)
        for world, means in (
            ("all alike", _PAIR),
            ("all alike", _ALIKE),
            ("half of them alike, the others 2 sd behind", _HALF),
        )
        for shared in (0.0, 0.8)
    ),
    *(
        _cell(f"all alike, {{shared}}: {said}", fires, means=means, shared=shared)
        for said, fires in (("one is left", leaves_one), ("the optimum names a single best", names_one))
        for means in (_PAIR, _THREE, _ALIKE)
        for shared in ((0.0,) if means is _THREE else (0.0, 0.8))
    ),
    *(
        _cell("the best 2 sd ahead, {shared}: the optimum finds it", finds, power, means=means, shared=shared)
        for means, shared, power in (((2.0, 0.0), 0.0, 0.9), (_FAR, 0.0, 0.6), (_FAR, 0.8, 0.95))
    ),
    *(
        _cell(
            f"the best 2 sd ahead, {{shared}}: {share:.0%} of the trials saved",
            partial(saves, share=share),
            power,
            means=_FAR,
            shared=shared,
        )
        for shared, share, power in ((0.0, 0.3, 0.8), (0.8, 0.6, 0.95))
    ),
)
