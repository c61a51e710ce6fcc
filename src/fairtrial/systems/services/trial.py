"""One trial: prepare the server, put the load on it, watch both, measure, and say whether it may be believed."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from fairtrial.contract.system import Context
from fairtrial.errors import Invalid
from fairtrial.systems.services import facts
from fairtrial.systems.services.load import crew
from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.measure import metrics, summary, validity
from fairtrial.systems.services.parameters import Parameters
from fairtrial.systems.services.record import Host, Records
from fairtrial.systems.services.table import frame
from fairtrial.systems.services.target import Derives, Endpoint, Gauges, Target, Tidies, Virtual
from fairtrial.systems.services.targets.known import adapter
from fairtrial.systems.services.watch import host as hygiene
from fairtrial.systems.services.watch.gauges import Ask
from fairtrial.systems.services.watch.processes import Sampler

OURS = 0
"""Stands for this process among those that are sampled: the generators are its children."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen of the processes in a window."""

    metrics: Mapping[str, float | None] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)
    samples: Any = None
    """The table `samples`; None where nothing was watched."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What one load gave: the requests, what the harness saw of itself, and what was watched beside it."""

    records: Records
    host: Host
    facts: Mapping[str, Any] = field(default_factory=dict)
    """For run.json: what the target says of itself, its counters, the machine."""
    derived: Mapping[str, float] = field(default_factory=dict)
    """Metrics from the server's counters."""
    doubt: str = ""
    """Why these counters make the measurement INVALID."""
    sampler: Sampler | None = None

    def watched(self, begin_ns: int, end_ns: int) -> Watched:
        """Return what was seen of the processes in this window."""
        if self.sampler is None:
            return Watched()
        samples = self.sampler.frame(self.records.begin_ns)
        return Watched(self.sampler.summary(begin_ns, end_ns), self.sampler.detail(begin_ns, end_ns), samples)

    def cautions(self, watched: Watched) -> tuple[str, ...]:
        """Return what makes the machine doubtful."""
        facts = self.facts.get("host", {})
        return (*facts.get("cautions", ()), *hygiene.crowded(facts, watched.detail))


def run(parameters: Parameters, context: Context) -> dict[str, float | None]:
    """Measure one trial. Its tables and files are kept whether it is valid or not.

    Raises Invalid with the limits that were missed; ServiceFailed where the server is gone.
    """
    target = adapter(parameters.target)
    observe = _virtual if isinstance(target, Virtual) else _real
    observed = observe(target, parameters, context)
    measured = metrics.measure(observed.records, load=parameters.load, objective=parameters.objective)
    verdict = validity.check(measured, observed.host, load=parameters.load, validity=parameters.validity)
    watched = observed.watched(*measured.window)
    invalid = (*verdict.invalid, *filter(None, [observed.doubt]))
    cautions = (*verdict.cautions, *observed.cautions(watched))
    about = _about(parameters, context, observed) | {"sampled": watched.detail}
    context.table("requests", frame(observed.records, window=measured.window))
    context.table("facts", facts.rows(about, invalid=invalid, cautions=cautions))
    if watched.samples is not None:
        context.table("samples", watched.samples)
    begin_ns = observed.records.begin_ns
    said = summary.summary(measured, observed.host, invalid=invalid, cautions=cautions, begin_ns=begin_ns)
    _keep(context, "summary.json", said)
    _keep(context, "run.json", about)
    if invalid:
        raise Invalid("; ".join(invalid))
    return {**measured.metrics, **metrics.of_host(observed.host), **watched.metrics, **observed.derived}


def _virtual(target: Any, parameters: Parameters, context: Context) -> Observed:
    records, host = target.records(parameters.load, context.seed)
    return Observed(records=records, host=host)


def _real(target: Target, parameters: Parameters, context: Context) -> Observed:
    shared = context.resource()
    endpoint = target.endpoint(None if shared is None else shared["handle"])
    endpoint |= {"salt": uuid.uuid4().hex}
    try:
        endpoint["prepared"] = asyncio.run(target.prepare(endpoint, context.seed))
        return _loaded(target, endpoint, parameters, context)
    finally:
        if isinstance(target, Tidies):
            asyncio.run(target.tidy(endpoint))


def _loaded(target: Target, endpoint: dict[str, Any], parameters: Parameters, context: Context) -> Observed:
    """Put the load on a server that is prepared, watching its processes and ours."""
    pids = tuple(endpoint.get("pids", ()))
    clean, before = hygiene.before(), asyncio.run(target.counters(endpoint))
    with Sampler({"server": pids, "client": (OURS,)}, gauges=_asked(target, endpoint, before)) as sampler:
        records, host = crew.run(
            parameters.target.model_dump(mode="json"),
            endpoint,
            parameters.load,
            seed=context.seed,
            folder=context.scratch,
        )
    after = asyncio.run(target.counters(endpoint))
    return Observed(
        records=records,
        host=host,
        facts={
            "target": endpoint["prepared"],
            "server": {name: endpoint[name] for name in ("version", "pids") if name in endpoint},
            "host": hygiene.after(clean, server=pids, address=_address(endpoint)) | _priority(parameters.load, host),
            "counters": {name: after[name] - before.get(name, 0.0) for name in after},
        },
        derived=target.derived(before, after) if isinstance(target, Derives) else {},
        doubt=target.doubt(before, after),
        sampler=sampler,
    )


def _asked(target: Target, endpoint: Endpoint, known: Mapping[str, float]) -> Ask | None:
    """Return what asks the server while the load runs: its gauges, else its counters where it has some."""
    if isinstance(target, Gauges):
        return partial(target.gauges, endpoint)
    return partial(target.counters, endpoint) if known else None


def _priority(load: Load, host: Host) -> dict[str, str]:
    """Say how the generators shared the CPU with other processes; the worst of them where they differ."""
    if not host.ordinary:
        return {"generators": "ahead of ordinary processes"}
    return {"generators": "ordinary, for want of the right to go ahead" if load.goes_first else "ordinary"}


def _address(endpoint: Endpoint) -> str:
    return str(endpoint.get("url") or endpoint.get("dsn") or "")


def _about(parameters: Parameters, context: Context, observed: Observed) -> dict[str, Any]:
    return {
        "parameters": parameters.model_dump(mode="json"),
        "seed": context.seed,
        "begin_ns": observed.records.begin_ns,
        "end_ns": observed.records.end_ns,
        **observed.facts,
    }


def _keep(context: Context, name: str, content: Mapping[str, Any]) -> None:
    path = context.scratch / name
    path.write_text(json.dumps(content, indent=2, sort_keys=True, default=str) + "\n")
    context.file(path)
