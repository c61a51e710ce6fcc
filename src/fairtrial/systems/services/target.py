"""What every adapter answers: start or attach, ready, prepare, operation, server counters, stop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable

Endpoint = Mapping[str, Any]
"""JSON: how the server is reached, from `Server.start` or from the parameters (`url`, `dsn`, `pids`, `version` …)."""


@dataclass(slots=True)
class Reply:
    """What came back of a request beside its time. A call returns None where there is nothing to say."""

    first_ns: int = 0
    """`time.perf_counter_ns()` of the first byte, or of the first chunk that bears content."""
    bytes_in: int = 0
    tokens_in: int = -1
    tokens_out: int = -1
    """From the server's usage, never from the number of chunks."""
    chunks_ns: list[int] = field(default_factory=list)
    """When each content-bearing chunk came, the first included."""
    recall: float = float("nan")
    done_ns: int = 0
    """`time.perf_counter_ns()` of the last byte, where the session knows; 0: when the call returned."""
    raw: bytes | None = None
    """The body as it came, for `Settles.settle`; nobody keeps it after that."""


LOST = frozenset({"refused", "reset", "protocol", "timeout", "unreachable"})
"""Classes of failure after which a connection is gone, unless the failure says otherwise."""


class RequestFailed(Exception):
    """A request that did not succeed; `kind` is its class: refused, reset, http_500, sql_40001, protocol …."""

    def __init__(self, kind: str, message: str = "", *, lost: bool | None = None) -> None:
        """`lost` says whether the connection is gone, so that it is connected again; None: as `LOST` says."""
        super().__init__(message or kind)
        self.kind = kind
        self.lost = kind in LOST if lost is None else lost


class Session(Protocol):
    """One connection of a virtual user, in a generator process. It serves one call at a time."""

    @property
    def call(self) -> Callable[[Any], Awaitable[Reply | None]]:
        """Send one prepared request and wait for the whole answer; a method, or an attribute set by `connect`.

        Raises RequestFailed, OSError, TimeoutError.
        """

    async def connect(self) -> None:
        """Connect, prepare statements: all that must not be timed. Also called again after a connection was lost."""

    async def close(self) -> None:
        """Disconnect; never raises."""


@runtime_checkable
class Settles(Protocol):
    """A session that reads an answer only after the clock was stopped: parsing must not count as service time.

    The generator calls `settle` once for every reply of `call`, after it took t_done and before the next request of
    this session; with the same prepared request.
    """

    def settle(self, prepared: Any, reply: Reply) -> None:
        """Fill in what the body says (`recall`, `tokens_out` …) and drop it (`reply.raw = None`).

        Raises RequestFailed where the body turns out not to be an answer: the request is then a miss of that class.
        """


@runtime_checkable
class Elastic(Protocol):
    """A target to which an open load opens another connection when all are busy, up to `max_in_flight`.

    Web servers are called like that. Without it (databases) a request waits its turn for one of `load.connections`:
    a bounded pool, first come first served.
    """

    elastic: bool


@runtime_checkable
class Tidies(Protocol):
    """A target that takes back what `prepare` and the load put on a server which is not ours to throw away."""

    async def tidy(self, endpoint: Endpoint) -> None:
        """Remove it; called once after the load, however that ended. Never raises: the server may be gone."""


Request = tuple[int, Any]
"""Index of the operation, and what `Session.call` takes: made before it is timed."""


@runtime_checkable
class Target(Protocol):
    """An adapter: made from its parameters (`Adapter(parameters)`), in every process that needs it.

    Making it does no I/O; libraries of its extra are imported inside the methods that need them.
    """

    kind: ClassVar[str]
    operations: tuple[str, ...]
    """Names of the operations, by index."""
    measures: frozenset[str]
    """The metrics beyond the common ones that this target has (`ttft_p50_s`, `recall_mean` …)."""

    def server(self) -> tuple[str, Mapping[str, Any]] | None:
        """Name the resource that starts it, and its options; None: attach."""

    def require(self) -> None:
        """Check the extra, the DSN or URL, and whether it answers where it is attached to.

        Raises UserError (malformed), MissingPart (extra missing, with its command), ServiceFailed (unreachable).
        """

    def endpoint(self, handle: Endpoint | None) -> dict[str, Any]:
        """Say how the server is reached: from the handle of a started one, or (None) from the parameters.

        No secret is in it where it can be avoided: generators read the parameters again.
        """

    async def prepare(self, endpoint: Endpoint, seed: int) -> dict[str, Any]:
        """Bring the server into the state in which every repetition starts; return facts for `run.json`.

        That is: data loaded, vacuumed, checkpointed, caches cold or warm as declared. Facts are versions, settings in
        force, sizes.
        """

    async def counters(self, endpoint: Endpoint) -> dict[str, float]:
        """Read the server's cumulative counters and gauges (name -> value); {} where it has none."""

    def doubt(self, before: Mapping[str, float], after: Mapping[str, float]) -> str:
        """Say from the counters around the window why the measurement is INVALID (a cache that was not cold …); ''."""

    def session(self, endpoint: Endpoint, client: int) -> Session:
        """Make the connection of one virtual user (not connected yet)."""

    def requests(self, client: int, seed: int) -> Iterator[Request]:
        """Yield the requests of one virtual user, endlessly; the same for the same seed.

        Cheap: it is drawn from while the load runs. What is expensive to make is made before (payload pools).
        """


@runtime_checkable
class Virtual(Protocol):
    """A target that needs no generator: it gives the records of a whole load, in virtual time."""

    def records(self, load: Any, seed: int) -> Any:
        """Return (Records, Host) of this load."""


@runtime_checkable
class Gauges(Protocol):
    """A target whose server can be asked while the load runs, a few times a second."""

    async def gauges(self, endpoint: Endpoint) -> dict[str, float]:
        """Read what goes up and down (`waiting_lock`, `backends` …). Raises ServiceFailed where the server is gone."""


@runtime_checkable
class Derives(Protocol):
    """A target some of whose metrics come from the server's counters, not from single requests."""

    def derived(self, before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
        """Return metrics (name -> value) from the counters around the window; those that are undefined are left out."""
