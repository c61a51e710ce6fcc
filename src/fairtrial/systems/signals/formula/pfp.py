"""pfp: whether activity away from the spot comes before activity at it; a front that moves in, on either side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from fairtrial.systems.signals.formula.adaptive import quantiles
from fairtrial.systems.signals.formula.course import Columns, Course, at_once
from fairtrial.systems.signals.formula.sides import above, below
from fairtrial.systems.signals.record import REACH, Floats, Market
from fairtrial.systems.signals.rolling.ema import Ema, ema
from fairtrial.systems.signals.rolling.minus import Before, before
from fairtrial.systems.signals.signal import Mode
from fairtrial.systems.signals.words import Share, Words

Distance = Annotated[int, Field(ge=1, le=REACH)]
LEAST = 1e-9
"""Added to what is divided by: no activity leads nothing."""


class PfpParameters(Words):
    """Settings of pfp."""

    inner: tuple[Distance, Distance] = Field(default=(1, 3), description="First and last cell of the inner band.")
    outer: tuple[Distance, Distance] = Field(default=(5, 12), description="First and last cell of the outer band.")
    lag: int = Field(default=5, ge=1, le=100_000, description="Bins by which the outer band would lead.")
    alpha: float = Field(default=0.1, gt=0, le=1, description="Of the averages.")
    add_weight: Share = Field(default=0.6, description="Share of adds and fills; pulls have the rest.")

    @model_validator(mode="after")
    def _apart(self) -> PfpParameters:
        for name in ("inner", "outer"):
            first, last = getattr(self, name)
            if first > last:
                raise ValueError(f"{name} {[first, last]}: the first cell lies beyond the last")
        if self.outer[0] <= self.inner[1]:
            raise ValueError(f"outer begins at cell {self.outer[0]}, within inner, which ends at {self.inner[1]}")
        return self


class Pfp:
    """How much the outer band leads the inner one, bid against ask.

    Activity of a band is the mean of its cells' rates: v_add + v_fill, and v_pull apart. The lead of a side is
    EMA(inner now x outer `lag` bins ago) / (EMA(inner now x outer now) + 1e-9); both averages begin at the first bin
    that has one `lag` bins before it. The value is 0.6 (lead of adds and fills at the bid less at the ask)
    + 0.4 (lead of pulls at the ask less at the bid).
    """

    name = "pfp"
    help = "Lead of activity farther out over activity at the spot, adds and fills at the bid, pulls at the ask."
    mode: Mode = "state"
    Parameters = PfpParameters
    columns = ("v_add", "v_fill", "v_pull")

    def batch(self, market: Market, parameters: PfpParameters, *, seed: int) -> Floats:
        """Return its value at each bin, (n,)."""
        return at_once(
            market, self.columns, partial(activity, parameters=parameters), lambda numbers: _roll(numbers, parameters)
        )

    def stream(self, parameters: PfpParameters, *, tick_size: float, bin_s: float, seed: int) -> Course:
        """Return the same, bin by bin."""
        return Course(partial(activity, parameters=parameters), _Rolling(parameters))

    def thresholds(self, values: Floats) -> tuple[float, ...]:
        """Return up to six quantiles of |value|."""
        return quantiles(values)


def activity(columns: Columns, parameters: PfpParameters) -> Floats:
    """Return the activity of each bin, (..., 8): inner and outer of bid and ask, of adds and fills, then of pulls."""
    fields = (columns["v_add"] + columns["v_fill"], columns["v_pull"])
    bands = (parameters.inner, parameters.outer)
    means = [side(x, *band).mean(axis=-1) for x in fields for side in (below, above) for band in bands]
    return np.stack(means, axis=-1)


def _roll(numbers: Floats, parameters: PfpParameters) -> Floats:
    inner, outer = numbers[:, ::2], numbers[:, 1::2]
    then = before(outer, parameters.lag)
    now = np.where(np.isnan(then), np.nan, outer)
    lead = ema(inner * then, parameters.alpha) / (ema(inner * now, parameters.alpha) + LEAST)
    share = parameters.add_weight
    return share * (lead[:, 0] - lead[:, 1]) + (1 - share) * (lead[:, 3] - lead[:, 2])


class _Rolling:
    def __init__(self, parameters: PfpParameters) -> None:
        self._share = parameters.add_weight
        self._leads = [_Lead(parameters) for _ in range(4)]

    def step(self, numbers: Sequence[float]) -> float:
        bid, ask, bid_pull, ask_pull = (
            lead.step(numbers[2 * i], numbers[2 * i + 1]) for i, lead in enumerate(self._leads)
        )
        return self._share * (bid - ask) + (1 - self._share) * (ask_pull - bid_pull)


class _Lead:
    def __init__(self, parameters: PfpParameters) -> None:
        self._before = Before(parameters.lag)
        self._then, self._now = Ema(parameters.alpha), Ema(parameters.alpha)

    def step(self, inner: float, outer: float) -> float:
        then = self._before.step(outer)
        if math.isnan(then):  # no bin so long ago
            return then
        return self._then.step(inner * then) / (self._now.step(inner * outer) + LEAST)
