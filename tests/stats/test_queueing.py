"""Waiting lines in closed form, against sums in exact fractions, integrals and simulated queues."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from fairtrial.errors import FairtrialError
from fairtrial.stats import queueing


@pytest.mark.parametrize("servers", [1, 2, 4, 8, 50])
@pytest.mark.parametrize("share", [Fraction(1, 10), Fraction(1, 2), Fraction(8, 10), Fraction(95, 100)])
def test_erlang_c_is_the_sum_of_states(servers, share):
    """The recursion equals the textbook's ratio of sums, in exact fractions."""
    a = share * servers
    last = a**servers / math.factorial(servers) * servers / (servers - a)
    exact = last / (sum(a**k / math.factorial(k) for k in range(servers)) + last)
    assert queueing.erlang_c(servers, float(a)) == pytest.approx(float(exact), rel=1e-12)


def test_erlang_b_is_the_share_of_the_last_state():
    """Three servers and two of work: 8/6 of 1 + 2 + 2 + 8/6."""
    assert queueing.erlang_b(3, 2.0) == pytest.approx((8 / 6) / (5 + 8 / 6), rel=1e-14)


def test_many_servers_do_not_overflow():
    """Ten thousand servers are as easy as one."""
    assert 0 < queueing.erlang_c(10_000, 9_900.0) < 1


@pytest.mark.parametrize("offered", [1.0, 1.5, -0.1])
def test_no_steady_state_is_an_error(offered):
    """A load of all servers or more, or a negative one, has no answer."""
    with pytest.raises(FairtrialError, match="no steady state"):
        queueing.erlang_c(1, offered)


def survival_by_integral(t, rate, service, servers):
    """Return P(wait + service > t) of M/M/c by integrating over the wait."""
    waits, spare = queueing.erlang_c(servers, rate * service), servers / service - rate
    w = np.linspace(0, t, 200_001)
    inner = np.trapezoid(spare * np.exp(-spare * w) * np.exp(-(t - w) / service), w)
    return (1 - waits) * math.exp(-t / service) + waits * (inner + math.exp(-spare * t))


@pytest.mark.parametrize(("servers", "share"), [(1, 0.8), (2, 0.5), (2, 0.5001), (4, 0.75), (4, 0.95), (8, 0.3)])
@pytest.mark.parametrize("t", [0.1, 1.0, 4.0])
def test_response_of_mmc_is_wait_and_service(servers, share, t):
    """The closed form is the convolution, also where the rates of both are (nearly) equal."""
    found = queueing.mmc_response_survival(t, share * servers, 1.0, servers)
    assert found == pytest.approx(survival_by_integral(t, share * servers, 1.0, servers), rel=1e-7)


@pytest.mark.parametrize("p", [0.5, 0.9, 0.99, 0.999])
@pytest.mark.parametrize("servers", [1, 4])
def test_quantiles_of_mmc_invert_its_survival(servers, p):
    """The time that a quantile names is exceeded with just the rest of the probability."""
    t = queueing.mmc_response_quantile(p, 0.8 * servers, 1.0, servers)
    assert queueing.mmc_response_survival(t, 0.8 * servers, 1.0, servers) == pytest.approx(1 - p, rel=1e-9)


def test_mm1_is_exponential():
    """M/M/1 at 80 %: the response is exponential with mean 1/(mu - lambda)."""
    assert queueing.mmc_response_mean(80.0, 0.01) == pytest.approx(0.05)
    assert queueing.mmc_response_quantile(0.99, 80.0, 0.01) == pytest.approx(-math.log(0.01) / 20)
    assert queueing.mmc_response_survival(0.1, 80.0, 0.01) == pytest.approx(math.exp(-2))


def test_waiting_of_mmc():
    """Those who wait do so for an exponential time; the median of few waiters is 0."""
    waits = queueing.erlang_c(4, 3.2)
    assert queueing.mmc_wait_mean(3.2, 1.0, 4) == pytest.approx(waits / 0.8)
    assert queueing.mmc_wait_quantile(0.99, 3.2, 1.0, 4) == pytest.approx(math.log(waits / 0.01) / 0.8)
    assert queueing.mmc_wait_quantile(0.5, 0.4, 1.0, 4) == 0.0
    assert queueing.mmc_wait_quantile(0.5, 0.0, 1.0, 4) == 0.0


def erlang_md1(t, rate):
    """Return P(wait <= t) of M/D/1 with service 1 by Erlang's alternating sum, in fractions of sixty digits."""
    from decimal import Decimal, getcontext

    getcontext().prec = 60
    rho, at = Decimal(str(rate)), Decimal(str(t))
    later = [(rho * (k - at)) ** k / math.factorial(k) * (-rho * (k - at)).exp() for k in range(1, math.floor(t) + 1)]
    return float((1 - rho) * ((rho * at).exp() + sum(later)))


@pytest.mark.parametrize("rate", [0.3, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("t", [0.0, 0.4, 1.0, 2.5, 7.0, 20.25, 40.5])
def test_md1_is_erlangs_sum(rate, t):
    """The sum of positive terms equals the alternating one of 1909, where that has digits enough."""
    assert queueing.md1_wait_share(t, rate, 1.0) == pytest.approx(erlang_md1(t, rate), rel=1e-11)


@pytest.mark.parametrize("rate", [0.5, 0.8, 0.95])
def test_mean_of_md1_is_its_integral(rate):
    """The mean wait is the area above the distribution, and half of M/M/1's."""
    t = np.linspace(0, 150, 15_001)
    area = np.trapezoid([1 - queueing.md1_wait_share(at, rate, 1.0) for at in t[::5]], t[::5])
    assert queueing.md1_wait_mean(rate, 1.0) == pytest.approx(area, rel=1e-3)
    assert queueing.md1_wait_mean(rate, 1.0) == pytest.approx(queueing.mmc_wait_mean(rate, 1.0) / 2)


def test_far_tail_of_md1_falls_and_stays_a_probability():
    """Where alternating sums have lost all digits, the share still grows towards 1."""
    shares = [queueing.md1_wait_share(t, 0.95, 1.0) for t in range(0, 400, 20)]
    assert np.all(np.diff(shares) >= -1e-13)
    assert shares[-1] == pytest.approx(1.0, abs=1e-12)


def test_states_of_md1():
    """The states add up to one, with a share 1 - rho empty."""
    states = queueing.md1_states(400, 0.9, 1.0)
    assert states[0] == pytest.approx(0.1)
    assert states[1] == pytest.approx(0.1 * (math.exp(0.9) - 1))
    assert states.sum() == pytest.approx(1.0, abs=1e-12)


def test_md1_quantiles_are_those_of_a_simulated_queue():
    """A million requests through a queue of constant service: median and tail within their error."""
    rng = np.random.default_rng(0)
    arrive = np.cumsum(rng.exponential(1 / 0.8, 1_000_000))
    served = np.arange(1.0, len(arrive) + 1)
    wait = served - 1 + np.maximum.accumulate(arrive - (served - 1)) - arrive
    for p, rel in ((0.5, 0.02), (0.9, 0.02), (0.99, 0.03)):
        found = queueing.md1_wait_quantile(p, 0.8, 1.0)
        assert np.quantile(wait, p) == pytest.approx(found, rel=rel)
        assert queueing.md1_response_quantile(p, 0.8, 1.0) == found + 1.0
    assert queueing.md1_wait_quantile(0.19, 0.8, 1.0) == 0.0


def test_units_of_time_scale():
    """Ten times slower in all respects is ten times longer."""
    assert queueing.md1_wait_quantile(0.99, 0.08, 10.0) == pytest.approx(
        10 * queueing.md1_wait_quantile(0.99, 0.8, 1.0)
    )


def test_general_queues_have_the_exponential_one_as_a_case():
    """Pollaczek-Khinchine and Allen-Cunneen agree with M/M/1, M/D/1 and M/M/c where those apply."""
    assert queueing.mg1_wait_mean(0.8, 1.0, 1.0) == pytest.approx(queueing.mmc_wait_mean(0.8, 1.0))
    assert queueing.allen_cunneen(0.8, 1.0, 1, services=0.0) == pytest.approx(queueing.md1_wait_mean(0.8, 1.0))
    assert queueing.allen_cunneen(3.2, 1.0, 4) == pytest.approx(queueing.mmc_wait_mean(3.2, 1.0, 4))
    assert queueing.allen_cunneen(3.2, 1.0, 4, arrivals=4.0) == pytest.approx(2.5 * queueing.mmc_wait_mean(3.2, 1.0, 4))
