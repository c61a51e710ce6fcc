"""The record of one request, whatever the service: columns of numpy arrays, with all four clocks."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import IntEnum
from typing import Any

import numpy as np


class Outcome(IntEnum):
    """How a request ended. Everything but OK is a miss, never a latency of zero."""

    OK = 0
    ERROR = 1
    TIMEOUT = 2
    SHED = 3
    """Not sent: too many were in flight."""
    CENSORED = 4
    """Unfinished when the drain ended."""


@dataclass(frozen=True, slots=True)
class Records:
    """Requests, one entry each in every column, in the order in which they were due within each client.

    All times are nanoseconds of the machine's monotonic clock (`time.perf_counter_ns`; virtual services start at 0);
    0 stands for an event that did not happen.
    response = t_done - t_sched, service = t_done - t_send, lateness = t_send - t_sched - wait: what the generator was
    late by. Waiting for a free connection of a bounded pool is not its doing; it is part of the response.
    """

    worker: np.ndarray
    """int16: the generator process."""
    client: np.ndarray
    """int32: the virtual user, or the connection of an open loop."""
    seq: np.ndarray
    """int64: 0, 1, 2 … of its client (of the schedule in an open loop)."""
    op: np.ndarray
    """uint8: index into `ops`."""
    t_sched_ns: np.ndarray
    """int64: when it was due. In a closed loop it is when it was sent."""
    t_send_ns: np.ndarray
    t_first_ns: np.ndarray
    """int64: the first byte, or the first chunk that bears content."""
    t_done_ns: np.ndarray
    outcome: np.ndarray
    """uint8: `Outcome`."""
    error: np.ndarray
    """int16: index into `errors`; -1 for none."""
    bytes_in: np.ndarray
    """int64: received."""
    tokens_in: np.ndarray
    """int32: as the server's usage says; -1 unknown."""
    tokens_out: np.ndarray
    recall: np.ndarray
    """float32: share of the true neighbours that were returned; NaN where none is defined."""
    gap: np.ndarray
    """int64 nanoseconds between content-bearing chunks, of all requests one after another."""
    gaps: np.ndarray
    """int32: how many entries of `gap` belong to each request."""
    wait_ns: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    """int64: how long a request that was due waited for a free connection (open loop); all 0 where none is given."""
    ops: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    """Classes: refused, reset, timeout, http_500, sql_40001, protocol, …"""
    begin_ns: int = 0
    """When the load began; warm-up included."""
    end_ns: int = 0
    """When the window closed: what was due earlier is followed until it ends, or the drain does."""

    def __post_init__(self) -> None:
        if len(self.wait_ns) != len(self.t_sched_ns):
            object.__setattr__(self, "wait_ns", np.zeros(len(self.t_sched_ns), np.int64))

    def __len__(self) -> int:
        return len(self.t_sched_ns)

    @property
    def ok(self) -> np.ndarray:
        """Say which requests succeeded (boolean)."""
        return np.asarray(self.outcome == Outcome.OK)

    @property
    def response_s(self) -> np.ndarray:
        """Return seconds from the due time to the end (float64); NaN for what did not end well."""
        return np.where(self.ok, (self.t_done_ns - self.t_sched_ns) * 1e-9, np.nan)

    @property
    def service_s(self) -> np.ndarray:
        """Return seconds from sending to the end (float64); NaN for what did not end well."""
        return np.where(self.ok, (self.t_done_ns - self.t_send_ns) * 1e-9, np.nan)

    @property
    def lateness_s(self) -> np.ndarray:
        """Return seconds from the due time to sending, less the wait for a connection; NaN for what was never sent."""
        return np.where(self.t_send_ns > 0, (self.t_send_ns - self.t_sched_ns - self.wait_ns) * 1e-9, np.nan)

    @property
    def first_s(self) -> np.ndarray:
        """Return seconds from the due time to the first content (float64), TTFT; NaN where there was none."""
        seen = self.ok & (self.t_first_ns > 0)
        return np.where(seen, (self.t_first_ns - self.t_sched_ns) * 1e-9, np.nan)

    @property
    def per_token_s(self) -> np.ndarray:
        """Return TPOT (float64 seconds): (t_done - t_first) / (tokens_out - 1); NaN where it is undefined."""
        seen = self.ok & (self.t_first_ns > 0) & (self.tokens_out > 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(seen, (self.t_done_ns - self.t_first_ns) * 1e-9 / (self.tokens_out - 1), np.nan)

    def take(self, chosen: np.ndarray) -> Records:
        """Return the requests for which `chosen` (boolean) holds, with their gaps."""
        kept = np.repeat(chosen, self.gaps)
        columns = {name: getattr(self, name)[kept if name == "gap" else chosen] for name in COLUMNS}
        return Records(**columns, ops=self.ops, errors=self.errors, begin_ns=self.begin_ns, end_ns=self.end_ns)


COLUMNS = tuple(item.name for item in fields(Records) if item.name not in ("ops", "errors", "begin_ns", "end_ns"))

TYPES: dict[str, str] = {
    "worker": "int16",
    "client": "int32",
    "seq": "int64",
    "op": "uint8",
    "t_sched_ns": "int64",
    "t_send_ns": "int64",
    "t_first_ns": "int64",
    "t_done_ns": "int64",
    "outcome": "uint8",
    "error": "int16",
    "bytes_in": "int64",
    "tokens_in": "int32",
    "tokens_out": "int32",
    "recall": "float32",
    "gap": "int64",
    "gaps": "int32",
    "wait_ns": "int64",
}
"""Column -> its dtype."""

BLANK: dict[str, Any] = {"error": -1, "tokens_in": -1, "tokens_out": -1, "recall": np.nan}
"""Column -> what it holds where nothing is known; 0 for the others."""


def blank(size: int, **given: Any) -> Records:
    """Make records of which only the given columns (and `ops`, `errors`, `begin_ns`, `end_ns`) are known."""
    columns: dict[str, Any] = {
        name: np.full(0 if name == "gap" else size, BLANK.get(name, 0), TYPES[name]) for name in COLUMNS
    }
    columns |= {name: np.asarray(value, TYPES[name]) for name, value in given.items() if name in TYPES}
    return Records(**columns, **{name: value for name, value in given.items() if name not in TYPES})


@dataclass(frozen=True, slots=True)
class Host:
    """What a generator saw of itself while it issued requests: it must be neither late nor starved."""

    cpu_share: float = 0.0
    """CPU seconds of the busiest generator process a second of the window, pacing included."""
    loop_lag_p99_s: float = 0.0
    """How late the event loop ran what was due, sampled."""
    steal_share: float = 0.0
    """Share of CPU time that the hypervisor gave to others during the window."""
    floor_p50_s: float = 0.0
    """Service time that the harness itself needs for a request, as measured with an instant answer; 0: not known."""
    ordinary: bool = False
    """Whether it had to share the CPU as an equal: closed loops do, and open ones that may not run ahead of others."""
    cautions: tuple[str, ...] = field(default=())
