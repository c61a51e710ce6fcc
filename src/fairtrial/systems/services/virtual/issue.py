"""The two ways of issuing requests to a virtual service: clients that wait, and a schedule that does not."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush, heapreplace

import numpy as np

from fairtrial.stats.summary import Floats
from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.virtual.exchange import Exchange
from fairtrial.systems.services.virtual.words import Generator


@dataclass(frozen=True, slots=True)
class Issued:
    """Which client sent each request, as which of its own; and how long its process had kept it waiting, in seconds."""

    client: np.ndarray
    seq: np.ndarray
    backlog: Floats


def opened(exchange: Exchange, due: Floats, ready: Floats, load: Load, *, pool: int | None = None) -> None:
    """Send each request of a schedule when it is ready; what finds too many in flight is shed.

    With a pool of so many connections, requests wait their turn for one: they are in flight, but not sent, and those
    whose time is out by then never are.
    """
    flying: list[float] = []
    free = [0.0] * (pool or 0)
    order = np.argsort(ready, kind="stable")
    for number, at, wanted in zip(order.tolist(), ready[order].tolist(), due[order].tolist(), strict=True):
        while flying and flying[0] <= at:
            heappop(flying)
        if len(flying) >= load.max_in_flight:
            exchange.shed(number)
            continue
        send = max(at, free[0]) if free else at
        if send >= wanted + load.timeout_s:
            heappush(flying, exchange.expire(number, wanted))
            continue
        done = exchange.ask(number, send, due=wanted)
        heappush(flying, done)
        if free:
            heapreplace(free, done)


def closed(exchange: Exchange, load: Load, model: Generator, *, thinks: Iterator[float], until_s: float) -> Issued:
    """Let every client send, wait for the answer and think, until the window closes. Clients go round the processes.

    Each begins with a pause, and they are spread over the ramp, so that they do not move in step. A process reads one
    answer at a time: one that waits for it has not come, so that its client is neither done nor thinking.
    """
    gap = model.cpu_per_request_s / model.cpu
    idle = [0.0] * load.processes
    coming = [(next(thinks) + load.ramp_s * one / load.clients, -1, one) for one in range(load.clients)]
    heapify(coming)
    client, backlog = array("i"), array("d")
    while coming:
        at, answered, one = coming[0]
        if answered >= 0:
            read = max(at, idle[one % load.processes])
            idle[one % load.processes] = read + gap
            exchange.done[answered], backlog[answered] = read, read - at
            heapreplace(coming, (read + next(thinks), -1, one))
            continue
        if at >= until_s:
            heappop(coming)
            continue
        done = exchange.ask(len(client), at)
        heapreplace(coming, (done, len(client), one) if gap else (done + next(thinks), -1, one))
        client.append(one)
        backlog.append(0.0)
    clients = np.array(client, dtype=np.int32)
    return Issued(clients, _counted(clients), np.array(backlog))


def _counted(client: np.ndarray) -> np.ndarray:
    """Number each client's entries 0, 1, 2 … in their order."""
    order = np.argsort(client, kind="stable")
    first = np.searchsorted(client[order], client[order])
    seq = np.empty(len(client), dtype=np.int64)
    seq[order] = np.arange(len(client)) - first
    return seq
