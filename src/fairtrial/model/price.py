"""What an attempt costs: its usage and its metrics, each at the study's price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fairtrial.model.outcome import Status, Usage
from fairtrial.model.study import Study

RATES = ("trial", "wall_hour", "cpu_hour", "gpu_hour")
"""Prices of what every trial uses; beside them a metric's name prices a unit of it."""
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Tariff:
    """The prices of a study, and the GPUs that each of its trials has."""

    prices: Mapping[str, float]
    gpus: int = 0

    def attempt(self, status: Status, usage: Usage, metrics: Mapping[str, float | None]) -> float:
        """Return what an attempt cost, in the unit of the prices; one that never ran costs nothing."""
        if status in (Status.RUNNING, Status.CANCELLED) and not usage.wall_s:
            return 0.0
        return self.usage(usage) + sum(
            max(0.0, value) * self.prices[name]
            for name, value in metrics.items()
            if value is not None and name in self.prices and name not in RATES
        )

    def usage(self, usage: Usage) -> float:
        """Return what one trial with this usage costs, its metrics left out."""
        price = self.prices.get
        hours = {
            "wall_hour": usage.wall_s / HOUR_S,
            "cpu_hour": usage.cpu_s / HOUR_S,
            "gpu_hour": self.gpus * usage.wall_s / HOUR_S,
        }
        return price("trial", 0.0) + sum(price(name, 0.0) * value for name, value in hours.items())


def tariff(study: Study) -> Tariff:
    """Return the tariff of a study."""
    return Tariff(study.prices, study.needs.gpus)
