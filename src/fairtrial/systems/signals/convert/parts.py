"""What was understood of a configuration: the parts that become a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from fairtrial.systems.signals.convert.axes import Space
from fairtrial.systems.signals.convert.harness import Config


@dataclass(frozen=True, slots=True)
class Parts:
    """A configuration that was checked."""

    config: Config
    protocol: str
    lake: str
    name: str
    spaces: Mapping[str, Space]
    """Signal -> what is varied of it."""
    variants: Sequence[Mapping[str, Any]]
    """Settings of the grid beside the data sets as they are."""
    cooldowns: Sequence[int]
    tracking: Mapping[str, Any]
    """The study's word; empty where nothing is mirrored."""

    @property
    def evaluations(self) -> int:
        """How often every signal is judged on a grid: take profits x stop losses x cooldowns."""
        return prod(map(len, (self.config.eval.tp_ticks, self.config.eval.sl_ticks, self.cooldowns)))

    @property
    def runs(self) -> int:
        """How many runs the older harness made of it."""
        grids = len(self.config.datasets) + len(self.variants)
        return grids * self.evaluations * sum(found.combinations for found in self.spaces.values())

    @property
    def conditions(self) -> int:
        """How many conditions the study has, those that repeat another one not counted."""
        grids = len(self.config.datasets) * (1 + len(self.variants))
        return grids * self.evaluations * sum(found.distinct for found in self.spaces.values())
