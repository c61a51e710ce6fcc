"""What is known of a trial beside its numbers, as the raw table `facts`: a row a fact, its value as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def rows(
    about: Mapping[str, Any], *, invalid: Sequence[str] = (), cautions: Sequence[str] = ()
) -> list[dict[str, str]]:
    """Flatten what `run.json` says: `{fact: 'host.cpus', value: '2'}`; lists stay whole.

    `verdict.invalid` and `verdict.cautions` are always there, so that the table is never empty.
    """
    said = {**about, "verdict": {"invalid": list(invalid), "cautions": list(cautions)}}
    return [{"fact": path, "value": json.dumps(value, default=str)} for path, value in _flat(said, "")]


def _flat(value: Mapping[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        path = f"{before}.{name}" if before else str(name)
        if isinstance(inner, Mapping) and inner:
            yield from _flat(inner, path)
        else:
            yield path, inner
