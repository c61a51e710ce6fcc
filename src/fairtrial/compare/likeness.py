"""Whether two runs may be compared: what differs between their studies, their machines and their software."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fairtrial.compare.sample import Sample
from fairtrial.errors import UserError
from fairtrial.model.identity import canonical_json
from fairtrial.model.study import ABSENT, Study

SHOWN = 6
"""Differences that a refusal names."""
HOST = ("host", "cpu_model", "cpus", "cpu_quota", "platform", "memory_bytes")
SYSTEM = ("base", "variants", "inputs", "code")
"""What two runs that were made side by side may differ in: it is what they are to tell apart."""
DESIGN = ("factors", "exclude", "include", "design")


def refuse_unlike(baseline: Sample, current: Sample, *, together: bool) -> None:
    """Refuse runs that measured different things, or share measurements. `together`: they were run side by side.

    Raises UserError that lists what differs.
    """
    runs = f"runs {baseline.side.run} and {current.side.run}"
    if baseline.side.run == current.side.run:
        raise UserError(f"run {current.side.run} cannot be compared with itself", hint="fairtrial list")
    found = different(baseline.study, current.study, together=together)
    if baseline.system != current.system and not together:
        found.insert(0, f"system: {baseline.system} != {current.system}")
    if found:
        more = f"; {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise UserError(
            f"{runs} measured different things: {'; '.join(found[:SHOWN])}{more}",
            hint="what is to be compared is run together: fairtrial compare --paired A.yaml B.yaml",
        )
    shared = set(baseline.measured.attempt) & set(current.measured.attempt) - {None}
    if shared:
        raise UserError(
            f"{runs} share {len(shared)} measurements that one took over from the other",
            hint="fairtrial run --fresh measures everything again",
        )


def different(baseline: Study, current: Study, *, together: bool) -> list[str]:
    """List what two studies differ in that makes their runs incomparable, a phrase each."""
    before, after = _declared(baseline), _declared(current)
    parts = [part for part in before if not (together and part in SYSTEM)]
    return [line for part in parts for line in _differences(part, before[part], after[part])]


def labels(baseline: Sample, current: Sample) -> tuple[str, ...]:
    """List what differs between the machines, the software and the systems: a label, no reason to refuse."""
    before, after = baseline.provenance, current.provenance
    hosts = [_part(item.get("machine"), HOST) for item in (before, after)]
    found = list(_differences("machine", *hosts))
    for name in ("python", "fairtrial"):
        found += _differences(name, _first(before.get(name)), _first(after.get(name)))
    found += _packages(before.get("packages") or {}, after.get("packages") or {})
    if baseline.side.commit != current.side.commit:
        found.append(f"commit: {baseline.side.commit or 'none'} != {current.side.commit or 'none'}")
    if baseline.identity != current.identity:
        found.append("the system's version or code")
    if baseline.system != current.system:
        found.append(f"system: {baseline.system} != {current.system}")
    one, other = _declared(baseline.study), _declared(current.study)
    found += [line for part in SYSTEM for line in _differences(part, one[part], other[part])]
    found += _differences("gate", _gate(baseline.study), _gate(current.study))
    return tuple(found)


def _declared(study: Study) -> dict[str, Any]:
    """Return all of a study that a comparison supposes equal, as JSON."""
    return {
        **{part: study.document.get(part) for part in (*SYSTEM, *DESIGN)},
        "base": dict(study.base),
        "metrics": {metric.name: f"{metric.direction} {metric.unit}".strip() for metric in study.metrics},
        "slo": [str(clause) for clause in study.slo],
        "seed": study.seed,
    }


def _differences(path: str, before: Any, after: Any) -> Iterator[str]:
    """Yield the leaves in which two JSON values differ."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted(before.keys() | after.keys(), key=str):
            yield from _differences(f"{path}.{key}", before.get(key, ABSENT), after.get(key, ABSENT))
        return
    if _plain(before) != _plain(after):
        yield f"{path}: {_said(before)} != {_said(after)}"


def _plain(value: Any) -> Any:
    return None if value is None or value is ABSENT else canonical_json(value)


def _said(value: Any) -> str:
    text = "nothing" if value is None or value is ABSENT else _plain(value).decode()
    return text if len(text) <= 60 else f"{text[:57]}..."


def _packages(before: Mapping[str, str], after: Mapping[str, str]) -> Iterable[str]:
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    for name in names[:SHOWN]:
        yield f"{name}: {before.get(name, 'none')} != {after.get(name, 'none')}"
    if len(names) > SHOWN:
        yield f"{len(names) - SHOWN} more packages"


def _part(machine: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: (machine or {}).get(name) for name in names}


def _first(text: Any) -> str:
    return str(text or "").split(" ")[0]


def _gate(study: Study) -> dict[str, str]:
    return {item.metric: f"{item.worse_by.value:g}{' (share)' * item.worse_by.relative}" for item in study.gate}
