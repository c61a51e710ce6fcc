"""What a generator writes down while it runs: numbers appended to arrays, made into records afterwards."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from fairtrial.systems.services.record import BLANK, TYPES, Outcome, Records, blank
from fairtrial.systems.services.target import Reply, RequestFailed


class Log:
    """The requests of one virtual user (closed loop) or of all connections of a process (open loop).

    A request is `op`, `sent`, `done` and, in an open loop, `client`, `seq`, `due`, `wait`; then, where there is
    something to say, `hear` or `fail`. Whoever is in a hurry binds the `append` of the arrays.
    """

    def __init__(self, client: int = 0) -> None:
        self._client = client
        self.op, self.sent, self.done = array("B"), array("q"), array("q")
        self.client, self.seq, self.due, self.wait = array("i"), array("q"), array("q"), array("q")
        self._failures: dict[int, tuple[Outcome, str]] = {}
        self._heard, self._first, self._bytes = array("q"), array("q"), array("q")
        self._rich: dict[int, tuple[int, int, float, int]] = {}
        self._gap: list[int] = []

    def __len__(self) -> int:
        return len(self.done)

    def hear(self, reply: Reply) -> None:
        """Keep what came back of the last request, with the gaps between its chunks."""
        self._heard.append(len(self.done) - 1)
        self._first.append(reply.first_ns)
        self._bytes.append(reply.bytes_in)
        chunks = reply.chunks_ns
        if chunks or reply.tokens_out >= 0 or reply.tokens_in >= 0 or reply.recall == reply.recall:  # not NaN
            self._gap += [after - before for before, after in pairwise(chunks)]
            gaps = max(0, len(chunks) - 1)
            self._rich[len(self.done) - 1] = (reply.tokens_in, reply.tokens_out, reply.recall, gaps)

    def settle(self, settle: Callable[[Any, Reply], None], prepared: Any, reply: Reply) -> None:
        """Have the last answer read, now that its clock was stopped, and keep what it says."""
        try:
            settle(prepared, reply)
        except RequestFailed as problem:
            self.fail(Outcome.ERROR, problem.kind)
        else:
            self.hear(reply)

    def fail(self, outcome: Outcome, kind: str) -> None:
        """Mark the last request: it did not succeed, for this class of reason."""
        self._failures[len(self.done) - 1] = (outcome, kind)

    def records(self, worker: int, ops: Sequence[str]) -> Records:
        """Return the records, in the order of writing."""
        size = len(self.done)
        errors = tuple(sorted({kind for _, kind in self._failures.values() if kind}))
        given = self._times(size) | self._outcomes(size, errors) | self._replies(size)
        return blank(size, worker=np.full(size, worker), **given, ops=tuple(ops), errors=errors)

    def _times(self, size: int) -> dict[str, Any]:
        sent = np.array(self.sent, np.int64)
        opened = len(self.due) > 0
        return {
            "op": np.array(self.op, np.uint8),
            "client": np.array(self.client, np.int32) if opened else np.full(size, self._client),
            "seq": np.array(self.seq, np.int64) if opened else np.arange(size),
            "t_sched_ns": np.array(self.due, np.int64) if opened else sent,
            "wait_ns": np.array(self.wait, np.int64) if opened else np.zeros(size),
            "t_send_ns": sent,
            "t_done_ns": np.array(self.done, np.int64),
        }

    def _outcomes(self, size: int, errors: tuple[str, ...]) -> dict[str, Any]:
        outcome, error = np.zeros(size, TYPES["outcome"]), np.full(size, BLANK["error"], TYPES["error"])
        number = {kind: at for at, kind in enumerate(errors)}
        for at, (how, kind) in self._failures.items():
            outcome[at], error[at] = how, number.get(kind, -1)
        return {"outcome": outcome, "error": error}

    def _replies(self, size: int) -> dict[str, Any]:
        heard = np.array(self._heard, np.int64)
        given = {name: np.full(size, BLANK.get(name, 0), TYPES[name]) for name in ("t_first_ns", "bytes_in", *RICH)}
        given["t_first_ns"][heard] = self._first
        given["bytes_in"][heard] = self._bytes
        if self._rich:
            where = np.fromiter(self._rich, np.int64, len(self._rich))
            for name, values in zip(RICH, zip(*self._rich.values(), strict=True), strict=True):
                given[name][where] = values
        return given | {"gap": np.array(self._gap, np.int64)}


RICH = ("tokens_in", "tokens_out", "recall", "gaps")
