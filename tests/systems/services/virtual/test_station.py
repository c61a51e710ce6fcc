"""The station and its clock: first come first served by hand, against an event-by-event queue, and through stalls."""

from __future__ import annotations

import heapq
import math

import numpy as np
import pytest

from fairtrial.systems.services.virtual.station import Clock, Station
from fairtrial.systems.services.virtual.words import ColdStart, Contention, Shape, Stall


def test_one_server_by_hand():
    """Each begins when it comes or when the one before ends, whichever is later."""
    station = Station(Shape())
    seen = [station.admit(now, 2.0) for now in (0.0, 1.0, 2.0, 9.0)]
    assert seen == [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0), (9.0, 11.0)]


def test_two_servers_by_hand():
    """The first server that is free takes the first that waits."""
    station = Station(Shape(servers=2))
    seen = [station.admit(now, work) for now, work in ((0.0, 5.0), (1.0, 1.0), (1.5, 1.0), (1.6, 1.0))]
    assert seen == [(0.0, 5.0), (1.0, 2.0), (2.0, 3.0), (3.0, 4.0)]


def test_a_full_queue_refuses():
    """With room for one that waits, the third of three at once is refused, and there is room again later."""
    station = Station(Shape(queue=1))
    assert station.admit(0.0, 1.0) == (0.0, 1.0)
    assert station.admit(0.0, 1.0) == (1.0, 2.0)
    assert station.admit(0.5, 1.0) is None
    assert station.admit(1.0, 1.0) == (2.0, 3.0)


def test_no_queue_is_a_loss_system():
    """Without a waiting place the share refused is Erlang's B of the offered load, within three standard errors."""
    rng = np.random.default_rng(0)
    size, servers, load = 40_000, 3, 2.0
    station = Station(Shape(servers=servers, queue=0))
    times, works = np.cumsum(rng.standard_exponential(size)) / load, rng.standard_exponential(size)
    seen = [station.admit(at, work) is None for at, work in zip(times.tolist(), works.tolist(), strict=True)]
    batches = np.array(seen, float).reshape(40, -1).mean(axis=1)
    terms = [load**k / math.factorial(k) for k in range(servers + 1)]
    error = batches.std(ddof=1) / math.sqrt(len(batches))
    assert batches.mean() == pytest.approx(terms[-1] / sum(terms), abs=3 * error)
    assert error < 0.02 * batches.mean()


def events(arrivals, works, servers, law):
    """Simulate the same queue event by event: who is in service is counted, not derived. Returns starts and ends."""
    agenda = [(at, 1, number) for number, at in enumerate(arrivals)]
    heapq.heapify(agenda)
    line, starts, ends, busy = [], {}, {}, 0
    while agenda:
        now, arrives, number = heapq.heappop(agenda)
        busy -= not arrives
        if arrives:
            line.append(number)
        while line and busy < servers:
            busy, first = busy + 1, line.pop(0)
            starts[first] = now
            ends[first] = now + works[first] * (1 + law.sigma * (busy - 1) + law.kappa * busy * (busy - 1))
            heapq.heappush(agenda, (ends[first], 0, first))
    count = range(len(arrivals))
    return [starts[number] for number in count], [ends[number] for number in count]


@pytest.mark.parametrize(("servers", "load"), [(1, 0.8), (3, 2.0), (8, 11.0)])
@pytest.mark.parametrize("law", [Contention(), Contention(sigma=0.05, kappa=0.02)])
def test_the_shortcut_is_the_simulation(servers, load, law):
    """What an arrival is told at once is what an event-by-event simulation finds, contention included."""
    rng = np.random.default_rng(servers)
    arrivals = (np.cumsum(rng.standard_exponential(3000)) / load).tolist()
    works = rng.standard_exponential(3000).tolist()
    station = Station(Shape(servers=servers, contention=law))
    told = [station.admit(at, work) for at, work in zip(arrivals, works, strict=True)]
    starts, ends = events(arrivals, works, servers, law)
    assert [start for start, _ in told] == pytest.approx(starts)
    assert [end for _, end in told] == pytest.approx(ends)


def test_a_cold_start_decays():
    """The extra time is whole at the beginning, an e-th of it after the decay, and nothing in the end."""
    station = Station(Shape(servers=3, cold_start=ColdStart(extra_s=1.0, decay_s=10.0)))
    took = [end - start for start, end in (station.admit(now, 2.0) for now in (0.0, 10.0, 1000.0))]
    assert took == pytest.approx([3.0, 2.0 + math.exp(-1), 2.0])


STALL = Clock(Stall(every_s=20, for_s=1, first_s=5))


@pytest.mark.parametrize(
    ("wall", "worked"),
    [(0, 0), (5, 5), (5.5, 5), (6, 5), (7, 6), (25, 24), (25.9, 24), (26, 24), (46.5, 43.5)],
)
def test_work_stands_still_in_a_stall(wall, worked):
    """The service's clock counts the time outside of stalls."""
    assert STALL.worked(wall) == pytest.approx(worked)


def test_the_clocks_are_inverse():
    """Outside of stalls each clock leads back to the other; work that is due in a stall is done at its end."""
    times = np.linspace(0, 100, 997)
    inside = (times >= 5) & ((times - 5) % 20 < 1)
    back = np.array([STALL.wall(STALL.worked(time)) for time in times.tolist()])
    assert back[~inside] == pytest.approx(times[~inside])
    assert back[inside] == pytest.approx(5 + (times[inside] - 5) // 20 * 20 + 1)
    worked = np.linspace(0, 90, 991)
    assert STALL.walls(worked) == pytest.approx(np.array([STALL.wall(time) for time in worked.tolist()]))


def test_without_stalls_there_is_one_clock():
    """A service that never stalls works all the time."""
    clock = Clock()
    assert clock.worked(3.0) == clock.wall(3.0) == 3.0
    assert clock.walls(np.array([3.0])).tolist() == [3.0]
