"""What a virtual service is: the parameters below `target` of kind `simulated`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from fairtrial.systems.services.load.words import Seconds, Share, Words

Kind = Literal["exponential", "constant", "lognormal", "gamma"]


class Service(Words):
    """How long a server works on a request."""

    kind: Kind = Field(default="exponential", description="Distribution of the service time.")
    mean_s: float = Field(
        default=0.002, gt=0, allow_inf_nan=False, description="Mean, of a service that is not slowed."
    )
    cv: float = Field(default=1.0, gt=0, allow_inf_nan=False, description="Lognormal and gamma: sd / mean.")


class Stall(Words):
    """All servers stop what they do, again and again; what is in service goes on afterwards."""

    every_s: float = Field(gt=0, allow_inf_nan=False, description="From the beginning of one to that of the next.")
    for_s: float = Field(gt=0, allow_inf_nan=False, description="How long each lasts.")
    first_s: Seconds = Field(default=0.0, description="When the first one begins, from the beginning of the load.")

    @model_validator(mode="after")
    def _ends(self) -> Stall:
        if self.for_s >= self.every_s:
            raise ValueError(f"a stall of {self.for_s:g} s every {self.every_s:g} s never ends: for_s is below every_s")
        return self


class ColdStart(Words):
    """What a request takes longer while the service is cold; it decays exponentially."""

    extra_s: Seconds = Field(description="At the beginning of the load.")
    decay_s: float = Field(gt=0, allow_inf_nan=False, description="Until an e-th of it is left.")


class Errors(Words):
    """Requests that fail after their service, at random."""

    rate: Share = Field(description="Share of the requests.")
    kind: str = Field(default="http_500", min_length=1, description="Class of the failure.")


class Contention(Words):
    """With n requests in service, one that begins takes 1 + sigma (n - 1) + kappa n (n - 1) times as long.

    A closed loop of N clients without think time, at no fewer servers, then follows the Universal Scalability Law.
    """

    sigma: float = Field(default=0.0, ge=0, allow_inf_nan=False, description="Contention: what waits for the others.")
    kappa: float = Field(default=0.0, ge=0, allow_inf_nan=False, description="Coherency: what pairs have to settle.")


class Stream(Words):
    """An answer in tokens: the first after the service time, the others at even intervals, which are service too."""

    tokens_out: float = Field(default=64.0, ge=1, allow_inf_nan=False, description="Mean.")
    cv: Seconds = Field(default=0.0, description="Of the number of tokens: sd / mean; 0: all answers are as long.")
    tokens_in: int = Field(default=128, ge=0, description="Of each prompt; it costs nothing beyond the service time.")
    per_token_s: float = Field(default=0.005, gt=0, allow_inf_nan=False, description="Of each token after the first.")


class Generator(Words):
    """A harness that is not perfect, so that what detects it can be tested."""

    overhead_s: Seconds = Field(default=0.0, description="Added to every request: the harness's own floor.")
    lateness_s: Seconds = Field(default=0.0, description="Open: mean delay of each sending (exponential).")
    cpu_per_request_s: Seconds = Field(
        default=0.0, description="A process sends the next request (closed: reads the next answer) only after it."
    )
    cpu: float = Field(default=1.0, gt=0, le=1, description="Share of a core that each process gets; less: starved.")
    loop_lag_s: Seconds = Field(default=0.0, description="Lag of the event loop at p99, beside that of its own work.")
    steal: Share = Field(default=0.0, description="Share of CPU time that the hypervisor gives to others.")


class Shape(Words):
    """A service of k servers with one queue, first come first served (M/G/k under Poisson arrivals)."""

    service: Service = Field(default=Service(), description="Time that each request is worked on.")
    servers: int = Field(default=1, ge=1, le=100_000, description="Requests in service at once.")
    queue: int | None = Field(default=None, ge=0, description="Most requests waiting; others get http_503. None: any.")
    stall: Stall | None = Field(default=None, description="All servers stop, again and again.")
    cold_start: ColdStart | None = Field(default=None, description="Requests take longer at first.")
    errors: Errors | None = Field(default=None, description="Requests that fail.")
    contention: Contention | None = Field(default=None, description="Requests in service slow each other down.")
    slowdown: float = Field(default=1.0, gt=0, allow_inf_nan=False, description="Factor of every service time.")
    between_run_sd: Seconds = Field(
        default=0.0, description="Sd of the logarithm of a run's speed, drawn anew for each trial and setting."
    )
    stream: Stream | None = Field(default=None, description="Answers come in tokens.")
    elastic: bool = Field(
        default=True, description="Open: another connection where all are busy; false: a pool of load.connections."
    )
    recall: Share | None = Field(default=None, description="Mean share of ten true neighbours that are returned.")
    generator: Generator = Field(default=Generator(), description="The harness, where it is not perfect.")
    salt: int = Field(default=0, description="Another value draws everything anew: another run of the same service.")
