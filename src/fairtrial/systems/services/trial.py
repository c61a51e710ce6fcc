"""One trial: prepare the server, put the load on it, watch both, measure, and say whether it may be believed."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairtrial.contract.system import Context
from fairtrial.errors import Invalid
from fairtrial.systems.services.load import crew
from fairtrial.systems.services.measure import metrics, summary, validity
from fairtrial.systems.services.parameters import Parameters
from fairtrial.systems.services.record import Host, Records
from fairtrial.systems.services.table import frame
from fairtrial.systems.services.target import Derives, Target, Virtual
from fairtrial.systems.services.targets.known import adapter
from fairtrial.systems.services.watch import host as hygiene
from fairtrial.systems.services.watch.processes import Sampler


@dataclass(frozen=True, slots=True)
class Observed:
    """What one load gave: the requests, what the harness saw of itself, and what was watched beside it."""

    records: Records
    host: Host
    facts: Mapping[str, Any] = field(default_factory=dict)
    """For run.json: what the target says of itself, the host's hygiene."""
    sampled: Mapping[str, float | None] = field(default_factory=dict)
    """Metrics of the processes and of the server's counters."""
    samples: Any = None
    """A polars frame, or None where nothing was watched."""
    doubt: str = ""
    """Why the server's counters make the measurement INVALID."""


def run(parameters: Parameters, context: Context) -> dict[str, float | None]:
    """Measure one trial. Its tables and files are kept whether it is valid or not.

    Raises Invalid with the limits that were missed; ServiceFailed where the server is gone.
    """
    target = adapter(parameters.target)
    observed = _virtual(target, parameters, context) if isinstance(target, Virtual) else _real(target, parameters, context)
    measured = metrics.measure(observed.records, load=parameters.load, objective=parameters.objective)
    verdict = validity.check(measured, observed.host, load=parameters.load, validity=parameters.validity)
    invalid = (*verdict.invalid, *filter(None, [observed.doubt]))
    found = {**measured.metrics, **observed.sampled}
    context.table("requests", frame(observed.records, window=measured.window))
    if observed.samples is not None:
        context.table("samples", observed.samples)
    said = summary.summary(measured, observed.host, invalid=invalid, cautions=verdict.cautions)
    _keep(context, "summary.json", said)
    _keep(context, "run.json", _about(parameters, context, observed))
    if invalid:
        raise Invalid("; ".join(invalid))
    return found


def _virtual(target: Virtual, parameters: Parameters, context: Context) -> Observed:
    records, host = target.records(parameters.load, context.seed)
    return Observed(records=records, host=host)


def _real(target: Target, parameters: Parameters, context: Context) -> Observed:
    shared = context.resource()
    endpoint = target.endpoint(None if shared is None else shared["handle"]) | {"salt": uuid.uuid4().hex}
    endpoint["prepared"] = asyncio.run(target.prepare(endpoint, context.seed))
    before, clean = asyncio.run(target.counters(endpoint)), hygiene.before()
    with Sampler({"server": endpoint.get("pids", ()), "client": (crew.OURS,)}) as sampler:
        records, host = crew.run(
            parameters.target.model_dump(mode="json"),
            endpoint,
            parameters.load,
            seed=context.seed,
            folder=context.scratch,
        )
    after = asyncio.run(target.counters(endpoint))
    derived = target.derived(before, after) if isinstance(target, Derives) else {}
    return Observed(
        records=records,
        host=host,
        facts={
            "target": endpoint["prepared"],
            "server": _public(endpoint),
            "host": hygiene.after(clean),
            "counters": {name: after[name] - before.get(name, 0.0) for name in after},
        },
        sampled={**sampler.summary(records.begin_ns, records.end_ns), **derived},
        samples=sampler.frame(records.begin_ns),
        doubt=target.doubt(before, after),
    )


def _public(endpoint: Mapping[str, Any]) -> dict[str, Any]:
    return {name: endpoint[name] for name in ("version", "url", "pids") if name in endpoint}


def _about(parameters: Parameters, context: Context, observed: Observed) -> dict[str, Any]:
    return {
        "parameters": parameters.model_dump(mode="json"),
        "seed": context.seed,
        "begin_ns": observed.records.begin_ns,
        "end_ns": observed.records.end_ns,
        **observed.facts,
    }


def _keep(context: Context, name: str, content: Mapping[str, Any]) -> None:
    path = Path(context.scratch) / name
    path.write_text(json.dumps(content, indent=2, sort_keys=True, default=str, allow_nan=False) + "\n")
    context.file(path)
