"""May these numbers be believed? What the harness must have kept, level by level."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fairtrial.systems.services.load.words import Load, Validity
from fairtrial.systems.services.measure.metrics import Measured
from fairtrial.systems.services.record import Host

PER_CLIENT = 20
FEWEST_ENDED = 200
FEWEST_THOUGHT = 1000
"""Requests from which Little's law is judged: per client, at all, and where the pauses are random."""
LITTLE_CAUTION = 0.05
RELIEF = "use more load.processes or a lower rate, or leave the generator a core of its own"
STARVED = "others had the CPU: use a quieter host, or let the generator run ahead of them (root, or CAP_SYS_NICE)"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One sentence each, with the number, the limit and what to do."""

    invalid: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()

    @property
    def valid(self) -> bool:
        """Say whether the measurement counts."""
        return not self.invalid


Finding = tuple[bool, str]
"""Whether it makes the level INVALID, and the sentence."""


def check(measured: Measured, host: Host, *, load: Load, validity: Validity) -> Verdict:
    """Judge a level of load.

    Lateness, CPU and loop lag bind open loops. A closed loop whose generator is the bottleneck is a true measurement of
    something else than the service: it gets the caution "generator-bound", or that its loop lagged. A level that sheds
    is a measurement too, of misses, which attainment and `stable` show; it can never carry a claim of capacity.
    """
    found = [(True, measured.steady.invalid)] if measured.steady.invalid else []
    if not measured.metrics["requests"]:
        found.append((True, "no request was due in the window: give the load a longer duration_s or a higher rate"))
    if load.mode == "open":
        found += [*_sent(measured, host, validity), *_generator(host, validity), *_left_behind(measured, load)]
    else:
        found += [*_bound(host, validity), *_lagging(measured, host, validity), *_little(measured, load, validity)]
    found += [*_steal(host, validity), *_floor(measured, host, validity)]
    cautions = (text for fatal, text in found if not fatal)
    lost = _lost(measured)
    return Verdict(
        tuple(text for fatal, text in found if fatal),
        (*measured.steady.cautions, *host.cautions, *cautions, *lost),
    )


def _relief(host: Host, validity: Validity) -> str:
    """Say what helps a generator that is late: it had too much to do, or others were in its way."""
    return STARVED if host.ordinary and host.cpu_share < validity.generator_cpu / 2 else RELIEF


def _sent(measured: Measured, host: Host, validity: Validity) -> Iterator[Finding]:
    """Judge whether requests were sent, and when they were due."""
    achieved, late = measured.metrics["achieved"], measured.lateness_p99_s
    relief = _relief(host, validity)
    if achieved is not None and achieved < validity.achieved:
        yield True, f"the generator sent {achieved:.2%} of what was due (limit {validity.achieved:.2%}): {relief}"
    limit_s = max(validity.lateness_s, validity.lateness_share * (measured.service_p50_s or 0.0))
    if late is not None and late > limit_s:
        yield True, f"the generator sent {_time(late)} late at p99 (limit {_time(limit_s)}): {relief}"


def _generator(host: Host, validity: Validity) -> Iterator[Finding]:
    if host.cpu_share > validity.generator_cpu:
        limit = f"limit {validity.generator_cpu:.0%}"
        yield True, f"a generator process used {host.cpu_share:.0%} of a core ({limit}): {RELIEF}"
    if host.loop_lag_p99_s > validity.loop_lag_s:
        lag, limit = _time(host.loop_lag_p99_s), _time(validity.loop_lag_s)
        yield True, f"the generator's event loop lagged {lag} at p99 (limit {limit}): {_relief(host, validity)}"


def _left_behind(measured: Measured, load: Load) -> Iterator[Finding]:
    """Say where the service was overloaded: a fact, not a fault of the measurement."""
    shed = measured.metrics["shed"]
    if shed:
        beyond = f"{shed:.0f} requests were shed beyond max_in_flight = {load.max_in_flight} and count as misses"
        yield False, f"{beyond}: no claim of capacity rests on this level; offer a lower rate"
    if measured.steady.stable is False:
        grown = f"over-saturated: the backlog grew by {measured.steady.backlog_growth:.0f} requests over the window"
        yield False, f"{grown}, so that its latencies have no bound and are not told: offer a lower rate"


def _bound(host: Host, validity: Validity) -> Iterator[Finding]:
    if host.cpu_share > validity.generator_cpu:
        used = f"a generator process used {host.cpu_share:.0%} of a core (limit {validity.generator_cpu:.0%})"
        yield False, f"generator-bound: {used}, so that the throughput may be its own: use more load.processes"


def _lagging(measured: Measured, host: Host, validity: Validity) -> Iterator[Finding]:
    """Say where answers were read late, which makes them look slower than they were."""
    limit_s = max(validity.loop_lag_s, validity.lateness_share * (measured.service_p50_s or 0.0))
    if host.loop_lag_p99_s > limit_s:
        lag, limit = _time(host.loop_lag_p99_s), _time(limit_s)
        why = "answers that came meanwhile look slower than they were"
        yield False, f"the generator's event loop lagged {lag} at p99 (limit {limit}): {why}; use a quieter host"


def _little(measured: Measured, load: Load, validity: Validity) -> Iterator[Finding]:
    residual = measured.metrics["little_residual"]
    random = load.think == "exponential" and load.think_s > 0
    fewest = max(PER_CLIENT * load.clients, FEWEST_THOUGHT if random else FEWEST_ENDED)
    if residual is None or (measured.metrics["requests"] or 0) < fewest:
        return
    if residual > min(LITTLE_CAUTION, validity.little):
        missed = f"Little's law misses {residual:.1%} of the clients (limit {validity.little:.0%})"
        why = "they spent that time neither waiting for an answer nor thinking"
        what = "use more load.processes or a quieter host, or look for lost connections"
        yield residual > validity.little, f"{missed}: {why}; {what}"


def _steal(host: Host, validity: Validity) -> Iterator[Finding]:
    if host.steal_share > min(validity.steal_caution, validity.steal):
        limits = f"caution {validity.steal_caution:.0%}, limit {validity.steal:.0%}"
        stolen = f"the hypervisor gave {host.steal_share:.1%} of the CPU time to others ({limits})"
        yield host.steal_share > validity.steal, f"{stolen}: use a quieter host"


def _floor(measured: Measured, host: Host, validity: Validity) -> Iterator[Finding]:
    service, floor = measured.service_p50_s, host.floor_p50_s
    if service is not None and floor > 0 and service < validity.floor * floor:
        near = f"service p50 {_time(service)} is {service / floor:.1f} x the floor of {_time(floor)}"
        limit = f"(limit {validity.floor:g} x): measure a service that does more work"
        yield True, f"near the harness's own floor: {near} {limit}"


def _lost(measured: Measured) -> Iterator[str]:
    """Say which percentiles lie among the requests that never ended."""
    if measured.unbounded and measured.steady.stable is not False:
        names = ", ".join(measured.unbounded)
        yield f"not told, since so many requests timed out, were shed or did not end: {names}: use a longer timeout_s"


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
