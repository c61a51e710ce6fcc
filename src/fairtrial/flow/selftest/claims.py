"""Self-test of claims: each kind at the edge of what it says, where being called supported is a false alarm."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from fairtrial.analyse.claim.claims import claims
from fairtrial.flow.selftest.cell import Cell
from fairtrial.flow.selftest.effects import METRIC, grid, main, table, uneven
from fairtrial.flow.selftest.noise import normal, skewed
from fairtrial.model.claim import Claim, ClaimKind, Margin, Tolerance
from fairtrial.model.finding import Verdict
from fairtrial.model.study import Direction, Metric, Study, SystemRef

INCREASES = Claim("value increases with a", ClaimKind.INCREASES, METRIC, "a")
FLAT = Claim("value is flat with a", ClaimKind.FLAT, METRIC, "a")
BELOW = Claim("value < 0", ClaimKind.BELOW, METRIC, limit=0.0)
THRESHOLD = Claim("value has a threshold in a", ClaimKind.THRESHOLD, METRIC, "a")
EXCEEDS = Claim(
    "b.value > a.value by 1", ClaimKind.EXCEEDS, METRIC, arms=("b", "a"), margin=Margin(1.0, relative=False)
)


def study(*expected: Claim, flat: float = 1.0) -> Study:
    """Make a study of these claims; flat means within `flat`."""
    return Study(
        "selftest",
        SystemRef("none"),
        metrics=(Metric(METRIC, Direction.MAXIMIZE),),
        expect=expected,
        gate=(Tolerance(METRIC, Margin(flat, relative=False)),),
    )


def verdict(rng: Any, values: Any, claim: Claim, *, noise: Any = normal, arms: bool = False) -> Verdict:
    """Judge a claim on values with noise added; the first axis is the arms where there are any."""
    found = grid(values + noise(rng, values.shape), variant=0 if arms else None)
    return claims(found, study(claim))[0].verdict


def supported(rng: Any, values: Any, claim: Claim, *, noise: Any = normal, arms: bool = False) -> bool:
    """Say whether a claim was supported."""
    return verdict(rng, values, claim, noise=noise, arms=arms) is Verdict.SUPPORTED


def denied(rng: Any, values: Any, claim: Claim, *, noise: Any = normal, arms: bool = False) -> bool:
    """Say whether a claim was called not supported."""
    return verdict(rng, values, claim, noise=noise, arms=arms) is Verdict.NOT_SUPPORTED


def at_random(rng: Any, rises: Any, claim: Claim, *, wanted: Verdict, conditions: int = 60) -> bool:
    """Say whether a claim came out so where conditions were drawn: `a` and `b` from 0 to 1, 3 replicates of each.

    `rises` are the heights over a, in the order of its values, in sd of a condition; b adds 3 sd over its range.
    """
    a, b = rng.random((2, conditions))
    a = np.sort(a)
    mean = np.interp(a, np.linspace(0, 1, len(rises)), rises) + 3 * b + rng.standard_normal(conditions)
    values = mean[:, None] + 0.3 * rng.standard_normal((conditions, 3))
    columns = {"a": np.repeat(a, 3).tolist(), "b": np.repeat(b, 3).tolist()}
    found = table(columns, values.ravel(), np.tile(np.arange(3), conditions).tolist(), [""] * values.size)
    return claims(found, study(claim))[0].verdict is wanted


def any_of_four(rng: Any, shape: tuple[int, ...]) -> bool:
    """Say whether any of four claims was supported where all of them are wrong, at their edges."""
    found = grid(normal(rng, shape))
    falls = Claim("value decreases with a", ClaimKind.DECREASES, METRIC, "a")
    other = Claim("value increases with b", ClaimKind.INCREASES, METRIC, "b")
    judged = claims(found, study(INCREASES, falls, other, THRESHOLD))
    return any(one.verdict is Verdict.SUPPORTED for one in judged)


def turning(shape: tuple[int, ...], size: float) -> Any:
    """Return a rise along the first factor that turns back by `size` at its last level."""
    rise = np.linspace(0, 2 * size, shape[0])
    rise[-1] -= 1.5 * size
    return np.broadcast_to(rise.reshape(-1, *[1] * (len(shape) - 1)), shape)


def _null(world: str, size: str, fires: Any, *, slow: bool = False) -> Cell:
    return Cell("claims", world, size, planted=False, rate=0.05, fires=fires, slow=slow)


def _planted(world: str, size: str, rate: float, fires: Any, *, slow: bool = False) -> Cell:
    return Cell("claims", world, size, planted=True, rate=rate, fires=fires, slow=slow)


YES, NO, DRAWN = Verdict.SUPPORTED, Verdict.NOT_SUPPORTED, "60 conditions at random x 3 replicates"
LADDER, ARMS, TWO = (6, 5), (2, 3, 8), (2, 10)
ON_LADDER, ON_ARMS, ON_TWO = "6 levels x 5 replicates", "2 arms x 3 levels x 8 replicates", "2 levels x 10 replicates"
CELLS = (
    _null("no trend: increases", ON_LADDER, partial(supported, values=np.zeros(LADDER), claim=INCREASES)),
    _null("no trend, seeds move levels", ON_LADDER,
          partial(supported, values=np.zeros((6, 2, 5)), claim=INCREASES, noise=uneven)),
    _null("no trend, lognormal noise", ON_LADDER,
          partial(supported, values=np.zeros(LADDER), claim=INCREASES, noise=skewed)),
    _null("no trend: increases denied", ON_LADDER, partial(denied, values=np.zeros(LADDER), claim=INCREASES)),
    _null("two levels apart by the margin: flat", ON_TWO, partial(supported, values=main(TWO, 1.0), claim=FLAT)),
    _null("two levels apart by the margin: flat denied", ON_TWO, partial(denied, values=main(TWO, 1.0), claim=FLAT)),
    _null("above by just the margin: exceeds", ON_ARMS,
          partial(supported, values=main(ARMS, 1.0), claim=EXCEEDS, arms=True)),
    _null("above by just the margin: exceeds denied", ON_ARMS,
          partial(denied, values=main(ARMS, 1.0), claim=EXCEEDS, arms=True)),
    _null("mean at the limit: below", "1 of 3 conditions x 5 replicates",
          partial(supported, values=main((3, 5), 20.0) - 20.0, claim=BELOW)),
    _null("means at the limit: below denied", "3 conditions x 5 replicates",
          partial(denied, values=np.zeros((3, 5)), claim=BELOW)),
    _null("no step: threshold", "8 levels x 5 replicates",
          partial(supported, values=np.zeros((8, 5)), claim=THRESHOLD), slow=True),
    _null("no trend in a, one in b: increases", DRAWN, partial(at_random, rises=(0, 0), claim=INCREASES, wanted=YES)),
    _null("no trend in a, one in b: increases denied", DRAWN,
          partial(at_random, rises=(0, 0), claim=INCREASES, wanted=NO)),
    _null("no trend in a, flat within 1 sd: flat denied", DRAWN,
          partial(at_random, rises=(0, 0), claim=FLAT, wanted=NO)),
    _null("nothing: any of four claims", "4 x 3 levels x 5 replicates",
          partial(any_of_four, shape=(4, 3, 5)), slow=True),
    _planted("rise of 2 sd: increases", ON_LADDER, 0.8, partial(supported, values=main(LADDER, 2.0), claim=INCREASES)),
    _planted("fall of 2 sd: increases denied", ON_LADDER, 0.8,
             partial(denied, values=main(LADDER, -2.0), claim=INCREASES)),
    _planted("rise that turns back: denied", "6 levels x 8 replicates", 0.8,
             partial(denied, values=turning((6, 8), 4.0), claim=INCREASES)),
    _planted("levels alike, margin 1 sd: flat", "2 levels x 25 replicates", 0.8,
             partial(supported, values=np.zeros((2, 25)), claim=FLAT)),
    _planted("above by the margin and 1 sd: exceeds", ON_ARMS, 0.9,
             partial(supported, values=main(ARMS, 2.0), claim=EXCEEDS, arms=True)),
    _planted("rise of 3 sd: increases", DRAWN, 0.95, partial(at_random, rises=(0, 3), claim=INCREASES, wanted=YES)),
    _planted("fall of 3 sd: increases denied", DRAWN, 0.95,
             partial(at_random, rises=(3, 0), claim=INCREASES, wanted=NO)),
    _planted("rise and fall of 6 sd: increases denied", DRAWN, 0.8,
             partial(at_random, rises=(0, 6, 0), claim=INCREASES, wanted=NO)),
    _planted("below the limit by 2 sd", "3 conditions x 5 replicates", 0.8,
             partial(supported, values=np.full((3, 5), -2.0), claim=BELOW)),
)  # fmt: skip
