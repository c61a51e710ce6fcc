"""Distributions of lengths in tokens: constant, uniform, log-normal."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field, model_validator

from fairtrial.systems.services.load.words import Words


class LogNormal(Words):
    """A skewed distribution: most are short, a few are long."""

    median: float = Field(gt=0, description="Half of the lengths are below.")
    sigma: float = Field(ge=0, le=5, description="Standard deviation of the logarithm.")


class Length(Words):
    """How long something is; exactly one distribution. A bare number is a constant."""

    constant: int | None = Field(default=None, ge=1, description="Always as many.")
    uniform: tuple[int, int] | None = Field(default=None, description="Between these two, both included.")
    lognormal: LogNormal | None = Field(default=None, description="Skewed, by its median.")
    max: int | None = Field(default=None, ge=1, description="What is longer is cut to this.")

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, given: Any) -> Any:
        return {"constant": given} if isinstance(given, int) and not isinstance(given, bool) else given

    @model_validator(mode="after")
    def _one(self) -> Length:
        chosen = [name for name in ("constant", "uniform", "lognormal") if getattr(self, name) is not None]
        if len(chosen) != 1:
            raise ValueError(f"give one of constant, uniform, lognormal (not {' and '.join(chosen) or 'none'})")
        if self.uniform is not None and not 1 <= self.uniform[0] <= self.uniform[1]:
            raise ValueError("uniform takes [least, most], both at least 1")
        return self


def draw(length: Length, rng: np.random.Generator, count: int) -> np.ndarray:
    """Draw lengths (int64, each at least 1)."""
    if length.uniform is not None:
        drawn = rng.integers(length.uniform[0], length.uniform[1], endpoint=True, size=count)
    elif length.lognormal is not None:
        mean = np.log(length.lognormal.median)
        drawn = np.rint(rng.lognormal(mean, length.lognormal.sigma, count)).astype(np.int64)
    else:
        drawn = np.full(count, length.constant, np.int64)
    return np.clip(drawn, 1, length.max)
