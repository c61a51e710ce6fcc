"""What a workload, a machine and a pool are: the parameters below `workload`, `machine`, `pool`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Microseconds = Annotated[float, Field(ge=0, le=1e12)]
Share = Annotated[float, Field(ge=0, le=1)]
LEAST_US = 1e-6
"""A picosecond."""
SIZES = (1, 2, 4, 8, 16, 32, 64)
"""The numbers of workers that oracles and learned models choose from."""


class Words(BaseModel):
    """Parameters that take no other keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def _forget(self, names: Iterable[str]) -> None:
        """Set what nothing reads to its default: a factor of it then changes nothing, and such a study is refused."""
        for name in names:
            object.__setattr__(self, name, type(self).model_fields[name].default)


class Duration(Words):
    """How long a part of a task takes: a distribution with this mean."""

    kind: Literal["constant", "exponential", "lognormal", "pareto", "mix"] = "exponential"
    mean_us: Microseconds = Field(default=0.0, description="Mean, in microseconds; 0: this part is not there.")
    cv: float = Field(default=1.0, gt=0, le=100, description="Log-normal: standard deviation / mean.")
    shape: float = Field(default=2.5, gt=1, le=100, description="Pareto: tail index; up to 2 the variance is infinite.")
    long_share: Share = Field(default=0.05, description="Mix: share of long tasks; all others are short.")
    long_times: float = Field(
        default=20.0, ge=1, le=1e9, description="Mix: how many times a short task a long one takes."
    )

    @model_validator(mode="after")
    def _read(self) -> Duration:
        if 0 < self.mean_us < LEAST_US:
            raise ValueError(f"mean_us is {self.mean_us:g}: at least {LEAST_US:g}, or 0 for a part that is not there")
        reads = {"lognormal": {"cv"}, "pareto": {"shape"}, "mix": {"long_share", "long_times"}}.get(self.kind, set())
        self._forget({"cv", "shape", "long_share", "long_times"} - reads)
        return self

    @property
    def mean_s(self) -> float:
        """The mean in seconds."""
        return self.mean_us * 1e-6

    @property
    def variation(self) -> float:
        """The squared coefficient of variation; infinite for a Pareto of shape 2 or less."""
        if self.kind == "lognormal":
            return self.cv**2
        if self.kind == "pareto":
            return 1 / (self.shape * (self.shape - 2)) if self.shape > 2 else math.inf
        if self.kind == "mix":
            mean = 1 + self.long_share * (self.long_times - 1)
            return (1 + self.long_share * (self.long_times**2 - 1)) / mean**2 - 1
        return float(self.kind == "exponential")


READ = {
    "poisson": {"rate_per_s"},
    "constant": {"rate_per_s"},
    "bursty": {"rate_per_s", "burst_times", "period_s"},
    "adversarial": {"rate_per_s", "period_s", "rate_low", "rate_high", "work_low", "work_high"},
    "trace": {"trace"},
}
"""What arrivals of a kind are made of."""


class Arrivals(Words):
    """When tasks arrive; `rate_per_s` is the mean over time whatever the kind."""

    kind: Literal["poisson", "constant", "bursty", "adversarial", "trace"] = "poisson"
    rate_per_s: float = Field(default=1000.0, ge=1e-6, le=1e12, description="Mean arrivals per second.")
    burst_times: float = Field(
        default=4.0, ge=1, le=1e6, description="Bursty: the high rate, as a multiple of the low one."
    )
    period_s: float = Field(
        default=1.0, gt=0, description="Bursty: a high and a low half; adversarial: rate and work drawn anew."
    )
    rate_low: float = Field(default=0.1, gt=0, description="Adversarial: least multiple of the rate, before scaling.")
    rate_high: float = Field(default=5.0, gt=0, description="Adversarial: most, drawn uniformly; scaled to mean 1.")
    work_low: float = Field(default=0.5, gt=0, description="Adversarial: least multiple of the CPU time in a period.")
    work_high: float = Field(default=1.5, gt=0, description="Adversarial: most, drawn uniformly; scaled to mean 1.")
    trace: str | None = Field(default=None, description="Trace: a file with one arrival time in seconds a line.")

    @model_validator(mode="after")
    def _whole(self) -> Arrivals:
        if self.kind == "trace" and self.trace is None:
            raise ValueError("arrivals of kind trace need `trace`, the file of arrival times")
        for name in ("rate", "work"):
            low, high = getattr(self, f"{name}_low"), getattr(self, f"{name}_high")
            if low > high:
                raise ValueError(f"{name}_low ({low:g}) is above {name}_high ({high:g})")
        self._forget(set(type(self).model_fields) - {"kind"} - READ[self.kind])
        return self


class Workload(Words):
    """What arrives. A task computes for half of its CPU time, blocks, and computes for the other half."""

    arrivals: Arrivals = Arrivals()
    cpu: Duration = Duration(kind="exponential", mean_us=500.0)
    blocking: Duration = Duration(kind="exponential", mean_us=0.0)

    @model_validator(mode="after")
    def _works(self) -> Workload:
        if self.cpu.mean_us <= 0 and self.blocking.mean_us <= 0:
            raise ValueError("tasks neither compute nor block: give cpu.mean_us or blocking.mean_us")
        return self


class Machine(Words):
    """The cores that runnable workers share, and what sharing them costs."""

    cores: int = Field(default=8, ge=1, le=4096, description="Cores; for the real pool how many CPUs it may use.")
    switch_us: Microseconds = Field(default=5.0, description="CPU time lost per switch between runnable workers.")
    quantum_us: float = Field(default=1000.0, gt=0, description="How long a worker runs while others wait for a core.")
    wake_us: Microseconds = Field(default=10.0, description="From being woken to being runnable.")
    contention: Share = Field(default=0.0, description="USL sigma: the serial share of the work, a lock.")
    coherence: Share = Field(default=0.0, description="USL kappa: the cost of keeping n workers in agreement.")
    spawn_us: Microseconds = Field(default=50.0, description="Until a worker that is added can work.")
    measured: bool = Field(
        default=False, description="Measure wake_us, switch_us and spawn_us on this machine, in place of the above."
    )

    @model_validator(mode="after")
    def _read(self) -> Machine:
        if self.measured:
            self._forget(("wake_us", "switch_us", "spawn_us"))
        return self


class Validity(Words):
    """What the harness must keep for the numbers of a real pool to count."""

    lateness_s: float = Field(
        default=0.001, ge=0, description="Most lateness of submitting, p99, unless the share is more."
    )
    lateness_share: Share = Field(default=0.05, description="Most lateness, as a share of the median latency.")
    others: Share = Field(default=0.1, description="Most CPU time that others use meanwhile, of all processors' time.")


class Pool(Words):
    """The pool: workers take tasks in order of arrival."""

    workers: int = Field(default=8, ge=1, le=1024, description="Threads.")
    queue_limit: int | None = Field(
        default=None, ge=0, description="Tasks that may wait for a worker; more are dropped. None: no limit."
    )
