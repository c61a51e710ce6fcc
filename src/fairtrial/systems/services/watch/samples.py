"""What was sampled of processes and processors: as a table, and condensed over a window."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fairtrial.systems.services.watch.gauges import Answer
from fairtrial.systems.services.watch.machine import Cores, Use, use
from fairtrial.systems.services.watch.usage import Totals

if TYPE_CHECKING:
    import polars

MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class RoleSample:
    """The processes of a role at one instant."""

    at_ns: int
    total: Totals
    gpu: tuple[float, float] | None = None
    """Share of time busy, bytes in use."""


@dataclass(frozen=True, slots=True)
class HostSample:
    """The processors at one instant."""

    at_ns: int
    cores: Cores


@dataclass(slots=True)
class Samples:
    """All samples of a run, oldest first."""

    roles: dict[str, list[RoleSample]] = field(default_factory=dict)
    host: list[HostSample] = field(default_factory=list)

    @property
    def lasted_s(self) -> float:
        """Return the time from the first to the last look."""
        return (self.host[-1].at_ns - self.host[0].at_ns) * 1e-9 if len(self.host) > 1 else 0.0

    def frame(self, begin_ns: int, answers: Sequence[Answer]) -> polars.DataFrame | None:
        """Return a row for each sample and role, in the order of time; None without any."""
        import polars as pl

        names = sorted({name for answer in answers for name in answer.values})
        rows = [*self._rows(), *self._machine()]
        rows += [{"at": each.at_ns, "role": "server", **each.values} for each in answers]
        if not rows:
            return None
        gpu = any(sample.gpu is not None for samples in self.roles.values() for sample in samples)
        columns = ["cpu_cores", "rss_bytes", "read_bytes", "write_bytes", *(("gpu_util", "gpu_bytes") if gpu else ())]
        rows.sort(key=lambda row: row["at"])
        data: dict[str, list[Any]] = {
            "t_s": [(row["at"] - begin_ns) * 1e-9 for row in rows],
            "role": [row["role"] for row in rows],
        }
        data |= {name: [_known(row.get(name)) for row in rows] for name in (*columns, *names)}
        kinds = {name: pl.String if name == "role" else pl.Float64 for name in data}
        return pl.DataFrame(data, schema=kinds)

    def metrics(self, begin_ns: int, end_ns: int) -> dict[str, float | None]:
        """Return CPU and peak memory of the roles in a window, and the share of time that was stolen."""
        found: dict[str, float | None] = {}
        for role, samples in self.roles.items():
            inside = [sample.total.rss_bytes for sample in samples if begin_ns <= sample.at_ns < end_ns]
            found[f"{role}_rss_bytes"] = max(inside, default=None)
            if role != "client":
                found[f"{role}_cpu_cores"] = _rate(samples, "cpu_s", begin_ns, end_ns)
        used = self._use(begin_ns, end_ns)
        return found if used is None else {**found, "steal_share": used.steal_share}

    def detail(self, begin_ns: int, end_ns: int) -> dict[str, Any]:
        """Return the share of each core, waiting for storage, and rates and counts of each role, as JSON.

        `others_cpu_cores` is what the machine used beside the roles, where all of them were seen.
        """
        used = self._use(begin_ns, end_ns)
        found: dict[str, Any] = {}
        if used is not None:
            found = {"core_busy": list(used.busy), "steal_share": used.steal_share, "wait_share": used.wait_share}
        for role, samples in self.roles.items():
            found[f"{role}_cpu_cores"] = _rate(samples, "cpu_s", begin_ns, end_ns)
            found[f"{role}_read_bytes_per_s"] = _rate(samples, "read_bytes", begin_ns, end_ns)
            found[f"{role}_write_bytes_per_s"] = _rate(samples, "write_bytes", begin_ns, end_ns)
            found[f"{role}_threads_max"] = max(sample.total.threads for sample in samples)
            found[f"{role}_processes_max"] = max(sample.total.processes for sample in samples)
        roles = [found[f"{role}_cpu_cores"] for role in self.roles]
        if used is not None and roles and None not in roles:
            found["others_cpu_cores"] = max(0.0, sum(used.busy) - sum(roles))
        return found

    def _use(self, begin_ns: int, end_ns: int) -> Use | None:
        """Return the processors' use over the looks that enclose the window most closely."""
        if len(self.host) < 2:
            return None
        times = [sample.at_ns for sample in self.host]
        first = max(int(np.searchsorted(times, begin_ns, "right")) - 1, 0)
        last = min(int(np.searchsorted(times, end_ns, "left")), len(times) - 1)
        return use(self.host[first].cores, self.host[last].cores) if last > first else None

    def _rows(self) -> Iterator[dict[str, Any]]:
        for role, samples in self.roles.items():
            for last, sample in zip([None, *samples], samples, strict=False):
                total = sample.total
                row = {"at": sample.at_ns, "role": role, "rss_bytes": total.rss_bytes}
                row |= {"read_bytes": total.read_bytes, "write_bytes": total.write_bytes}
                if last is not None and sample.at_ns > last.at_ns:
                    row["cpu_cores"] = (total.cpu_s - last.total.cpu_s) / ((sample.at_ns - last.at_ns) * 1e-9)
                if sample.gpu is not None:
                    row["gpu_util"], row["gpu_bytes"] = sample.gpu
                yield row

    def _machine(self) -> Iterator[dict[str, Any]]:
        for last, sample in zip(self.host, self.host[1:], strict=False):
            used = use(last.cores, sample.cores)
            if used is not None:
                yield {"at": sample.at_ns, "role": MACHINE, "cpu_cores": sum(used.busy)}


def _rate(samples: Sequence[RoleSample], name: str, begin_ns: int, end_ns: int) -> float | None:
    """Return the growth of a count a second within the window, as far as samples reach; None below two of them."""
    times = np.array([sample.at_ns for sample in samples], np.int64)
    low, high = max(begin_ns, int(times[0])), min(end_ns, int(times[-1]))
    if high <= low:
        return None
    counts = np.array([getattr(sample.total, name) for sample in samples])
    first, last = np.interp([low - times[0], high - times[0]], times - times[0], counts)
    rate = float(last - first) / ((high - low) * 1e-9)
    return None if math.isnan(rate) else rate


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(value)
