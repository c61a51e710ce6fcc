"""The facts of a run's trials: the host, the server, the parameters, why something is doubtful."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts by trial."""

    trials: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    """Number of the trial -> dotted name -> JSON value."""

    def values(self, name: str) -> list[Any]:
        """List the different values of a fact, in the order of the trials; empty where no trial knows it."""
        found: list[Any] = []
        for known in self.trials.values():
            if name in known and known[name] is not None and known[name] not in found:
                found.append(known[name])
        return found

    def least(self, *names: str) -> float | None:
        """Return the smallest of these facts in any trial, as a number; None where none is known."""
        values = (value for name in names for value in self.values(name))
        return min((float(value) for value in values if isinstance(value, int | float) and value > 0), default=None)

    def lasted_s(self, trial: int) -> float | None:
        """Return how long the load of a trial lasted, warm-up included; None where that is not known."""
        known = self.trials.get(trial, {})
        begin, end = known.get("begin_ns"), known.get("end_ns")
        return None if begin is None or end is None else (end - begin) * 1e-9

    def names(self, topic: str) -> list[str]:
        """List the facts below a topic (`host.`), each once."""
        return list(dict.fromkeys(name for known in self.trials.values() for name in known if name.startswith(topic)))

    def said(self, name: str) -> Iterator[tuple[int, str]]:
        """Yield (trial, sentence) of a fact that is a list of sentences."""
        for trial, known in self.trials.items():
            yield from ((trial, str(each)) for each in known.get(name) or ())


def facts(frame: polars.DataFrame | None) -> Facts:
    """Read the table `facts` (columns trial, fact, value)."""
    if frame is None:
        return Facts()
    found: dict[int, dict[str, Any]] = {}
    for trial, name, value in frame.select("trial", "fact", "value").iter_rows():
        found.setdefault(trial, {})[name] = json.loads(value)
    return Facts(dict(sorted(found.items())))
