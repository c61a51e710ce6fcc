"""Watches the processes of server and client through a run, from a thread of its own, without getting in their way."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairtrial.systems.services.watch.gauges import Ask, Gauges
from fairtrial.systems.services.watch.gpu import Gpus, gpus
from fairtrial.systems.services.watch.machine import Cores, cores
from fairtrial.systems.services.watch.samples import HostSample, RoleSample, Samples
from fairtrial.systems.services.watch.usage import Meter

if TYPE_CHECKING:
    import polars

LOOK_S = 1.0
"""How often children are looked for, and the processors."""
SERVER = "server"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where samples come from: the machine, but for tests."""

    clock: Callable[[], int] = time.perf_counter_ns
    meter: Callable[[tuple[int, ...]], Meter] = Meter
    cores: Callable[[], Cores] = cores
    gpus: Callable[[], AbstractContextManager[Gpus | None]] = gpus


class Sampler:
    """Samples the trees below the processes of each role while it is entered.

    `roles` maps a role to process ids (a process of two roles counts for the first); 0 is this process. `gauges` is
    asked for the server's counters and gauges about once a second, on a thread of its own, since a busy server takes
    its time to answer. Times are those of `time.perf_counter_ns`.
    """

    def __init__(
        self,
        roles: Mapping[str, Iterable[int]],
        *,
        interval_s: float = 0.2,
        gauges: Ask | None = None,
        sources: Sources | None = None,
    ) -> None:
        self._sources = sources or Sources()
        self._interval_s = interval_s
        self._meters = {
            role: self._sources.meter(tuple(pid or os.getpid() for pid in pids)) for role, pids in roles.items()
        }
        self._gauges = None if gauges is None else Gauges(gauges, clock=self._sources.clock)
        self._gpus: Gpus | None = None
        self._looked_ns: int | None = None
        self._samples = Samples()
        self._stack = ExitStack()
        self._stop = threading.Event()
        self._cpu_s = 0.0

    def __enter__(self) -> Sampler:
        with ExitStack() as stack:
            self._gpus = stack.enter_context(self._sources.gpus())
            if self._gauges is not None:
                stack.enter_context(self._gauges)
            self.sample()
            thread = threading.Thread(target=self._run, name="fairtrial-sampler", daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(self._stop.set)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *problem: object) -> None:
        """Stop, and take a last sample."""
        self._stack.close()
        self._looked_ns = None
        self._gpus = None
        self.sample()

    def sample(self) -> None:
        """Take one sample now; the thread does this by itself."""
        now = self._sources.clock()
        if self._looked_ns is None or now - self._looked_ns >= LOOK_S * 1e9:
            self._look(now)
        gpu = self._gpus.read() if self._gpus is not None else None
        for role, meter in self._meters.items():
            total = meter.total()
            if total is not None:
                self._samples.roles.setdefault(role, []).append(RoleSample(now, total, gpu if role == SERVER else None))

    def frame(self, begin_ns: int) -> polars.DataFrame | None:
        """Return the table `samples`, a row a sample and role; None where nothing was sampled.

        Columns: `t_s` since `begin_ns`, `role` (`server`, `client`, `machine`), `cpu_cores` since the sample before,
        `rss_bytes`, `read_bytes` and `write_bytes` since the first sample, `gpu_util` and `gpu_bytes` (where there is
        a GPU, with the server), and one for each gauge (with the server). What is not known is null.
        """
        answers = () if self._gauges is None else self._gauges.answers
        return self._samples.frame(begin_ns, answers)

    def summary(self, begin_ns: int, end_ns: int) -> dict[str, float | None]:
        """Return the metrics of a window: `server_cpu_cores`, `server_rss_bytes`, `client_rss_bytes`, `steal_share`."""
        return self._samples.metrics(begin_ns, end_ns)

    def detail(self, begin_ns: int, end_ns: int) -> dict[str, Any]:
        """Return more of a window, as JSON: each core, I/O rates, threads, gauges, the sampler's own CPU."""
        lasted = self._samples.lasted_s
        own = {"sampler_cpu_share": self._cpu_s / lasted} if lasted else {}
        gauges = {} if self._gauges is None else self._gauges.summary(begin_ns, end_ns)
        return {**self._samples.detail(begin_ns, end_ns), **own, **gauges}

    def _look(self, now: int) -> None:
        taken: list[int] = []
        for meter in self._meters.values():
            taken += meter.look(taken)
        self._samples.host.append(HostSample(now, self._sources.cores()))
        self._looked_ns = now

    def _run(self) -> None:
        due = time.monotonic() + self._interval_s
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            self.sample()
            self._cpu_s = time.thread_time()
            due = max(due + self._interval_s, time.monotonic())
