"""perm_derivative: how fast the balance of bullish and bearish cells of the permutation code changes."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from functools import partial

import numpy as np
from pydantic import Field, model_validator

from fairtrial.errors import UserError
from fairtrial.systems.signals.formula.course import Columns, Course, at_once
from fairtrial.systems.signals.record import LEVELS, REACH, Floats, Market
from fairtrial.systems.signals.rolling.mean import Sd, sd
from fairtrial.systems.signals.rolling.minus import Minus, minus
from fairtrial.systems.signals.rolling.robust import LEAST, RobustZ, robust_z
from fairtrial.systems.signals.signal import Mode
from fairtrial.systems.signals.words import Weight, Words

COLUMN = "perm_state5_code"
ORDERS = ("d1_weight", "d2_weight", "d3_weight")
CLASSES = ("bear_vacuum_weight", "bear_pressure_weight", "bull_pressure_weight", "bull_vacuum_weight")
"""Of codes -2, -1, 1, 2."""


class PermutationParameters(Words):
    """Settings of perm_derivative."""

    cell_width_ms: int | None = Field(
        default=None, ge=1, le=3_600_000, description="Length of a bin; None: as the data has it, others are refused."
    )
    center_exclusion_radius: int = Field(
        default=0, ge=0, le=REACH, description="Cells nearer to the spot than it are left out; 1: the spot's own."
    )
    spatial_decay_power: float = Field(
        default=0.0, ge=0, le=10, description="A cell k away counts 1/k to this power; 0: all count the same."
    )
    zscore_window_bins: int = Field(default=300, ge=2, le=1_000_000, description="Window of the z, in bins.")
    min_periods: int = Field(default=75, ge=2, le=1_000_000, description="Least changes of a z, in bins.")
    tanh_scale: float = Field(default=3.0, gt=0, le=1e6, description="Scale of tanh(z / scale).")
    d1_weight: Weight = Field(default=1.0, description="Weight of the first derivative.")
    d2_weight: Weight = Field(default=0.0, description="Weight of the second derivative.")
    d3_weight: Weight = Field(default=0.0, description="Weight of the third derivative.")
    blend: bool = Field(default=False, description="Weigh the classes, and damp by the share of mixed cells.")
    bull_vacuum_weight: Weight = Field(default=1.0, description="Weight of code +2, with blend.")
    bull_pressure_weight: Weight = Field(default=1.0, description="Weight of code +1, with blend.")
    bear_pressure_weight: Weight = Field(default=1.0, description="Weight of code -1, with blend.")
    bear_vacuum_weight: Weight = Field(default=1.0, description="Weight of code -2, with blend.")
    mixed_weight: float = Field(
        default=0.0, ge=0, le=1, description="Of the share of code 0, by which the net is damped, with blend."
    )

    @model_validator(mode="after")
    def _read(self) -> PermutationParameters:
        """Check what belongs together, and set what changes nothing to its default."""
        if self.min_periods > self.zscore_window_bins:
            raise ValueError(f"min_periods {self.min_periods} is more than the window, {self.zscore_window_bins} bins")
        orders = [name for name in ORDERS if getattr(self, name)]
        if not orders:
            raise ValueError("d1_weight, d2_weight and d3_weight are all 0, and so would be every value")
        if len(orders) == 1:
            object.__setattr__(self, orders[0], 1.0)
        if self.blend and not any(getattr(self, name) for name in CLASSES):
            raise ValueError("the weights of the four classes are all 0, and so would be every value")
        if not self.blend or self._equal():
            self._forget(("blend", *CLASSES, "mixed_weight"))
        return self

    def _equal(self) -> bool:
        return self.mixed_weight == 0 and all(getattr(self, name) == 1 for name in CLASSES)


class PermDerivative:
    """Derivatives of net = bullish less bearish share of the cells, each as tanh(z / scale), their weighted mean.

    Shares are those of the five codes among the cells, weighted by distance. With `blend` the classes have weights and
    net is multiplied by 1 - mixed_weight x the share of mixed cells. d1, d2, d3 are differences over a bin's length,
    z is robust over the last bins; where more than half of them agree, so that there is no median absolute deviation,
    z is the derivative over its standard deviation in that window, or 0 without one. No value before `min_periods`
    of each derivative that has a weight. The codes of a side are all the same as we make them, so that the weights of
    distance change little: they matter for codes of another origin, and with `mixed_weight`.
    """

    name = "perm_derivative"
    help = "How fast the balance of bullish and bearish permutation codes changes."
    mode: Mode = "state"
    Parameters = PermutationParameters
    columns = (COLUMN,)

    def batch(self, market: Market, parameters: PermutationParameters, *, seed: int) -> Floats:
        """Return its value at each bin, (n,), within -1 and 1. Raises UserError for codes or bins that do not fit."""
        _fits(parameters, market.bin_s)
        read = partial(balance, parameters=parameters)
        return at_once(market, self.columns, read, lambda numbers: _roll(numbers[:, 0], parameters, market.bin_s))

    def stream(self, parameters: PermutationParameters, *, tick_size: float, bin_s: float, seed: int) -> Course:
        """Return the same, bin by bin. Raises UserError for bins of another length than the parameters say."""
        _fits(parameters, bin_s)
        return Course(partial(balance, parameters=parameters), _Rolling(parameters, bin_s))

    def thresholds(self, values: Floats) -> tuple[float, ...]:
        """Return its thresholds."""
        return (0.03, 0.05, 0.08, 0.10, 0.15, 0.20)


def balance(columns: Columns, parameters: PermutationParameters) -> Floats:
    """Return bullish less bearish share of the cells of each bin, damped, (..., 1).

    Raises UserError for codes that are not within -2 and 2.
    """
    from fairtrial.systems.signals.formula.codes import shares

    codes = columns[COLUMN]
    if codes.size and not -2 <= codes.min() <= codes.max() <= 2:
        raise UserError(f"{COLUMN} holds {codes.min()} to {codes.max()}", hint="valid: -2 to 2")
    rows = np.ascontiguousarray(codes.reshape(-1, LEVELS), dtype=np.int8)
    found = _net(shares(rows, _distances(parameters)), parameters)
    return found.reshape(*codes.shape[:-1], 1)


def _net(shares: Floats, parameters: PermutationParameters) -> Floats:
    bear_vacuum, bear_pressure, bull_pressure, bull_vacuum = (getattr(parameters, name) for name in CLASSES)
    lowest, low, mixed, high, highest = shares.T
    net: Floats = (bull_pressure * high + bull_vacuum * highest) - (bear_pressure * low + bear_vacuum * lowest)
    net *= 1.0 - parameters.mixed_weight * mixed
    return net


def _distances(parameters: PermutationParameters) -> Floats:
    """Return what a cell counts, (LEVELS,)."""
    away = np.abs(np.arange(-REACH, REACH + 1))
    counts = np.maximum(away, 1.0) ** -parameters.spatial_decay_power
    return np.where(away < parameters.center_exclusion_radius, 0.0, counts)


def _roll(x: Floats, parameters: PermutationParameters, bin_s: float) -> Floats:
    total, found = 0.0, np.zeros(len(x))
    for name in ORDERS:
        x, weight = minus(x) / bin_s, getattr(parameters, name)
        if weight:
            z = _standard(x, parameters.zscore_window_bins, parameters.min_periods)
            found += weight * np.tanh(z / parameters.tanh_scale)
            total += weight
    return np.clip(found / total, -1.0, 1.0)


def _standard(x: Floats, window: int, least: int) -> Floats:
    """Return the z of each value, (n,); of x only the first ones are missing."""
    from fairtrial.systems.signals.formula.codes import fill

    z, deviation = robust_z(x, window, min_periods=least), sd(x, window, min_periods=least)
    z[np.isnan(deviation)] = np.nan
    there = slice(int(np.count_nonzero(np.isnan(x))), None)
    fill(z[there], x[there], deviation[there], window)
    return z


class _Rolling:
    def __init__(self, parameters: PermutationParameters, bin_s: float) -> None:
        weights = [getattr(parameters, name) for name in ORDERS]
        last = max(order for order, weight in enumerate(weights) if weight)
        window, least = parameters.zscore_window_bins, parameters.min_periods
        self._orders = [(Minus(), each, _Standard(window, least) if each else None) for each in weights[: last + 1]]
        self._total, self._scale, self._bin_s = sum(weights), parameters.tanh_scale, bin_s

    def step(self, numbers: Sequence[float]) -> float:
        x, found = numbers[0], 0.0
        for change, weight, z in self._orders:
            x = change.step(x) / self._bin_s
            if z is not None:
                found += weight * math.tanh(z.step(x) / self._scale)
        return min(1.0, max(-1.0, found / self._total)) if math.isfinite(found) else math.nan


class _Standard:
    def __init__(self, window: int, least: int) -> None:
        from fairtrial.systems.signals.formula.codes import agree

        self._agree = agree
        self._robust, self._sd = RobustZ(window, least), Sd(window, least)
        self._last: deque[float] = deque(maxlen=window)

    def step(self, x: float) -> float:
        z, deviation = self._robust.step(x), self._sd.step(x)
        if math.isfinite(x):
            self._last.append(x)
        if math.isnan(deviation):
            return math.nan
        degenerate = not z and x and deviation >= LEAST and self._agree(np.array(self._last))
        return x / deviation if degenerate else z


def _fits(parameters: PermutationParameters, bin_s: float) -> None:
    told = parameters.cell_width_ms
    if told is not None and abs(told - bin_s * 1000) > 1e-6:
        raise UserError(f"cell_width_ms: {told}, and a bin of this data is {bin_s * 1000:g} ms", hint="leave it out")
