"""Who else used the processors meanwhile, and whether a real pool's numbers may be believed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil

from fairtrial.systems.threadpool.words import Validity

IDLE = frozenset({"idle", "iowait", "guest", "guest_nice"})
"""Fields of a processor's times in which nobody worked (the guest's are in the user's already)."""


def _busy_s() -> float:
    """Return the seconds in which processors of this machine were busy or taken by the hypervisor, since boot."""
    times = psutil.cpu_times()._asdict()
    return float(sum(value for name, value in times.items() if name not in IDLE))


@dataclass(slots=True)
class Crowd:
    """A watch over a stretch of time: from its making to `others_share`."""

    _at: float = field(default_factory=time.monotonic)
    _busy: float = field(default_factory=_busy_s)
    _own: float = field(default_factory=time.process_time)

    def others_share(self) -> float:
        """Return the CPU time that others used or that was stolen, as a share of that of all processors."""
        cpus = psutil.cpu_count() or 1
        others_s = (_busy_s() - self._busy) - (time.process_time() - self._own)
        return max(0.0, others_s / (cpus * max(time.monotonic() - self._at, 1e-9)))


def faults(*, lateness_p99_s: float, p50_s: float | None, others_share: float, limits: Validity) -> Iterator[str]:
    """Yield why latencies of a real pool must not be believed, with the limit that was missed and what helps."""
    limit_s = max(limits.lateness_s, limits.lateness_share * (p50_s or 0.0))
    if lateness_p99_s > limit_s:
        yield (
            f"tasks were submitted {lateness_p99_s * 1e3:.3g} ms late at p99 (limit {limit_s * 1e3:.3g} ms): leave a "
            "processor to who submits them (machine.cores), or a lower rate"
        )
    if others_share > limits.others:
        yield (
            f"other processes used {others_share:.0%} of the machine's CPU time meanwhile (limit {limits.others:.0%}): "
            "measure on a quiet machine"
        )
