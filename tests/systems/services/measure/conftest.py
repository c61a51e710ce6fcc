"""Records made by hand, and a queue with one server."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.record import Outcome, blank

S = 1_000_000_000


def nanoseconds(seconds):
    """Turn seconds into the records' clock."""
    return np.rint(np.asarray(seconds, float) * S).astype(np.int64)


def made(due_s, response_s, *, end_s, outcome=None, **given):
    """Make records from due times and response times in seconds: all successes unless outcomes are given."""
    due, response = np.asarray(due_s, float), np.asarray(response_s, float)
    outcome = np.full(len(due), Outcome.OK) if outcome is None else np.asarray(outcome)
    done = np.where(np.isin(outcome, (Outcome.SHED, Outcome.CENSORED)), 0, nanoseconds(due + response))
    send = np.where(outcome == Outcome.SHED, 0, nanoseconds(due))
    given.setdefault("ops", ("request",))
    columns = {"t_sched_ns": nanoseconds(due), "t_send_ns": send, "t_done_ns": done, "outcome": outcome}
    return blank(len(due), **columns | {"seq": np.arange(len(due)), "end_ns": nanoseconds(end_s)} | given)


def queued(rng, share, n, *, service_s=0.002, warmup_s=2.0):
    """Return the records and the load of an M/M/1 queue: n requests in the window on average."""
    rate = share / service_s
    until = warmup_s + n / rate
    arrive = np.cumsum(rng.exponential(1 / rate, int(rate * until * 1.3) + 100))
    arrive = arrive[arrive < until]
    served = np.cumsum(rng.exponential(service_s, len(arrive)))
    before = np.concatenate([[0.0], served[:-1]])
    done = served + np.maximum.accumulate(arrive - before)
    load = Load(mode="open", rate_per_s=rate, warmup_s=warmup_s, duration_s=n / rate)
    return made(arrive, done - arrive, end_s=until), load


def cycled(rng, seconds, *, clients=4, base_s=0.01, shape=None, wander=0.0):
    """Return the records and the load of a closed loop whose response follows `shape(t)` times an AR(1) wander."""
    steps = np.zeros(int((seconds + 1) / 0.1) + 2)
    noise = rng.normal(0, wander * np.sqrt(1 - 0.7**2), len(steps))
    for i in range(1, len(steps)):
        steps[i] = 0.7 * steps[i - 1] + noise[i]
    due, response = [], []
    for _ in range(clients):
        at = 0.0
        while at < seconds + 1:
            drawn = base_s * rng.lognormal(-0.045, 0.3) * (1 + steps[int(at / 0.1)])
            took = drawn * (1.0 if shape is None else shape(at))
            due.append(at)
            response.append(took)
            at += took
    return made(due, response, end_s=seconds + 1), Load(clients=clients, warmup_s=1, duration_s=seconds)


@pytest.fixture(name="made", scope="session")
def _made():
    return made


@pytest.fixture(name="queued", scope="session")
def _queued():
    return queued


@pytest.fixture(name="cycled", scope="session")
def _cycled():
    return cycled
