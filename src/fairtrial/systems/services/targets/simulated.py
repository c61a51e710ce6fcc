"""A service in virtual time: any capacity, contention, stalls, cold start, errors; and a harness as bad as wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from fairtrial.errors import UserError
from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.target import Endpoint, Request, Session
from fairtrial.systems.services.virtual.words import Shape

if TYPE_CHECKING:  # the records are arrays: numpy is imported when there are some
    from fairtrial.systems.services.record import Host, Records

STREAMED = frozenset(
    f"{name}_s"
    for name in (
        *(f"ttft_{rank}" for rank in ("p50", "p95", "p99")),
        *(f"{what}_{rank}" for what in ("tpot", "inter_chunk") for rank in ("p50", "p99")),
        "stall_max",
    )
) | {"tokens_per_s", "tokens_out_mean", "tokens_in_mean"}


class Simulated(Shape):
    """Parameters of a service that exists only in virtual time."""

    kind: Literal["simulated"] = Field(default="simulated", description="A service of k servers, in virtual time.")


class SimulatedTarget:
    """Gives the records of a whole load at once; there is nothing to connect to."""

    kind: ClassVar[str] = "simulated"
    operations: tuple[str, ...] = ("request",)
    measures: frozenset[str] = STREAMED | {"recall_mean"}

    def __init__(self, parameters: Simulated) -> None:
        self.parameters = parameters

    def records(self, load: Load, seed: int) -> tuple[Records, Host]:
        """Return the records of this load and what its generator saw of itself.

        Raises UserError for a trace that cannot be read.
        """
        from fairtrial.systems.services.virtual.run import run

        return run(self.parameters, load, seed)

    def server(self) -> tuple[str, Mapping[str, Any]] | None:
        """Return None: nothing is started."""
        return None

    def require(self) -> None:
        """Need nothing."""

    def endpoint(self, handle: Endpoint | None) -> dict[str, Any]:
        """Return that it is virtual."""
        return {"virtual": True}

    async def prepare(self, endpoint: Endpoint, seed: int) -> dict[str, Any]:
        """Return the most that its servers can do, for `run.json`: every run starts from nothing."""
        shape = self.parameters
        each = shape.service.mean_s
        if shape.stream:
            each += (shape.stream.tokens_out - 1) * shape.stream.per_token_s
        return {"capacity_per_s": shape.servers / (each * shape.slowdown)}

    async def counters(self, endpoint: Endpoint) -> dict[str, float]:
        """Return none."""
        return {}

    def doubt(self, before: Mapping[str, float], after: Mapping[str, float]) -> str:
        """Return ''."""
        return ""

    def session(self, endpoint: Endpoint, client: int) -> Session:
        """Raise UserError: a virtual service has no connection."""
        raise UserError("a simulated service runs in virtual time: there is nothing to connect to")

    def requests(self, client: int, seed: int) -> Iterator[Request]:
        """Raise UserError: a virtual service has no requests to send."""
        raise UserError("a simulated service runs in virtual time: there are no requests to send")
