"""The birth-death chain: Erlang's formulas, with and without a bound."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fairtrial.stats.queueing import erlang_b, erlang_c
from fairtrial.systems.threadpool.analytic.chain import chain


@pytest.mark.parametrize(("servers", "offered"), [(1, 0.5), (4, 3.9), (64, 60.0), (512, 100.0)])
def test_without_a_bound_it_is_erlang_c(servers, offered):
    """The share that waits; the others find 0..N - 1 busy workers as Poisson counts cut there."""
    met = chain(offered, np.arange(1.0, servers + 1), None)
    assert met.waits == pytest.approx(erlang_c(servers, offered), rel=1e-12)
    assert met.free.sum() + met.waits == pytest.approx(1.0)
    assert met.free[1] / met.free[0] == pytest.approx(offered) if servers > 1 else True
    assert met.dropped == 0.0


@pytest.mark.parametrize(("servers", "offered", "limit"), [(1, 0.7, 3), (3, 2.0, 5), (8, 8.0, 20), (4, 9.0, 2)])
def test_with_a_bound_it_is_mmck(servers, offered, limit):
    """Shares dropped and waiting are M/M/c/K's, below, at and above a load of 1."""
    weights = [
        offered**n / (math.factorial(min(n, servers)) * servers ** max(0, n - servers))
        for n in range(servers + limit + 1)
    ]
    states = np.array(weights) / sum(weights)
    met = chain(offered, np.arange(1.0, servers + 1), limit)
    assert met.dropped == pytest.approx(states[-1], rel=1e-12)
    assert met.free == pytest.approx(states[:servers], rel=1e-12)
    assert met.queue == pytest.approx(states[servers:-1], rel=1e-12)
    assert met.waits == pytest.approx(states[servers:-1].sum() / (1 - states[-1]), rel=1e-12)


def test_without_a_queue_it_is_erlang_b():
    """No place to wait: nobody waits, Erlang's share is lost."""
    met = chain(7.0, np.arange(1.0, 9.0), 0)
    assert met.waits == 0.0
    assert met.dropped == pytest.approx(erlang_b(8, 7.0), rel=1e-12)


@pytest.mark.parametrize("offered", [4.0, 6.0, 8.0, 12.0])
def test_more_variation_drops_more(offered):
    """From what no variation drops, the excess over the capacity, to almost all that would wait."""
    shares = [chain(offered, np.arange(1.0, 9.0), 10, stretch).dropped for stretch in (1e-6, 0.5, 1.0, 4.0, 1e6)]
    assert shares == sorted(shares)
    assert shares[0] == pytest.approx(max(0.0, 1 - 8 / offered), abs=1e-6)
    assert shares[-1] == pytest.approx(erlang_b(8, offered), rel=1e-3)


def test_variation_means_nothing_without_a_queue():
    """Erlang's loss is insensitive."""
    shares = [chain(7.0, np.arange(1.0, 9.0), 0, stretch).dropped for stretch in (0.1, 1.0, 30.0)]
    assert shares == pytest.approx([erlang_b(8, 7.0)] * 3)


def test_a_load_of_one_is_no_special_case():
    """Just below, at and just above 1 the same comes out."""
    shares = [chain(8.0 * rho, np.arange(1.0, 9.0), 10, 2.0).dropped for rho in (1 - 1e-7, 1.0, 1 + 1e-7)]
    assert shares == pytest.approx([shares[1]] * 3, rel=1e-5)


def test_thousands_of_places_are_no_trouble():
    """Sums that would overflow do not, on either side of a load of 1."""
    for offered, dropped in ((700.0, 700 / 1 - 512), (100.0, 0.0)):
        met = chain(offered, np.arange(1.0, 513.0), 20_000)
        assert met.dropped * offered == pytest.approx(max(dropped, 0.0), abs=1e-6)
