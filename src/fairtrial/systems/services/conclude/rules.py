"""The causes of a bottleneck, a rule each: one measurement, one limit, evidence for or against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from fairtrial.model.words import number, percent
from fairtrial.systems.services.conclude.host import CPUS
from fairtrial.systems.services.conclude.known import Facts
from fairtrial.systems.services.conclude.ladder import Ladder
from fairtrial.systems.services.conclude.samples import Samples

BUSY, IDLE = 0.9, 0.7
"""Share of what there is from which it is used up, and below which it is not."""
WAITING, FREE = 0.25, 0.05
"""Share of the requests in flight that wait for one thing: from here on for, below that against."""
FAILING = 0.01
"""Share of the due requests that fail, from which errors limit."""
LONGER = 2.0
"""Response over service from which requests wait before they are sent."""
MEMORY = ("host.server_memory_limit_bytes", "host.memory_limit_bytes", "host.memory_bytes")
"""What bounds a server's memory: the least of these."""
QUEUES = ("requests_waiting", "requests_deferred")
"""Ends of the names of gauges that count requests waiting in a server."""
GPU_MEMORY = ("host.gpu_memory_bytes",)


class Sign(StrEnum):
    """What a measurement says of a cause."""

    FOR = "for"
    AGAINST = "against"
    UNCLEAR = "unclear"
    UNKNOWN = "not measured"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one cause."""

    cause: str
    sign: Sign
    text: str
    """The numbers, or why there are none."""
    missing: str = ""
    """What would have to be measured."""


@dataclass(frozen=True, slots=True)
class Views:
    """All that evidence is taken from."""

    ladder: Ladder
    samples: Samples
    facts: Facts


Rule = Callable[[Views, str, int], Evidence]


def _weighed(cause: str, value: float, *, least: float, below: float, text: str) -> Evidence:
    """Weigh a value: for from `least` on, against below `below`, unclear in between."""
    sign = Sign.FOR if value >= least else Sign.AGAINST if value < below else Sign.UNCLEAR
    return Evidence(cause, sign, text)


def _unknown(cause: str, missing: str) -> Evidence:
    return Evidence(cause, Sign.UNKNOWN, f"no {missing}", missing)


def server_cpu(views: Views, arm: str, place: int) -> Evidence:
    """Weigh whether the server's CPU is used up: its cores in use against those that it may use."""
    cause = "server CPU saturated"
    used = _first(views, arm, place, "server cpu_cores", "server_cpu_cores")
    cores = views.facts.least("host.server_cpus", *CPUS)
    if used is None:
        return _unknown(cause, "CPU of the server's processes")
    if cores is None:
        return _unknown(cause, "number of cores that the server may use")
    text = f"{number(used)} of {number(cores)} cores in use by the server"
    return _weighed(cause, used / cores, least=BUSY, below=IDLE, text=text)


def shared_cpu(views: Views, arm: str, place: int) -> Evidence:
    """Weigh whether client and server use the machine's CPU up together."""
    cause = "CPU shared by client and server used up"
    server = _first(views, arm, place, "server cpu_cores", "server_cpu_cores")
    client, cores = views.samples.at("client cpu_cores", arm, place).mean, views.facts.least(*CPUS)
    if server is None or client is None or cores is None:
        lacks = "CPU of both on one machine, with the number of its cores"
        return _unknown(cause, lacks)
    text = f"{number(server)} cores by the server and {number(client)} by the client, of {number(cores)}"
    both = (server + client) / cores
    return _weighed(cause, both, least=BUSY, below=IDLE, text=text)


def others(views: Views, arm: str, place: int) -> Evidence:
    """Weigh whether something else than client and server uses the machine's CPU."""
    cause = "CPU taken by others"
    seen = [views.samples.at(f"{role} cpu_cores", arm, place).mean for role in ("machine", "server", "client")]
    cores = views.facts.least("host.cpus")
    if None in seen or cores is None:
        return _unknown(cause, "CPU of the whole machine beside that of client and server")
    machine, server, client = (value or 0.0 for value in seen)
    rest = max(machine - server - client, 0.0)
    text = f"{number(rest)} of {number(cores)} cores in use by others"
    return _weighed(cause, rest / cores, least=WAITING, below=FREE, text=text)


def generator(views: Views, arm: str, place: int) -> Evidence:
    """Weigh whether the generator cannot send faster: its busiest process against one core."""
    cause = "generator-bound"
    used = views.ladder.at("generator_cpu_share", arm, place).mean
    if used is None:
        return _unknown(cause, "CPU of the generator")
    text = f"its busiest process used {percent(used)} of a core"
    return _weighed(cause, used, least=BUSY, below=IDLE, text=text)


def _waits(cause: str, *gauges: str) -> Rule:
    """Weigh the requests in flight that wait for one kind of thing, by the server's own gauges."""

    def rule(views: Views, arm: str, place: int) -> Evidence:
        seen = [views.samples.at(f"gauge {gauge}", arm, place).mean for gauge in gauges]
        known = [value for value in seen if value is not None]
        flight = views.ladder.at("in_flight_mean", arm, place).mean
        if not known or not flight:
            return _unknown(cause, f"{gauges[0]} of the server")
        waiting = sum(known)
        text = f"{number(waiting)} of {number(flight)} requests in flight wait for it"
        return _weighed(cause, waiting / flight, least=WAITING, below=FREE, text=text)

    return rule


def memory(views: Views, arm: str, place: int) -> Evidence:
    """Weigh whether the memory that the server may use is nearly full."""
    cause = "memory near its limit"
    used = _first(views, arm, place, "server rss_bytes", "server_rss_bytes")
    limit = views.facts.least(*MEMORY)
    if used is None:
        return _unknown(cause, "memory of the server's processes")
    if limit is None:
        return _unknown(cause, "limit of the server's memory")
    text = f"{number(used / 2**20)} of {number(limit / 2**20)} MiB"
    return _weighed(cause, used / limit, least=BUSY, below=IDLE, text=text)


def gpu(views: Views, arm: str, place: int) -> Evidence:
    """Weigh whether the GPU is busy all the time; its memory is told beside it."""
    cause = "GPU saturated"
    busy = views.samples.at("server gpu_util", arm, place).mean
    if busy is None:
        return _unknown(cause, "use of a GPU")
    text = f"busy {percent(busy)} of the time"
    used, limit = views.samples.at("server gpu_bytes", arm, place).mean, views.facts.least(*GPU_MEMORY)
    if used is not None and limit is not None:
        text += f", {number(used / 2**20)} of {number(limit / 2**20)} MiB of its memory"
    return _weighed(cause, busy, least=BUSY, below=IDLE, text=text)


def queue(views: Views, arm: str, place: int) -> Evidence:
    """Weigh whether requests wait inside the server: by its own gauge of waiting requests, where it has one."""
    cause = "queueing in the server"
    gauges = [name for name in views.samples.gauges if name.endswith(QUEUES)]
    if not gauges:
        return _unknown(cause, "gauge of waiting requests of the server")
    waiting = views.samples.at(f"gauge {gauges[0]}", arm, place).mean or 0.0
    return _weighed(cause, waiting, least=1.0, below=0.1, text=f"{number(waiting)} requests wait in it on average")


def pool(views: Views, arm: str, place: int) -> Evidence:
    """Weigh whether requests wait before they are sent: response against service time; they differ in open loops."""
    cause = "waiting for a connection"
    response = views.ladder.at("latency_p50_s", arm, place).mean
    service = views.ladder.at("service_p50_s", arm, place).mean
    if response is None or not service:
        return _unknown(cause, "response beside service time")
    text = f"response p50 {number(response * 1e3)} ms, service p50 {number(service * 1e3)} ms"
    return _weighed(cause, response / service, least=LONGER, below=(1 + LONGER) / 2, text=text)


def errors(views: Views, arm: str, place: int) -> Evidence:
    """Weigh whether failures limit what is answered; what was shed or timed out is what an overload looks like."""
    cause = "error-limited"
    failed, due = (views.ladder.at(metric, arm, place).mean for metric in ("errors", "requests"))
    if failed is None or not due:
        return _unknown(cause, "count of failures")
    text = f"{percent(failed / due)} of the requests failed"
    return _weighed(cause, failed / due, least=FAILING, below=FAILING, text=text)


def _first(views: Views, arm: str, place: int, sampled: str, metric: str) -> float | None:
    """Return what was sampled in the window, else the metric of the same thing."""
    found = views.samples.at(sampled, arm, place).mean
    return found if found is not None else views.ladder.at(metric, arm, place).mean


RULES: Sequence[Rule] = (
    server_cpu,
    shared_cpu,
    others,
    generator,
    _waits("lock waits", "waiting_lock", "waiting_lwlock"),
    _waits("I/O waits", "waiting_io"),
    memory,
    gpu,
    queue,
    pool,
    errors,
)
