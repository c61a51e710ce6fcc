"""Self-test of cautions: quiet runs that must raise none, and runs with what each caution is there to see."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from fairtrial.analyse.caution.cautions import cautions
from fairtrial.flow.selftest.cell import Cell
from fairtrial.flow.selftest.effects import METRIC, grid, main
from fairtrial.flow.selftest.noise import Noise, heavy, normal, shared
from fairtrial.model.finding import CautionKind
from fairtrial.model.outcome import Status, Usage
from fairtrial.model.run import AttemptRow
from fairtrial.model.study import Direction, Metric, Study, SystemRef
from fairtrial.model.trial import Role

SHAPE = (4, 3, 5)
STUDY = Study("selftest", SystemRef("none"), metrics=(Metric(METRIC, Direction.MAXIMIZE),))
Moved = Callable[[Any], Any]
Means = Callable[[Any], Any]
"""Noise of sd 1 -> values."""


def places(rng: Any, shape: tuple[int, ...]) -> Any:
    """Return when each trial runs, 0, 1, …: blocks one after the other, shuffled within."""
    cells = int(np.prod(shape[:-1]))
    order = np.stack([rng.permutation(cells) + cells * block for block in range(shape[-1])], axis=-1)
    return order.reshape(shape)


def still(place: Any) -> Any:
    """Return a machine that does not move."""
    return 0.0 * place


def drifting(place: Any) -> Any:
    """Return a drift of 3 sd from the first trial to the last."""
    return 3.0 * place / place.max()


def warming(place: Any) -> Any:
    """Return a rise of 2 sd within each block."""
    cells = place.size // place.shape[-1]
    return 2.0 * (place % cells) / cells


def attempts(place: Any, spin: Any, sentinel: float | None) -> list[AttemptRow]:
    """Make the attempts of a grid, with the first condition measured again at the end."""
    flat = place.ravel().tolist()
    rows = [_attempt(number + 1, at, spin[at], None) for number, at in enumerate(flat)]
    if sentinel is None:
        return rows
    return [*rows, _attempt(len(flat) + 1, len(flat), spin[-1], sentinel, trial=1)]


def wild(rng: Any, shape: tuple[int, ...]) -> Any:
    """Draw normal noise with one value 15 sd away."""
    values = rng.standard_normal(shape)
    values.flat[rng.integers(values.size)] += 15.0
    return values


def rising(noise: Any) -> Any:
    """Return means that rise by 1 sd along the first factor."""
    return main(SHAPE, 1.0) + noise


def tenfold(noise: Any, *, relative: bool) -> Any:
    """Return positive means that differ by a factor of 10, with noise of one size or of a twentieth of the mean."""
    means = np.broadcast_to(np.geomspace(20.0, 200.0, SHAPE[0]).reshape(-1, 1, 1), SHAPE)
    return means + noise * (means / 20 if relative else 1.0)


def raised(
    rng: Any,
    kind: CautionKind | tuple[CautionKind, ...],
    noise: Noise = normal,
    moved: Moved = still,
    *,
    spin: float = 0.0,
    sentinel: float = 0.0,
    means: Means = rising,
) -> bool:
    """Say whether a caution of a kind was raised; `spin` is by how much the CPU slows down over the run."""
    place = places(rng, SHAPE)
    values = means(noise(rng, SHAPE) + moved(place))
    clock = 1e-3 * (1 + 0.005 * rng.standard_normal(place.size)) * np.linspace(1, 1 + spin, place.size)
    once, twice = noise(rng, (2, 1)).ravel().tolist()  # of one seed
    again = float(values[0, 0, 0]) + twice - once + sentinel
    found = cautions(grid(values), STUDY, attempts(place, clock, again), planned=place.size)
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return any(one.kind in kinds for one in found)


def censored(rng: Any, shares: tuple[float, ...]) -> bool:
    """Say whether failures were called censoring, where that share of each level of the first factor fails."""
    lost = rng.random(SHAPE) < np.array(shares).reshape(-1, 1, 1)
    found = cautions(grid(np.where(lost, np.nan, normal(rng, SHAPE))), STUDY, [], planned=None)
    return any(one.kind is CautionKind.CENSORED for one in found)


def edge(rng: Any, size: float) -> bool:
    """Say whether the best was said to lie at the end of what was tried."""
    found = cautions(grid(main((5, 6), size) + normal(rng, (5, 6))), STUDY, [], planned=None)
    return any(one.kind is CautionKind.EDGE for one in found)


def _attempt(number: int, at: int, spin: float, sentinel: float | None, *, trial: int | None = None) -> AttemptRow:
    return AttemptRow(
        id=number,
        run=1,
        trial=str(trial or number).encode(),
        number=1,
        role=Role.TRIAL if sentinel is None else Role.SENTINEL,
        status=Status.DONE,
        started=float(at),
        ended=float(at + 1),
        usage=Usage(spin_before_s=spin, spin_after_s=spin),
        failure=None,
        metrics={} if sentinel is None else {METRIC: sentinel},
        pid=1,
    )


def _null(world: str, fires: Callable[[Any], bool], size: str = "4 x 3 levels x 5 replicates") -> Cell:
    return Cell("cautions", world, size, planted=False, rate=0.05, fires=fires)


def _planted(world: str, rate: float, fires: Callable[[Any], bool], size: str = "4 x 3 levels x 5 replicates") -> Cell:
    return Cell("cautions", world, size, planted=True, rate=rate, fires=fires)


CELLS = (
    _null("quiet: drift", partial(raised, kind=CautionKind.DRIFT)),
    _null("quiet, t noise (3 df): drift", partial(raised, kind=CautionKind.DRIFT, noise=heavy)),
    _null("seeds differ: drift", partial(raised, kind=CautionKind.DRIFT, noise=shared)),
    _null("seeds differ: order effect", partial(raised, kind=CautionKind.ORDER, noise=shared)),
    _null("normal noise: heavy tails", partial(raised, kind=CautionKind.HEAVY_TAILS)),
    *(
        _null(
            f"means differ by a factor of 10, noise {said}: {kind}",
            partial(raised, kind=kind, noise=noise, means=partial(tenfold, relative=relative)),
        )
        for said, relative in (("of one size", False), ("of a twentieth of each", True))
        for kind, noise in (
            (CautionKind.HEAVY_TAILS, normal),
            (CautionKind.DRIFT, shared),
            (CautionKind.ORDER, shared),
        )
    ),
    _null("steady CPU loop: noisy machine", partial(raised, kind=CautionKind.NOISY_MACHINE)),
    _null("a fifth fails at random: censored", partial(censored, shares=(0.2, 0.2, 0.2, 0.2))),
    _null("flat: best at the edge", partial(edge, size=0.0), "5 levels x 6 replicates"),
    _planted("drift of 3 sd", 0.8, partial(raised, kind=CautionKind.DRIFT, moved=drifting)),
    *(
        _planted(
            f"drift of 3 sd, means differ by a factor of 10, noise {said}",
            0.8,
            partial(raised, kind=CautionKind.DRIFT, moved=drifting, means=partial(tenfold, relative=relative)),
        )
        for said, relative in (("of one size", False), ("of a twentieth of each", True))
    ),
    _planted("one value 15 sd off: heavy tails", 0.8, partial(raised, kind=CautionKind.HEAVY_TAILS, noise=wild)),
    _planted("CPU slows by 10 %: drift", 0.95, partial(raised, kind=CautionKind.DRIFT, spin=0.1)),
    _planted("sentinel 8 sd off: drift", 0.8, partial(raised, kind=CautionKind.DRIFT, sentinel=8.0)),
    _planted(
        "rise of 2 sd within blocks, seeds differ: order effect or drift",
        0.8,
        partial(raised, kind=(CautionKind.ORDER, CautionKind.DRIFT), noise=shared, moved=warming),
    ),
    _planted("0, 0, 10 and 60 % of the levels fail: censored", 0.9, partial(censored, shares=(0.0, 0.0, 0.1, 0.6))),
    _planted("rise of 10 sd: best at the edge", 0.8, partial(edge, size=10.0), "5 levels x 6 replicates"),
)
