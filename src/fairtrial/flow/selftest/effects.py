"""Self-test of effects: factors and pairs that do nothing, that do something, and seeds that move some levels more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from fairtrial.analyse.data import Data, data
from fairtrial.analyse.effect.effects import effects
from fairtrial.flow.selftest.cell import Cell
from fairtrial.flow.selftest.noise import Noise, heavy, normal, shared, skewed
from fairtrial.model.effect import EffectsFinding
from fairtrial.model.finding import Verdict
from fairtrial.model.run import Measurements

METRIC = "value"
NAMES = ("a", "b", "c")


def grid(values: Any, *, variant: int | None = None) -> Data:
    """Make data of a full grid: shape (levels of a, of b, …, replicates), NaN for a failed trial.

    The factor at place `variant` is the arms.
    """
    places = [axis.ravel() for axis in np.indices(values.shape)]
    names = [NAMES[axis] for axis in range(values.ndim - 1)]
    columns = {name: column.tolist() for name, column in zip(names, places[:-1], strict=True)}
    arms = [""] * values.size if variant is None else [NAMES[place] for place in columns.pop(names[variant])]
    return table(columns, values.ravel(), places[-1].tolist(), arms)


def table(columns: Mapping[str, list[Any]], values: Any, replicate: list[int], arms: list[str]) -> Data:
    """Make data of trials in any design; NaN for a failed trial."""
    done = np.isfinite(values).tolist()
    return data(
        Measurements(
            run=1,
            number=range(1, len(values) + 1),
            variant=arms,
            replicate=replicate,
            seed=replicate,
            status=["done" if one else "failed" for one in done],
            failure=["" if one else "crash" for one in done],
            factors=columns,
            metrics={METRIC: values.tolist()},
            attempt=list(range(1, len(values) + 1)),
        )
    )


def uneven(rng: Any, shape: tuple[int, ...]) -> Any:
    """Draw noise of sd 0.3 on top of what each seed adds to each level of the first factor, of sd 1."""
    return 0.3 * rng.standard_normal(shape) + rng.standard_normal((shape[0], *[1] * (len(shape) - 2), shape[-1]))


def growing(rng: Any, shape: tuple[int, ...]) -> Any:
    """Draw noise that grows along the first factor, from sd 1 to sd 3."""
    return rng.standard_normal(shape) * np.geomspace(1.0, 3.0, shape[0]).reshape(-1, *[1] * (len(shape) - 1))


def main(shape: tuple[int, ...], size: float) -> Any:
    """Return a straight rise along the first factor, from 0 to `size`."""
    rise = np.linspace(0, size, shape[0])
    return np.broadcast_to(rise.reshape(-1, *[1] * (len(shape) - 1)), shape)


def crossed(shape: tuple[int, ...], size: float) -> Any:
    """Return an interaction of the first two factors alone: opposite corners are `size` apart, margins are flat."""
    rows, columns = np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1])
    return np.broadcast_to(
        (size / 2 * np.outer(rows, columns)).reshape(shape[0], shape[1], *[1] * (len(shape) - 2)), shape
    )


def judged(
    rng: Any, noise: Noise, shape: tuple[int, ...], added: Any = 0.0, margin: float | None = None
) -> EffectsFinding:
    """Draw a grid and judge it."""
    return effects(grid(noise(rng, shape) + added), (), metric=METRIC, margin=margin)


def any_effect(rng: Any, noise: Noise, shape: tuple[int, ...]) -> bool:
    """Say whether an effect was found where there is none."""
    return judged(rng, noise, shape).verdict is Verdict.SUPPORTED


def found(rng: Any, noise: Noise, shape: tuple[int, ...], added: Any, term: tuple[str, ...]) -> bool:
    """Say whether an effect of one term was found."""
    finding = judged(rng, noise, shape, added)
    return next(one for one in finding.effects if one.factors == term).verdict is Verdict.SUPPORTED


def inert(rng: Any, shape: tuple[int, ...], size: float, margin: float) -> bool:
    """Say whether the first factor was called inert to a margin."""
    return "a" in judged(rng, normal, shape, main(shape, size), margin).inert


def drawn(rng: Any, conditions: int, replicates: int, size: float) -> bool:
    """Say whether x was found in a random design in which z does much, and x as much as `size` over its range."""
    x, z = rng.random(conditions), rng.random(conditions)
    mean = size * x + 3 * z + rng.standard_normal(conditions) * 0.5
    values = np.repeat(mean, replicates) + rng.standard_normal(conditions * replicates) * 0.5
    columns = {"x": np.repeat(x, replicates).tolist(), "z": np.repeat(z, replicates).tolist()}
    replicate = np.tile(np.arange(replicates), conditions).tolist()
    finding = effects(table(columns, values, replicate, [""] * len(values)), (), metric=METRIC)
    return finding.effects[0].verdict is Verdict.SUPPORTED


def _null(world: str, size: str, fires: Callable[[Any], bool], *, slow: bool = False) -> Cell:
    return Cell("effects", world, size, planted=False, rate=0.05, fires=fires, slow=slow)


def _planted(world: str, size: str, rate: float, fires: Callable[[Any], bool], *, slow: bool = False) -> Cell:
    return Cell("effects", world, size, planted=True, rate=rate, fires=fires, slow=slow)


CUBE = (3, 2, 2, 5)
PAIR = (4, 3, 5)

CELLS = (
    _null("nothing, normal noise", "3 x 2 x 2 levels x 5 replicates", partial(any_effect, noise=normal, shape=CUBE)),
    _null(
        "nothing, t noise (3 df)",
        "4 x 3 levels x 5 replicates",
        partial(any_effect, noise=heavy, shape=PAIR),
        slow=True,
    ),
    _null("nothing, seeds differ", "4 x 3 levels x 5 replicates", partial(any_effect, noise=shared, shape=PAIR)),
    _null(
        "nothing, seeds move levels",
        "4 x 3 levels x 5 replicates",
        partial(any_effect, noise=uneven, shape=PAIR),
        slow=True,
    ),
    _null("nothing, lognormal noise", "5 levels x 5 replicates", partial(any_effect, noise=skewed, shape=(5, 5))),
    _null(
        "nothing, noise grows by a factor of 3",
        "4 x 3 levels x 5 replicates",
        partial(any_effect, noise=growing, shape=PAIR),
        slow=True,
    ),
    _null("nothing, two levels", "2 levels x 5 replicates", partial(any_effect, noise=normal, shape=(2, 5))),
    _null("nothing, few replicates", "3 x 3 levels x 3 replicates", partial(any_effect, noise=normal, shape=(3, 3, 3))),
    _null(
        "a does much: b",
        "4 x 3 levels x 5 replicates",
        partial(found, noise=normal, shape=PAIR, added=main(PAIR, 5.0), term=("b",)),
        slow=True,
    ),
    _null(
        "a does much: a with b",
        "4 x 3 levels x 5 replicates",
        partial(found, noise=normal, shape=PAIR, added=main(PAIR, 5.0), term=("a", "b")),
    ),
    _null(
        "a with b does much: a",
        "4 x 3 levels x 5 replicates",
        partial(found, noise=normal, shape=PAIR, added=crossed(PAIR, 5.0), term=("a",)),
        slow=True,
    ),
    _null("random design: x does nothing", "60 conditions x 2", partial(drawn, conditions=60, replicates=2, size=0.0)),
    _null("difference at the margin called inert", "2 levels x 8", partial(inert, shape=(2, 8), size=1.0, margin=1.0)),
    _planted(
        "a rises by 2 sd",
        "3 x 2 x 2 levels x 5 replicates",
        0.8,
        partial(found, noise=normal, shape=CUBE, added=main(CUBE, 2.0), term=("a",)),
    ),
    _planted(
        "a rises by 2 sd",
        "4 x 3 levels x 5 replicates",
        0.9,
        partial(found, noise=normal, shape=PAIR, added=main(PAIR, 2.0), term=("a",)),
    ),
    _planted(
        "a rises by 2 sd, t noise (3 df)",
        "4 x 3 levels x 5 replicates",
        0.85,
        partial(found, noise=heavy, shape=PAIR, added=main(PAIR, 2.0), term=("a",)),
    ),
    _planted(
        "a with b: corners 4 sd apart",
        "4 x 3 levels x 5 replicates",
        0.8,
        partial(found, noise=normal, shape=PAIR, added=crossed(PAIR, 4.0), term=("a", "b")),
    ),
    _planted(
        "random design: x does 1.5", "60 conditions x 2", 0.8, partial(drawn, conditions=60, replicates=2, size=1.5)
    ),
    _planted(
        "no difference, margin 2 sd, called inert",
        "2 levels x 8",
        0.8,
        partial(inert, shape=(2, 8), size=0.0, margin=2.0),
    ),
)
