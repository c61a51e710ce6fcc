"""The guardian: starts the parent of trials and the keepers, and ends everything when the driver is gone or says so.

It runs no code of the user's. Where permitted it is PID 1 of a PID namespace of its own, so that the kernel ends
whatever it started when it dies itself. (Not through a user namespace: programs such as ssh refuse to work in one.)
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from fcntl import F_DUPFD_CLOEXEC, fcntl
from select import POLLIN, poll

from fairtrial.execute.machine import limits
from fairtrial.execute.machine.linux import Children, Kernel, drain_signals, end_all, kill, kill_strangers
from fairtrial.execute.trial.wire import Closed, Record, Wire

SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
NO_NAMESPACE = 99
"""Exit code: a PID namespace was made, but /proc cannot be mounted there; start again without."""
SOCKET, PROC, ABOVE = 3, 4, 20
"""Where the descriptors that it passes on lie in the processes that it starts; its own lie above."""
TICK_MS = 200
NOBODY = -1
"""Inside the namespace the driver cannot be seen: any SIGTERM there says that it is gone."""


class Guardian:
    """Starts what it is told to, reaps everything, and kills what falls to it from the dead."""

    def __init__(self, wire: Wire, kernel: Kernel, *, driver: int, proc: int | None) -> None:
        self._wire, self._driver, self._proc = wire, driver, proc
        self._signals = kernel.signal_descriptor(SIGNALS)
        self._children = Children()
        self._names: dict[int, str] = {}
        self._grace_s = 10.0

    def loop(self) -> None:
        """Work until the driver is gone or says so."""
        waiting = poll()
        waiting.register(self._signals, POLLIN)
        waiting.register(self._wire.descriptor, POLLIN)
        self._wire.send([["guarding"]])
        going_on = True
        try:
            while going_on:
                ready = [descriptor for descriptor, _ in waiting.poll(TICK_MS)]
                if self._signals in ready and drain_signals(self._signals, signal.SIGTERM):
                    going_on = os.getppid() == self._driver
                if self._wire.descriptor in ready:
                    going_on = self._receive() and going_on
                self._reap()
                kill_strangers(self._children, self._names)
        except Closed:
            return

    def end(self) -> None:
        """Kill the parent and its trials, let the keepers tear down, and leave nothing."""
        keepers = {pid for pid, name in self._names.items() if name != "parent"}
        for pid in self._names.keys() - keepers:
            kill(pid, signal.SIGKILL)
        for pid in keepers:
            kill(pid, signal.SIGTERM)
        limit = time.monotonic() + self._grace_s
        while self._names and time.monotonic() < limit:
            kill_strangers(self._children, self._names)
            signal.sigtimedwait((signal.SIGCHLD,), 0.05)
            self._reap(quiet=True)
        end_all(self._children)

    def _receive(self) -> bool:
        records, passed = self._wire.receive()
        for kind, *rest in records:
            if kind == "spawn":
                self._spawn(rest[0], rest[1], rest[2], passed)
            elif kind == "signal":
                for pid in [pid for pid, name in self._names.items() if name == rest[0]]:
                    kill(pid, rest[1])
            elif kind == "close":
                self._grace_s = rest[0]
                return False
        return True

    def _spawn(self, name: str, argv: Sequence[str], log: str, passed: int | None) -> None:
        """Start an interpreter: its arguments end with our pid, its socket and the driver's /proc."""
        while kill_strangers(self._children, self._names):  # an earlier parent's trials would write into its slots
            time.sleep(0.001)
            self._reap()
        actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        if passed is not None:
            actions.append((os.POSIX_SPAWN_DUP2, passed, SOCKET))
        if self._proc is not None:
            actions.append((os.POSIX_SPAWN_DUP2, self._proc, PROC))
        tail = [str(os.getpid()), str(SOCKET), str(PROC) if self._proc is not None else ""]
        pid = os.posix_spawn(sys.executable, [*argv, *tail], os.environ, file_actions=actions, setsigmask=())
        self._names[pid] = name
        if passed is not None:
            os.close(passed)

    def _reap(self, *, quiet: bool = False) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            name = self._names.pop(pid, None)
            if name is not None and not quiet:
                self._tell(["died", name, status])

    def _tell(self, record: Record) -> None:
        self._wire.send([record])


def main(arguments: Sequence[str]) -> None:
    """Guard: `driver-pid socket spill-folder name-of-cgroups namespace(0|1)`."""
    driver, socket, spill, groups, namespace = arguments
    kernel = Kernel()
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    kernel.die_with_parent(signal.SIGTERM)
    if os.getppid() != int(driver):
        return
    kernel.rename("ft-guardian")
    os.set_inheritable(int(socket), False)  # noqa: FBT003
    opened = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    proc = fcntl(opened, F_DUPFD_CLOEXEC, ABOVE)
    os.close(opened)
    inside = namespace == "1" and kernel.leave_namespaces()
    if inside and (first := os.fork()):
        os._exit(_follow(first, int(driver)))
    if inside and not _settle_in(kernel):
        os._exit(NO_NAMESPACE)
    kernel.adopt_orphans()
    guardian = Guardian(
        Wire(int(socket), spill), kernel, driver=NOBODY if inside else int(driver), proc=proc if inside else None
    )
    guardian.loop()
    guardian.end()
    limits.remove(groups)


def _settle_in(kernel: Kernel) -> bool:
    kernel.die_with_parent(signal.SIGKILL)
    return kernel.mount_proc()


def _follow(first: int, driver: int) -> int:
    """Outside the namespace: pass the driver's death on, and end as the guardian inside does."""
    while True:
        if signal.sigwait(SIGNALS) == signal.SIGTERM and os.getppid() != driver:
            kill(first, signal.SIGTERM)
        pid, status = os.waitpid(first, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status) & 0xFF
