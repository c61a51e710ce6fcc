"""The warmed parent of trials: imports the system once, forks a process for each trial, and reports how each ended."""

# ruff: noqa: S606
# (no pathlib in what the parent of trials loads: every fork would copy its pages)

from __future__ import annotations

import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from importlib import import_module
from select import POLLIN, poll
from typing import Any

from fairtrial.execute.machine.limits import TICK_S
from fairtrial.execute.machine.linux import Kernel, drain_signals
from fairtrial.execute.tree import warm
from fairtrial.execute.tree.nursery import Nursery
from fairtrial.execute.tree.reaper import Reaper
from fairtrial.execute.trial import worker
from fairtrial.execute.trial.child import BOOT, package_root
from fairtrial.execute.trial.wire import Closed, Outbox, Wire, load

WORKER = {"worker": True, "m": [], "wall": None, "watched": False, "gpus": []}
"""The job of a persistent worker, which gets its tasks over a socket of its own."""
SIGTERM = int(signal.SIGTERM)
SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Parent:
    """Takes tasks from the driver and starts as many at once as it may."""

    def __init__(self, config: dict[str, Any], wire: Wire, kernel: Kernel, outer: Callable[[int], int]) -> None:
        self._config, self._wire, self._outer = config, wire, outer
        self._imports = warm.Imports()
        self._nursery = Nursery(config, wire, kernel, self._imports)
        self._outbox = Outbox(wire)
        self._reaper = Reaper(config, self._nursery, self._outbox)
        self._guardian = os.getppid()
        self._signals = kernel.signal_descriptor(SIGNALS)
        self._queue: deque[dict[str, Any]] = deque()
        self._unfit = ""

    def loop(self) -> str:
        """Work until driver or guardian are gone (and return ''), or until forking is unsafe (and return why)."""
        waiting = poll()
        waiting.register(self._signals, POLLIN)
        waiting.register(self._wire.descriptor, POLLIN)
        try:
            return self._work(waiting)
        except Closed:
            return ""
        finally:
            self._reaper.end()

    def _work(self, waiting: Any) -> str:
        while not (self._unfit and not self._reaper.busy):
            ready = waiting.poll(TICK_S * 1000 if self._reaper.busy else None)
            if any(self._hear(descriptor) for descriptor, _ in ready):
                return ""
            self._reaper.tick()
            self._fill()
            self._outbox.flush()
        self._outbox.add(["returned", [job["id"] for job in self._queue]])
        self._outbox.flush()
        return self._unfit

    def _hear(self, descriptor: int) -> bool:
        """Take in messages, or the ends of children; say whether the guardian is gone."""
        if descriptor != self._signals:
            self._receive()
            return False
        ended = drain_signals(self._signals, SIGTERM) and os.getppid() != self._guardian
        self._reaper.reap()
        return ended

    def _receive(self) -> None:
        records, socket = self._wire.receive()
        for kind, *rest in records:
            if kind == "task":
                self._queue.append(rest[0])
            elif kind == "jobs":
                self._config["jobs"] = rest[0]
            elif kind == "stop":
                self._stop(*rest)
            elif kind == "answer":
                self._answer(*rest)
            elif kind == "import":
                self._import(rest[0])
            elif kind == "worker":
                self._launch(dict(WORKER, id=rest[0], mem=rest[1]), socket)

    def _fill(self) -> None:
        while self._queue and not self._unfit and self._reaper.trials < self._config["jobs"]:
            self._launch(self._queue.popleft())

    def _launch(self, job: dict[str, Any], socket: int | None = None) -> None:
        running = self._nursery.fork(job, socket)
        self._reaper.add(running)
        since = time.clock_gettime(time.CLOCK_BOOTTIME)
        self._outbox.add(["started", job["id"], self._outer(running.pid), since, running.slot.name])

    def _stop(self, ident: int | str, why: str) -> None:
        for job in self._queue:
            if job["id"] == ident:
                self._queue.remove(job)
                self._outbox.add(["dropped", ident, why])
                return
        for running in self._reaper:
            if running.job["id"] == ident:
                running.stop(why, limiter="wall" if why == "timeout" else "", gently=why in ("pruned", "cancelled"))

    def _answer(self, attempt: int, step: int, stop: bool, /) -> None:
        for running in self._reaper:
            if not any(member[0] == attempt for member in running.job["m"]):
                continue
            if running.answers >= 0:
                os.write(running.answers, b"s" if stop else b"g")
            elif stop:
                running.stop("pruned", gently=True)

    def _import(self, names: Sequence[str]) -> None:
        """Import what children had to import themselves; where forking is unsafe after that, start no more of them."""
        self._imports.load(names)
        self._nursery.measure()
        if self._config["isolate"] != "fork":
            self._unfit = warm.unfit(self._config["threads"])


def main(arguments: Sequence[str]) -> None:
    """Serve a driver: `config-file guardian-pid socket outer-proc [reason to start interpreters]`."""
    file, guardian, socket, proc, *slim = arguments
    kernel = Kernel()
    kernel.die_with_parent(signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    if os.getppid() != int(guardian):
        return
    kernel.adopt_orphans()
    kernel.rename("ft-parent")
    config = _configured(file)
    wire = Wire(int(socket), f"{config['root']}/slots")
    for descriptor in filter(None, (socket, proc)):
        os.set_inheritable(int(descriptor), False)  # noqa: FBT003
    reason = slim[0] if slim else _warm(config, wire)
    if reason and not slim:
        _start_again(arguments, reason)
    config["fresh"] = bool(reason) and not config["executes"]
    wire.send([["ready", _caution(config, reason)]])
    unfit = Parent(config, wire, kernel, _outer_pid(proc)).loop()
    if unfit:
        _start_again(arguments, unfit)


def _configured(file: str) -> dict[str, Any]:
    config: dict[str, Any] = load(file)
    config["file"] = file
    worker.set_import_path(config["folder"], config["path"])
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    return config


def _warm(config: dict[str, Any], wire: Wire) -> str:
    """Import the system; return why interpreters must be fresh, '' where forking is fine."""
    try:
        for module in (*config["warm"], config["entry"].partition(":")[0]):
            import_module(module)
    except BaseException as problem:  # noqa: BLE001 told to the driver, which tells the user
        wire.send([["refused", _import_problem(problem)]])
        os._exit(0)
    if config["executes"] or config["isolate"] == "fork":
        return ""
    return "asked for" if config["isolate"] == "fresh" else warm.unfit(config["threads"])


def _import_problem(problem: BaseException) -> str:
    import traceback

    frames = [frame for frame in traceback.extract_tb(problem.__traceback__) if "importlib" not in frame.filename]
    line = worker.one_line(f"{type(problem).__name__}: {problem}")
    place = frames[-1] if frames[1:] else None
    if isinstance(problem, SyntaxError) and problem.filename:
        return f"{problem.filename}:{problem.lineno}: {type(problem).__name__}: {problem.msg}"
    return f"{place.filename}:{place.lineno}: {line}" if place else line


def _caution(config: dict[str, Any], reason: str) -> str:
    if not config["fresh"] or config["isolate"] == "fresh":
        return ""
    return f"each trial starts its own interpreter: {reason} (parallel.isolate: fork overrides)"


def _start_again(arguments: Sequence[str], reason: str) -> None:
    """Replace this process by one that imports nothing of the user's, under the same pid."""
    *_, socket, proc = arguments[:4]
    for descriptor in filter(None, (socket, proc)):
        os.set_inheritable(int(descriptor), True)  # noqa: FBT003
    boot = [sys.executable, "-P", "-c", BOOT.format("tree.parent"), package_root()]
    os.execv(sys.executable, [*boot, *arguments[:4], reason])


def _outer_pid(proc: str) -> Callable[[int], int]:
    """Return what turns a pid of this PID namespace into the driver's, through the driver's /proc."""
    if not proc:
        return lambda pid: pid

    def outer(pid: int) -> int:
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:
            return 0
        try:
            opened = os.open(f"self/fdinfo/{descriptor}", os.O_RDONLY, dir_fd=int(proc))
            lines = os.read(opened, 1024).split(b"\n")
            os.close(opened)
        finally:
            os.close(descriptor)
        return next((int(line[4:]) for line in lines if line.startswith(b"Pid:")), 0)

    return outer
