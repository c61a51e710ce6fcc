"""ads_pfp_svac: the composite of a live runtime, of ads, pfp and the vacuum's divergence; its windows are times."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Protocol

import numpy as np
from pydantic import Field, ValidationError, model_validator

from fairtrial.errors import UserError
from fairtrial.systems.signals.formula.adaptive import quantiles
from fairtrial.systems.signals.formula.ads import Ads, AdsParameters, Part
from fairtrial.systems.signals.formula.msd import Msd, MsdParameters
from fairtrial.systems.signals.formula.pfp import Pfp, PfpParameters
from fairtrial.systems.signals.record import Bin, Floats, Market
from fairtrial.systems.signals.rolling.ema import Ema, ema
from fairtrial.systems.signals.signal import Mode, Stream
from fairtrial.systems.signals.words import Share, Weight, Words

Milliseconds = Annotated[float, Field(gt=0, le=1e9)]
LEAST = 1e-6
"""The vacuum's divergence is divided by its mean size, or by this where that is smaller."""
WEIGHTS = ("ads_weight", "pfp_weight", "svac_weight")


class CompositeParameters(Words):
    """Settings of ads_pfp_svac; times become bins, rounded up."""

    ads_slope_windows_ms: tuple[Milliseconds, ...] = Field(
        default=(1000.0, 2500.0, 5000.0), min_length=1, description="Windows of the slopes of ads, ascending."
    )
    ads_blend: tuple[Part, ...] = Field(
        default=(0.40, 0.35, 0.25), min_length=1, description="Weight of each slope, as many as windows."
    )
    ads_zscore_window_ms: Milliseconds = Field(default=20_000.0, description="Window of the robust z of ads.")
    ads_warmup_ms: Milliseconds = Field(default=20_000.0, description="Time before ads counts.")
    ads_blend_scale: float = Field(default=3.0, gt=0, le=1e6, description="Robust z at which tanh bends.")
    pfp_lag_ms: Milliseconds = Field(default=500.0, description="Time by which the outer band of pfp would lead.")
    pfp_alpha: float = Field(default=0.1, gt=0, le=1, description="Of the averages of pfp.")
    pfp_add_weight: Share = Field(default=0.6, description="Share of adds and fills in pfp; pulls have the rest.")
    svac_alpha: float = Field(default=0.05, gt=0, le=1, description="Of the average size of the vacuum's divergence.")
    ads_weight: Weight = Field(default=0.40, description="Weight of ads.")
    pfp_weight: Weight = Field(default=0.30, description="Weight of pfp.")
    svac_weight: Weight = Field(default=0.30, description="Weight of the vacuum's divergence.")

    @model_validator(mode="after")
    def _read(self) -> CompositeParameters:
        """Check what belongs together; what a part of no weight would read is set to its default."""
        windows = list(self.ads_slope_windows_ms)
        if len(self.ads_blend) != len(windows):
            raise ValueError(
                f"ads_blend has {len(self.ads_blend)} weights, ads_slope_windows_ms {len(windows)} windows"
            )
        if windows != sorted(set(windows)):
            raise ValueError(f"ads_slope_windows_ms {windows} must ascend, each once")
        counted = [name for name in WEIGHTS if getattr(self, name)]
        if not counted:
            raise ValueError("ads_weight, pfp_weight and svac_weight are all 0: nothing is left")
        if len(counted) == 1:
            object.__setattr__(self, counted[0], 1.0)
        idle = [part.removesuffix("weight") for part in WEIGHTS if part not in counted]
        self._forget(name for name in type(self).model_fields if name not in WEIGHTS and name.startswith(tuple(idle)))
        return self


class AdsPfpSvac:
    """The mean of ads, pfp and svac, weighted over those that are warm.

    ads and pfp are the signals of those names, their windows the times over a bin's length, rounded up. ads is warm
    after `ads_warmup_ms` of bins with a valid book, and once its longest slope has its window; pfp once a bin lies
    `pfp_lag_ms` back; svac at once: it is msd (weighted) over max(EMA(|msd|), 1e-6). NaN where none is warm.
    """

    name = "ads_pfp_svac"
    help = "The live composite: ads, pfp and the vacuum's divergence over its own mean size."
    mode: Mode = "state"
    Parameters = CompositeParameters
    columns = ("add_mass", "pull_mass", "v_add", "v_fill", "v_pull", "vacuum_variant")

    def batch(self, market: Market, parameters: CompositeParameters, *, seed: int) -> Floats:
        """Return its value at each bin, (n,). Raises UserError where a time is too few bins."""
        weighed, total = np.zeros(len(market)), np.zeros(len(market))
        for weight, part in _parts(parameters, market.bin_s):
            values = part.batch(market)
            warm = np.isfinite(values)
            weighed[warm] += weight * values[warm]
            total[warm] += weight
        found: Floats = np.divide(weighed, total, out=np.full(len(market), np.nan), where=total > 0)
        return found

    def stream(self, parameters: CompositeParameters, *, tick_size: float, bin_s: float, seed: int) -> CompositeStream:
        """Return the same, bin by bin. Raises UserError where a time is too few bins."""
        made = [(weight, part.stream(tick_size, bin_s)) for weight, part in _parts(parameters, bin_s)]
        return CompositeStream(made)

    def thresholds(self, values: Floats) -> tuple[float, ...]:
        """Return up to six quantiles of |value|."""
        return quantiles(values)


class CompositeStream:
    """Keeps the parts that count, each with its weight."""

    def __init__(self, parts: Sequence[tuple[float, Stream]]) -> None:
        self._parts = parts

    def step(self, now: Bin) -> float:
        """Return the value at this bin."""
        weighed = total = 0.0
        for weight, part in self._parts:
            value = part.step(now)
            if math.isfinite(value):
                weighed += weight * value
                total += weight
        return weighed / total if total else math.nan


class _Part(Protocol):
    """A part of the composite; it has no value before it is warm."""

    def batch(self, market: Market) -> Floats: ...

    def stream(self, tick_size: float, bin_s: float) -> Stream: ...


def _parts(parameters: CompositeParameters, bin_s: float) -> Iterator[tuple[float, _Part]]:
    """Yield weight and part of those that count. Raises UserError where a time is too few bins."""
    try:
        if parameters.ads_weight:
            yield parameters.ads_weight, _Ads(_ads(parameters, bin_s), _count(parameters.ads_warmup_ms, bin_s))
        if parameters.pfp_weight:
            yield parameters.pfp_weight, _Pfp(_pfp(parameters, bin_s))
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        place, said = ".".join(map(str, first["loc"])), str(first["msg"]).removeprefix("Value error, ")
        message = f"signal 'ads_pfp_svac' in bins of {bin_s * 1000:g} ms: {': '.join(filter(None, (place, said)))}"
        raise UserError(message, hint="longer times, or shorter bins") from None
    if parameters.svac_weight:
        yield parameters.svac_weight, _Svac(parameters.svac_alpha)


def _ads(parameters: CompositeParameters, bin_s: float) -> AdsParameters:
    return AdsParameters(
        slope_windows=tuple(_count(window, bin_s) for window in parameters.ads_slope_windows_ms),
        blend=parameters.ads_blend,
        zscore_window=_count(parameters.ads_zscore_window_ms, bin_s),
        blend_scale=parameters.ads_blend_scale,
    )


def _pfp(parameters: CompositeParameters, bin_s: float) -> PfpParameters:
    lag = _count(parameters.pfp_lag_ms, bin_s)
    return PfpParameters(lag=lag, alpha=parameters.pfp_alpha, add_weight=parameters.pfp_add_weight)


def _count(time_ms: float, bin_s: float) -> int:
    """Return a time in bins, rounded up; a whole number of bins stays what it is."""
    return math.ceil(time_ms / (bin_s * 1000) - 1e-9)


class _Ads:
    def __init__(self, parameters: AdsParameters, warmup: int) -> None:
        self._parameters, self._warmup = parameters, warmup

    def batch(self, market: Market) -> Floats:
        warm = np.cumsum(market.bins.book_valid) >= self._warmup
        return np.where(warm, Ads().batch(market, self._parameters, seed=0), np.nan)

    def stream(self, tick_size: float, bin_s: float) -> Stream:
        return _Warm(Ads().stream(self._parameters, tick_size=tick_size, bin_s=bin_s, seed=0), self._warmup)


class _Warm:
    def __init__(self, stream: Stream, warmup: int) -> None:
        self._stream, self._left = stream, warmup

    def step(self, now: Bin) -> float:
        value = self._stream.step(now)
        self._left -= now.valid
        return value if self._left <= 0 else math.nan


class _Pfp:
    def __init__(self, parameters: PfpParameters) -> None:
        self._parameters = parameters

    def batch(self, market: Market) -> Floats:
        return Pfp().batch(market, self._parameters, seed=0)

    def stream(self, tick_size: float, bin_s: float) -> Stream:
        return Pfp().stream(self._parameters, tick_size=tick_size, bin_s=bin_s, seed=0)


class _Svac:
    def __init__(self, alpha: float) -> None:
        self._alpha = alpha

    def batch(self, market: Market) -> Floats:
        msd = Msd().batch(market, MsdParameters(), seed=0)
        return msd / np.maximum(ema(np.abs(msd), self._alpha), LEAST)

    def stream(self, tick_size: float, bin_s: float) -> Stream:
        return _Vacuum(Msd().stream(MsdParameters(), tick_size=tick_size, bin_s=bin_s, seed=0), Ema(self._alpha))


class _Vacuum:
    def __init__(self, msd: Stream, size: Ema) -> None:
        self._msd, self._size = msd, size

    def step(self, now: Bin) -> float:
        msd = self._msd.step(now)
        size = self._size.step(abs(msd))
        return msd / max(size, LEAST) if math.isfinite(size) else math.nan
