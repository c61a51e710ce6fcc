"""The crew of generator processes: started, set off together, heard, ended; their records put together."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from fairtrial.errors import FairtrialError, Invalid, MissingPart, ServiceFailed, UserError
from fairtrial.systems.services.load.parts import merge, read
from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.record import Host, Records

PROGRAM = f"{__package__.rpartition('.')[0]}.generate"
LEAD_NS = 200_000_000
"""From the moment when all are ready to the begin of the load."""
WRITE_S = 120.0
"""How long writing the records may take after the drain."""
RAISED: tuple[type[FairtrialError], ...] = (UserError, Invalid, ServiceFailed, MissingPart)
"""What a generator may have raised, the more special first."""


@dataclass(slots=True)
class Generator:
    """A process of the crew."""

    number: int
    process: subprocess.Popen[bytes]
    part: Path
    log: Path
    heard: bytes = b""
    said: dict[str, Any] = field(default_factory=dict)

    def hear(self) -> None:
        """Read what it says. Raises what it says that it raised, or why it died."""
        text = os.read(self.process.stdout.fileno(), 65536) if self.process.stdout else b""
        if not text:
            self._died()
        *lines, self.heard = (self.heard + text).split(b"\n")
        for line in lines:
            self.said |= json.loads(line)
        if "failed" in self.said:
            raise failure(self.said["failed"])

    def tell(self, begin_ns: int) -> None:
        """Tell it when the load begins."""
        if self.process.stdin:
            self.process.stdin.write(b"%d" % begin_ns)
            self.process.stdin.flush()

    def end(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()

    def _died(self) -> None:
        code = self.process.wait()
        if code < 0:
            name = signal.Signals(-code).name
            raise Invalid(
                f"generator process {self.number} died by {name}",
                hint="out of memory, or ended by somebody; run it again",
            )
        last = self.log.read_text(errors="replace").strip().splitlines()[-1:]
        raise RuntimeError(f"generator process {self.number} ended with code {code}: {' '.join(last)}")


def run(
    target_parameters: Mapping[str, Any],
    endpoint: Mapping[str, Any],
    load: Load,
    *,
    seed: int,
    folder: Path,
    begin: Callable[[int, int], None] | None = None,
) -> tuple[Records, Host]:
    """Put a load on a target; return what became of every request, and what the worst generator saw of itself.

    `begin` is told when the load begins and ends (nanoseconds of `time.perf_counter_ns`) before it does. The folder
    keeps a file of records and a log for each process. Raises Invalid (a generator was killed), ServiceFailed (a
    connection failed before the begin), UserError, OSError (disk full); no generator is left running.
    """
    size = min(load.processes, load.clients) if load.mode == "closed" else load.processes
    generators: list[Generator] = []
    try:
        for number in range(size):
            config: dict[str, Any] = {
                "target": dict(target_parameters),
                "endpoint": dict(endpoint),
                "load": load.model_dump(),
            }
            config |= {"crew": os.getpid(), "seed": seed, "worker": number, "processes": size}
            generators.append(_start(config, folder))
        _hear_all(generators, "ready")
        begin_ns = time.perf_counter_ns() + LEAD_NS
        end_ns = begin_ns + round((load.lead_s + load.duration_s) * 1e9)
        for one in generators:
            one.tell(begin_ns)
        if begin is not None:
            begin(begin_ns, end_ns)
        _hear_all(generators, "done", until_ns=end_ns + round((load.timeout_s + WRITE_S) * 1e9))
    finally:
        for one in generators:
            one.end()
    return merge([read(one.part) for one in generators]), worst([Host(**one.said["done"]) for one in generators])


def worst(hosts: Sequence[Host]) -> Host:
    """Return the largest of every figure, and all cautions."""
    names = [item.name for item in fields(Host) if item.name != "cautions"]
    figures = {name: max(getattr(host, name) for host in hosts) for name in names}
    return Host(**figures, cautions=tuple(dict.fromkeys(caution for host in hosts for caution in host.cautions)))


def failure(said: Mapping[str, Any]) -> Exception:
    """Make the exception that a generator raised."""
    if said["kinds"] == ["OSError"]:
        return OSError(said["number"], said["message"], said["file"])
    for kind in RAISED:
        if kind.__name__ in said["kinds"]:
            return kind(said["message"], hint=said["hint"])
    return FairtrialError(said["message"], hint=said["hint"])


def _start(config: dict[str, Any], folder: Path) -> Generator:
    name = f"generator-{config['worker']}"
    part, log = folder / f"{name}.npz", folder / f"{name}.log"
    file = folder / f"{name}.json"
    file.write_text(json.dumps(config | {"part": str(part)}))
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", PROGRAM, str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sink,
            env=environment,
        )
    return Generator(config["worker"], process, part, log)


def _hear_all(generators: Sequence[Generator], word: str, *, until_ns: int | None = None) -> None:
    """Wait until each has said a word; the first that fails fails all."""
    with selectors.DefaultSelector() as selector:
        for one in generators:
            selector.register(one.process.stdout or 0, selectors.EVENT_READ, one)
        while waiting := selector.get_map():
            left_s = None if until_ns is None else (until_ns - time.perf_counter_ns()) * 1e-9
            ready = [key for key, _ in selector.select(left_s)]
            if not ready:
                late = min(key.data.number for key in waiting.values())
                raise Invalid(f"generator process {late} did not end in time", hint="starved, or stopped")
            for key in ready:
                key.data.hear()
            for key in [key for key in ready if word in key.data.said]:
                selector.unregister(key.fileobj)  # it says no more than that it ended, again and again
