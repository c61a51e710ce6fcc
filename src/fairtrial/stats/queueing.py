"""Waiting lines in closed form: what a service in theory does to its requests. All queues serve in order of arrival.

`rate_per_s` is the arrival rate lambda, `service_s` the mean service time 1/mu, `servers` their number c. A load of
c or more per server-second has no steady state and raises FairtrialError.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from fairtrial.errors import FairtrialError
from fairtrial.stats.summary import Floats

STEPS = 200
"""Bisections: enough to reach neighbouring doubles."""


def erlang_b(servers: int, offered: float) -> float:
    """Return the share of arrivals that find all servers busy and are lost (M/G/c/c); `offered` = lambda / mu.

    Source: Erlang (1917); the recursion over the servers, which cannot overflow, is that of Cooper (1981),
    Introduction to Queueing Theory, section 3.3.
    """
    blocked = 1.0
    for server in range(1, servers + 1):
        blocked = offered * blocked / (server + offered * blocked)
    return blocked


def erlang_c(servers: int, offered: float) -> float:
    """Return the share of arrivals that must wait (M/M/c); `offered` = lambda / mu < servers.

    Source: Erlang (1917), Solution of some problems in the theory of probabilities.
    """
    if not 0 <= offered < servers:
        raise FairtrialError(f"no steady state: {offered:g} servers' worth of work for {servers}")
    blocked = erlang_b(servers, offered)
    share = offered / servers
    return blocked / (1 - share * (1 - blocked))


def mmc_wait_mean(rate_per_s: float, service_s: float, servers: int = 1) -> float:
    """Return the mean seconds of waiting in M/M/c: C(c, a) / (c mu - lambda). Source: Erlang (1917)."""
    waits = erlang_c(servers, rate_per_s * service_s)
    return waits / (servers / service_s - rate_per_s)


def mmc_response_mean(rate_per_s: float, service_s: float, servers: int = 1) -> float:
    """Return the mean seconds of waiting and service in M/M/c."""
    return mmc_wait_mean(rate_per_s, service_s, servers) + service_s


def mmc_wait_quantile(probability: float, rate_per_s: float, service_s: float, servers: int = 1) -> float:
    """Return seconds t with P(wait <= t) = probability in M/M/c; 0 for those who do not wait.

    P(wait > t) = C(c, a) exp(-(c mu - lambda) t).
    """
    waits = erlang_c(servers, rate_per_s * service_s)
    spare = servers / service_s - rate_per_s
    return max(0.0, math.log(waits / (1 - probability)) / spare) if waits else 0.0


def mmc_response_survival(seconds: float, rate_per_s: float, service_s: float, servers: int = 1) -> float:
    """Return P(wait + service > seconds) in M/M/c.

    The service is exponential (mu), and so is the wait of those who wait (c mu - lambda), independently; written so
    that nearly equal rates do no harm. Source: Gross, Shortle, Thompson and Harris (2008), Fundamentals of Queueing
    Theory, section 2.4.
    """
    waits = erlang_c(servers, rate_per_s * service_s)
    mu = 1 / service_s
    away = (servers * mu - rate_per_s - mu) * seconds
    grown = -math.expm1(-away) / away if away else 1.0
    return math.exp(-mu * seconds) * (1 + waits * mu * seconds * grown)


def mmc_response_quantile(probability: float, rate_per_s: float, service_s: float, servers: int = 1) -> float:
    """Return seconds t with P(wait + service <= t) = probability in M/M/c; of M/M/1: -ln(1 - p) / (mu - lambda)."""
    if servers == 1:
        erlang_c(1, rate_per_s * service_s)
        return -math.log1p(-probability) / (1 / service_s - rate_per_s)
    return _inverse(lambda t: 1 - mmc_response_survival(t, rate_per_s, service_s, servers), probability, service_s)


def mg1_wait_mean(rate_per_s: float, service_s: float, variation: float) -> float:
    """Return the mean seconds of waiting in M/G/1; `variation` is the squared coefficient of variation of service.

    0 is M/D/1, 1 is M/M/1. Source: Pollaczek (1930) and Khinchine (1932).
    """
    busy = rate_per_s * service_s
    erlang_c(1, busy)
    return busy * service_s * (1 + variation) / (2 * (1 - busy))


def md1_wait_mean(rate_per_s: float, service_s: float) -> float:
    """Return the mean seconds of waiting in M/D/1: half of M/M/1's."""
    return mg1_wait_mean(rate_per_s, service_s, 0.0)


def md1_wait_share(seconds: float, rate_per_s: float, service_s: float) -> float:
    """Return P(wait <= seconds) in M/D/1.

    Erlang's sum of 1909 alternates and loses all its digits for long waits; this one has positive terms only: whoever
    waits at most t, (k - 1) D <= t < k D, found so few waiting that they and the Poisson arrivals of k D - t leave
    within k services. Source: Franx (2001), A simple solution for the M/D/c waiting time distribution, Operations
    Research Letters 29.
    """
    if seconds < 0:
        return 0.0
    k = math.floor(seconds / service_s) + 1
    below = np.cumsum(md1_states(k + 1, rate_per_s, service_s))[1:]  # P(at most 0, 1, … wait)
    mean = rate_per_s * max(k * service_s - seconds, 0.0)
    return float(below[k - 1 :: -1][:k] @ _poisson(k, mean))


def md1_wait_quantile(probability: float, rate_per_s: float, service_s: float) -> float:
    """Return seconds t with P(wait <= t) = probability in M/D/1; 0 for those who do not wait."""
    if probability <= 1 - rate_per_s * service_s:
        return 0.0
    return _inverse(lambda t: md1_wait_share(t, rate_per_s, service_s), probability, service_s)


def md1_response_quantile(probability: float, rate_per_s: float, service_s: float) -> float:
    """Return seconds t with P(wait + service <= t) = probability in M/D/1: every service takes the same."""
    return md1_wait_quantile(probability, rate_per_s, service_s) + service_s


def md1_states(last: int, rate_per_s: float, service_s: float) -> Floats:
    """Return P(0, 1, … `last` requests in the system) of M/D/1: shape (last + 1,).

    As many go up past a state as come down, at departures; every term is positive. Source: the level crossings of
    Gross, Shortle, Thompson and Harris (2008), section 5.1, with the recursion of Ramaswami (1988), A stable recursion
    for the steady state vector in Markov chains of M/G/1 type, Stochastic Models 4.
    """
    busy = rate_per_s * service_s
    erlang_c(1, busy)
    more = _poisson_at_least(last + 2, busy)
    states = np.zeros(last + 1)
    states[0] = 1 - busy
    for n in range(last):
        up = states[0] * more[n + 1] + states[1 : n + 1] @ more[n + 1 : 1 : -1]
        states[n + 1] = up * math.exp(busy)
    return states


def allen_cunneen(
    rate_per_s: float, service_s: float, servers: int, *, arrivals: float = 1.0, services: float = 1.0
) -> float:
    """Return the approximate mean seconds of waiting in G/G/c: M/M/c's, times (Ca^2 + Cs^2) / 2.

    `arrivals` and `services` are squared coefficients of variation; exact for M/M/c and M/G/1. Source: Allen (1990),
    Probability, Statistics and Queueing Theory, section 5.4.
    """
    return mmc_wait_mean(rate_per_s, service_s, servers) * (arrivals + services) / 2


def _poisson(count: int, mean: float) -> Floats:
    """Return the Poisson probabilities of 0, 1, … count - 1."""
    from scipy.special import gammaln, xlogy

    n = np.arange(count)
    terms: Floats = np.exp(xlogy(n, mean) - mean - gammaln(n + 1))
    return terms


def _poisson_at_least(count: int, mean: float) -> Floats:
    """Return the Poisson probabilities of at least 0, 1, … count - 1, exact also where they are small."""
    from scipy.special import pdtrc

    upper: Floats = np.concatenate([[1.0], pdtrc(np.arange(count - 1), mean)])
    return upper


def _inverse(share: Callable[[float], float], probability: float, first: float) -> float:
    """Return t with share(t) = probability, by doubling and bisection."""
    low, high = 0.0, first
    while share(high) < probability:
        low, high = high, 2 * high
    for _ in range(STEPS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if share(middle) < probability else (low, middle)
    return high
