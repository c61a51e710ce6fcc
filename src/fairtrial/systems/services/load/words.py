"""What a load is: the parameters below `load`, `objective` and `validity`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class Words(BaseModel):
    """Parameters that take no other keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Load(Words):
    """How requests are issued."""

    mode: Literal["closed", "open"] = Field(
        default="closed", description="closed: clients wait; open: a schedule does not."
    )
    clients: int = Field(default=1, ge=1, le=100_000, description="Closed: virtual users, each with its connection.")
    think_s: Seconds = Field(default=0.0, description="Closed: mean pause between an answer and the next request.")
    think: Literal["constant", "exponential"] = "exponential"
    ramp_s: Seconds = Field(default=0.0, description="Clients start spread over this time, which is warm-up.")
    rate_per_s: float | None = Field(default=None, gt=0, allow_inf_nan=False, description="Open: requests per second.")
    arrivals: Literal["poisson", "constant", "bursty", "trace"] = "poisson"
    burstiness: float = Field(
        default=0.25, gt=0, description="Bursty: shape of the gamma gaps; 1 is Poisson, CV = b^-1/2."
    )
    trace: str | None = Field(default=None, description="Trace: a file with one arrival time in seconds a line.")
    connections: int = Field(default=16, ge=1, description="Open: connections that are opened before the window.")
    max_in_flight: int = Field(default=4096, ge=1, description="Open: beyond it requests are shed, which are misses.")
    duration_s: float = Field(default=10.0, gt=0, description="The window, after the warm-up.")
    warmup_s: Seconds = Field(default=2.0, description="Least warm-up; not drained, and never part of the window.")
    timeout_s: float = Field(default=30.0, gt=0, description="A request that takes longer is a miss.")
    processes: int = Field(default=1, ge=1, le=256, description="Generator processes, with a common start.")
    path: Literal["auto", "library", "raw"] = Field(
        default="auto", description="HTTP: aiohttp, or asyncio with httptools (raw) for plain requests."
    )
    priority: Literal["auto", "ordinary"] = Field(
        default="auto",
        description="Open: auto runs ahead of ordinary processes where the system lets it; ordinary never does.",
    )

    @property
    def lead_s(self) -> float:
        """Return seconds from the begin of the load to the earliest begin of the window: ramp, then least warm-up."""
        return self.warmup_s + (self.ramp_s if self.mode == "closed" else 0.0)

    @property
    def goes_first(self) -> bool:
        """Say whether its generators are to run ahead of ordinary processes: whoever waits for answers need not."""
        return self.mode == "open" and self.priority == "auto"

    @model_validator(mode="after")
    def _complete(self) -> Load:
        if self.mode == "open" and self.arrivals != "trace" and self.rate_per_s is None:
            raise ValueError("an open load needs rate_per_s")
        if self.mode == "open" and self.arrivals == "trace" and self.trace is None:
            raise ValueError("arrivals: trace needs the file of the trace")
        return self


class Objective(Words):
    """What one request must keep to count as good; the share that does is the attainment."""

    response_s: float | None = Field(default=None, gt=0)
    ttft_s: float | None = Field(default=None, gt=0)
    tpot_s: float | None = Field(default=None, gt=0)
    recall: float | None = Field(default=None, ge=0, le=1)


class Validity(Words):
    """What the harness must keep for its numbers to count. Cautions and limits of steal are shares of CPU time."""

    achieved: Share = Field(default=0.99, description="Least share of the due requests that were sent.")
    lateness_s: Seconds = Field(default=0.001, description="Most lateness at p99, unless the share below is more.")
    lateness_share: Share = Field(default=0.05, description="Most lateness at p99, as a share of the service p50.")
    generator_cpu: float = Field(default=0.7, gt=0, description="Most CPU of one generator process, of a core.")
    loop_lag_s: Seconds = Field(default=0.002, description="Most lag of the event loop at p99.")
    steal_caution: Share = 0.01
    steal: Share = 0.05
    floor: float = Field(default=3.0, ge=1, description="Least service p50, in multiples of the harness's own floor.")
    little: Share = Field(default=0.1, description="Most residual of Little's law in a closed loop.")
