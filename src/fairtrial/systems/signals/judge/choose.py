"""Which threshold a fold trades with: the one that did best in what it may learn from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from fairtrial.systems.signals.judge.fire import Fired, fire
from fairtrial.systems.signals.judge.fold import Stretch
from fairtrial.systems.signals.judge.overlap import Ground, Opened, Rules, trade
from fairtrial.systems.signals.record import Floats
from fairtrial.systems.signals.signal import Mode
from fairtrial.systems.signals.words import Evaluation


class Judgeable(Protocol):
    """What is read of a signal."""

    @property
    def mode(self) -> Mode:
        """Return how it fires."""

    def thresholds(self, values: Floats) -> tuple[float, ...]:
        """Return the thresholds to try."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What does not change from fold to fold."""

    grounds: Sequence[Ground]
    values: Sequence[Floats]
    signal: Judgeable
    evaluation: Evaluation
    rules: Rules

    def fired(self, stretch: Stretch, threshold: float) -> Fired:
        """Return the signals of a stretch, which begins flat; bins are those of its market."""
        inside = self.values[stretch.market][stretch.start : stretch.stop]
        found = fire(inside, threshold, mode=self.signal.mode, cooldown_bins=self.evaluation.cooldown_bins)
        return Fired(found.bins + stretch.start, found.sides)

    def traded(self, stretch: Stretch, fired: Fired) -> Opened:
        """Return the trades of a stretch."""
        return trade(self.grounds[stretch.market], self.rules, fired, reach=stretch.reach)


@dataclass(frozen=True, slots=True)
class Tried:
    """A threshold in training."""

    threshold: float
    trades: int
    """Trades that ended."""
    net_ticks: float
    """Their mean net result; NaN without any."""


def tried(setting: Setting, training: Sequence[Stretch]) -> list[Tried]:
    """Try the thresholds, ascending; those that adapt are taken from the values of the training alone."""
    return [_try(setting, training, threshold) for threshold in candidates(setting, training)]


def candidates(setting: Setting, training: Sequence[Stretch]) -> list[float]:
    """Return the thresholds to try: the one that is given, else the signal's; none where training has no values."""
    if setting.evaluation.threshold is not None:
        return [setting.evaluation.threshold]
    inside = [setting.values[part.market][part.start : part.stop] for part in training]
    known = np.concatenate([np.empty(0), *inside])
    known = known[np.isfinite(known)]
    return sorted({float(value) for value in setting.signal.thresholds(known)}) if len(known) else []


def best(found: Sequence[Tried], min_signals: int) -> Tried | None:
    """Return the one of the highest mean of those with enough trades, else the one of the most; ties: the smallest."""
    enough = [one for one in found if one.trades >= min_signals]
    if enough:
        return max(enough, key=lambda one: (one.net_ticks, -one.threshold))
    return max(found, key=lambda one: (one.trades, -one.threshold), default=None)


def _try(setting: Setting, training: Sequence[Stretch], threshold: float) -> Tried:
    total, count = 0.0, 0
    for part in training:
        opened = setting.traded(part, setting.fired(part, threshold))
        net = opened.gross_ticks - opened.cost_ticks
        ended = np.isfinite(net)
        total, count = total + float(net[ended].sum()), count + int(ended.sum())
    return Tried(threshold, count, total / count if count else math.nan)
