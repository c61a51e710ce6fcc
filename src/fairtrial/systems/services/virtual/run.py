"""A load on a virtual service, in virtual time: exact, and as fast as its requests can be counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairtrial.stats.summary import Floats
from fairtrial.systems.services.load.schedule import arrivals
from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.record import Host, Outcome, Records, blank
from fairtrial.systems.services.virtual import draw, harness, issue
from fairtrial.systems.services.virtual.exchange import ERRORS, Exchange
from fairtrial.systems.services.virtual.station import Clock
from fairtrial.systems.services.virtual.words import Shape

BEGIN_NS = 1_000_000_000
"""When a load begins: not at 0, which stands for what did not happen."""


def run(shape: Shape, load: Load, seed: int) -> tuple[Records, Host]:
    """Put the load on the service; the same seed gives the same arrivals and the same service times at any load."""
    seed = draw.salted(seed, shape.salt)
    exchange = Exchange(shape, load, draw.demands(shape, seed, speed=draw.speed(shape, load, seed)))
    sent = (_closed if load.mode == "closed" else _open)(exchange, shape, load, seed)
    inside = (sent.due >= load.lead_s) & np.isfinite(sent.send)
    seen = harness.host(shape.generator, load, worker=sent.worker[inside], backlog=sent.backlog[inside])
    return _records(exchange, shape, load, sent, seed=seed), seen


@dataclass(frozen=True, slots=True)
class _Sent:
    """Columns in the order of the records; seconds from the load's beginning."""

    order: np.ndarray
    """Place of each record in the columns of the exchange."""
    client: np.ndarray
    seq: np.ndarray
    worker: np.ndarray
    due: Floats
    send: Floats
    wait: Floats
    backlog: Floats


def _open(exchange: Exchange, shape: Shape, load: Load, seed: int) -> _Sent:
    due = arrivals(load, seed) * 1e-9
    ready, backlog = harness.ready(shape.generator, due, load.processes, seed)
    issue.opened(exchange, due, ready, load, pool=None if shape.elastic else load.connections)
    order, number = np.argsort(exchange.column("number"), kind="stable"), np.arange(len(due))
    send = exchange.column("send")[order]
    sent = np.isfinite(send)
    client, wait = np.where(sent, number % load.connections, -1), np.where(sent, send - ready, 0.0)
    return _Sent(order, client, number, number % load.processes, due, send, wait, backlog)


def _closed(exchange: Exchange, shape: Shape, load: Load, seed: int) -> _Sent:
    until = load.lead_s + load.duration_s
    issued = issue.closed(exchange, load, shape.generator, thinks=draw.thinks(load, seed), until_s=until)
    order, send = np.arange(len(issued.client)), exchange.column("send")
    worker, none = issued.client % load.processes, np.zeros(len(send))
    return _Sent(order, issued.client, issued.seq, worker, send, send, none, issued.backlog)


def _records(exchange: Exchange, shape: Shape, load: Load, sent: _Sent, *, seed: int) -> Records:
    outcome, error = exchange.column("outcome")[sent.order], exchange.column("error")[sent.order]
    done, ok = exchange.column("done")[sent.order], outcome == Outcome.OK
    first, gap, gaps = _streamed(exchange, shape, sent.order, ok)
    tokens = exchange.column("tokens")[sent.order]
    return blank(
        len(ok),
        worker=sent.worker,
        client=sent.client,
        seq=sent.seq,
        t_sched_ns=nanoseconds(sent.due),
        t_send_ns=nanoseconds(sent.send),
        t_first_ns=nanoseconds(first),
        t_done_ns=nanoseconds(done),
        outcome=outcome,
        error=error,
        tokens_in=np.where(ok & (tokens > 0), shape.stream.tokens_in if shape.stream else -1, -1),
        tokens_out=np.where(ok, tokens, -1),
        recall=np.where(ok, draw.recalls(shape.recall, len(ok), seed), np.nan),
        gap=gap,
        gaps=gaps,
        wait_ns=np.rint(sent.wait * 1e9),
        ops=("request",),
        errors=(*ERRORS, shape.errors.kind if shape.errors else "error"),
        begin_ns=BEGIN_NS,
        end_ns=BEGIN_NS + round((load.lead_s + load.duration_s) * 1e9),
    )


def nanoseconds(seconds: Floats) -> np.ndarray:
    """Put seconds of the load on the records' clock; 0 for what did not happen (NaN)."""
    happened = np.isfinite(seconds)
    return np.where(happened, BEGIN_NS + np.rint(np.where(happened, seconds, 0.0) * 1e9), 0).astype(np.int64)


def _streamed(
    exchange: Exchange, shape: Shape, order: np.ndarray, ok: np.ndarray
) -> tuple[Floats, np.ndarray, np.ndarray]:
    """Return when first tokens came (seconds; NaN for none), all gaps between tokens (ns), and how many each has."""
    first, last = exchange.column("first")[order], exchange.column("last")[order]
    tokens, clock = exchange.column("tokens")[order], Clock(shape.stall)
    gaps = np.where(ok & (tokens > 1), tokens - 1, 0)
    if shape.stream is None:
        return np.full(len(ok), np.nan), np.zeros(0, np.int64), gaps
    owner = np.repeat(np.arange(len(gaps)), gaps)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(gaps) - gaps, gaps)
    step = ((last - first) / np.maximum(tokens - 1, 1))[owner]
    before, after = (clock.walls(first[owner] + nth * step) for nth in (place, place + 1))
    seen = np.where(ok, clock.walls(first) + shape.generator.overhead_s, np.nan)
    return seen, np.rint((after - before) * 1e9).astype(np.int64), gaps
