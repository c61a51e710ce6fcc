"""The driver's end of the process tree: starts the guardian, through it the rest, and hears of every death."""

# (no pathlib in what the parent of trials loads: every fork would copy its pages)

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairtrial.contract.engine import EngineSettings
from fairtrial.contract.system import Target
from fairtrial.errors import FairtrialError
from fairtrial.execute.machine import limits, orphans
from fairtrial.execute.tree import warm
from fairtrial.execute.tree.guardian import NO_NAMESPACE
from fairtrial.execute.trial.child import BOOT, package_root
from fairtrial.execute.trial.slots import drop, prune
from fairtrial.execute.trial.wire import Closed, Record, Wire, pair

START_S = 30.0
MESSAGES = 256
"""Heard from one socket in a row: a trial that never stops talking must not keep the driver from the rest."""
START_TRIES = 3
"""A guardian that somebody killed before its first word is started again."""
KEEPER_GRACE_S = 10.0
TAIL_BYTES = 4000

Hear = Callable[[list[Record]], None]


@dataclass(slots=True)
class Line:
    """A socket of the driver's, who hears what comes in, and what could not be sent yet."""

    wire: Wire
    hear: Hear
    unsent: deque[tuple[bytes, int | None]] = field(default_factory=deque)
    """Messages, each with the descriptor that goes with it."""
    open: bool = True

    def send(self, records: list[Record], *, give_fd: int | None = None) -> None:
        """Send without ever waiting: what does not fit follows later, in order. A given descriptor is closed here."""
        if self.open:
            self.unsent.append((self.wire.pack(records), give_fd))
            self.flush()
        elif give_fd is not None:
            os.close(give_fd)

    def flush(self) -> None:
        """Send what waits, as far as it fits; to the dead, nothing."""
        while self.open and self.unsent:
            try:
                self.wire.send_raw(*self.unsent[0])
            except BlockingIOError:
                return
            except Closed:
                self.drop()
                return
            self._sent()

    def drop(self) -> None:
        """Give up what waits."""
        while self.unsent:
            self._sent()

    def _sent(self) -> None:
        _, descriptor = self.unsent.popleft()
        if descriptor is not None:
            os.close(descriptor)

    def drain(self, most: int = MESSAGES) -> bool:
        """Hear what is there, `most` messages of it; return whether the other end still is."""
        for _ in range(most):
            try:
                records, _ = self.wire.receive()
            except BlockingIOError:
                return True
            except Closed:
                return False
            self.hear(records)
        return True


class Tree:
    """Guardian, and the processes that it starts. Everything lies below `root`; sockets never block the driver."""

    def __init__(self, settings: EngineSettings, target: Target, hear: Hear, *, namespace: bool) -> None:
        """`hear` gets the guardian's records: ["died", name, status], for the guardian itself too."""
        self.settings = settings
        self.root = str(settings.scratch.resolve())
        self._groups = f"fairtrial-{os.getpid()}-{os.urandom(4).hex()}"
        self.config = as_config(target, settings, self._groups)
        """What the processes that load the target must know."""
        self.epoll = select.epoll()
        self._hear, self._namespace = hear, namespace
        self._lines: dict[int, Line] = {}
        self._guardian: subprocess.Popen[bytes] | None = None
        self._control: Line | None = None
        self._pidfd = -1
        for folder in ("slots", "kept", "scratch"):
            Path(self.root, folder).mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Start the guardian. Raises FairtrialError where it does not come up."""
        for _ in range(START_TRIES):
            if self._begin():
                self.epoll.register(self._pidfd, select.EPOLLIN)
                return
        raise FairtrialError("the guardian did not start: it was killed each time before it said a word")

    def _begin(self) -> bool:
        """Start a guardian, and say whether it came up; False: it is worth another try."""
        ours, theirs = pair()
        arguments = [str(os.getpid()), str(theirs), f"{self.root}/slots", self._groups, "1" if self._namespace else "0"]
        with open(f"{self.root}/guardian.log", "ab") as log:
            self._guardian = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", BOOT.format("tree.guardian"), package_root(), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(self.settings),
                pass_fds=(theirs,),
                start_new_session=True,
            )
        os.close(theirs)
        self._control = self.connect(ours, self._hear)
        self._pidfd = os.pidfd_open(self._guardian.pid)
        code = first_word(self._guardian, self._control.wire, self._pidfd)
        if code is None:
            return True
        self._forget_guardian()
        if code >= 0 and code != NO_NAMESPACE:
            raise FairtrialError(f"the guardian did not start: {self.log_tail('guardian')}")
        self._namespace = self._namespace and code != NO_NAMESPACE
        return False

    def connect(self, descriptor: int, hear: Hear) -> Line:
        """Listen on a socket from now on."""
        line = Line(Wire(descriptor, f"{self.root}/slots"), hear)
        line.wire.set_blocking(False)
        self._lines[descriptor] = line
        self.epoll.register(descriptor, select.EPOLLIN)
        return line

    def disconnect(self, line: Line) -> None:
        """Hear the rest of a line and close it."""
        if not line.open:  # its descriptor may be another line's by now
            return
        del self._lines[line.wire.descriptor]
        self.epoll.unregister(line.wire.descriptor)
        line.drain(most=sys.maxsize)
        line.open = False
        line.drop()
        line.wire.close()

    def spawn(self, name: str, module: str, arguments: Sequence[str], hear: Hear) -> Line:
        """Have the guardian start one of our modules under a name, with a socket to us."""
        assert self._control is not None
        ours, theirs = pair()
        argv = [sys.executable, "-P", "-c", BOOT.format(module), package_root(), *arguments]
        record = ["spawn", name, argv, f"{self.root}/{name}.log"]
        self._control.send([record], give_fd=theirs)
        return self.connect(ours, hear)

    def signal(self, name: str, number: int) -> None:
        """Have the guardian send a signal to what it started under a name."""
        assert self._control is not None
        self._control.send([["signal", name, number]])

    def poll(self, timeout_s: float) -> None:
        """Hear what there is, waiting up to the time-out for the first thing."""
        for line in list(self._lines.values()):
            line.flush()
        for descriptor, _ in self.epoll.poll(max(0.0, timeout_s)):
            known = self._lines.get(descriptor)
            if known is not None and not known.drain():
                self.disconnect(known)
            if descriptor == self._pidfd:
                self._guardian_died()
                return  # the descriptors that are still listed may be others' by now

    def log_tail(self, name: str) -> str:
        """Return the end of what a process of ours wrote."""
        try:
            with open(f"{self.root}/{name}.log", "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
                return file.read().decode(errors="replace").strip()
        except OSError:
            return ""

    def close(self) -> None:
        """End everything, keepers after their teardown; verified by the guardian's own end. May be called twice."""
        if self._guardian is not None:
            if self._control is not None:
                self._control.send([["close", KEEPER_GRACE_S]])
            ending = select.poll()  # Popen.wait with a time-out would look now and then, up to 50 ms late
            ending.register(self._pidfd, select.POLLIN)
            if not ending.poll((KEEPER_GRACE_S + START_S) * 1000):
                self._guardian.kill()
            self._guardian.wait()
            if self._guardian.returncode != 0:
                orphans.end_marked(self.settings.mark)
            self._forget_guardian()
            tidy(self.root, self._groups)
        self.epoll.close()

    def _guardian_died(self) -> None:
        assert self._guardian is not None
        self._guardian.wait()
        self._forget_guardian()
        orphans.end_marked(self.settings.mark, grace_s=KEEPER_GRACE_S)
        self._hear([["died", "guardian", 0]])

    def _forget_guardian(self) -> None:
        for line in list(self._lines.values()):
            self.disconnect(line)
        os.close(self._pidfd)  # closing takes it out of the epoll set
        self._guardian, self._control, self._pidfd = None, None, -1


def first_word(guardian: subprocess.Popen[bytes], wire: Wire, pidfd: int) -> int | None:
    """Wait for a guardian's first word (None) or its end (its exit code, negative for a signal)."""
    waiting = select.poll()
    waiting.register(wire.descriptor, select.POLLIN)
    waiting.register(pidfd, select.POLLIN)
    if not waiting.poll(START_S * 1000):
        guardian.kill()
    try:
        wire.receive()
    except (Closed, BlockingIOError):
        return guardian.wait()
    return None


def tidy(root: str, groups: str) -> None:
    """Remove what a session leaves: memory groups, slot files, logs; what trials wrote is the journal's."""
    limits.remove(groups)
    for folder in ("slots", "scratch"):
        drop(f"{root}/{folder}")
    for path in Path(root).iterdir():
        if path.suffix in (".log", ".config"):
            path.unlink()
    prune(root)


def environment(settings: EngineSettings) -> dict[str, str]:
    """Return what trials inherit: this process's environment, thread caps, the settings' own words, the mark."""
    capped = warm.capped(settings.threads)
    return dict(os.environ) | capped | dict(settings.environment) | {orphans.VARIABLE: settings.mark}


def as_config(target: Target, settings: EngineSettings, groups: str) -> dict[str, Any]:
    """Return what the processes that load the target must know; `groups` is the name of their cgroups."""
    return {
        "root": str(settings.scratch.resolve()),
        "entry": target.entry,
        "config": dict(target.config),
        "folder": str(Path(target.folder).resolve()) if target.folder else "",
        "warm": list(target.warm),
        "executes": target.executes,
        "path": [str(Path(entry).absolute()) for entry in sys.path],
        "threads": settings.threads,
        "isolate": settings.isolate,
        "groups": groups,
        "fresh": False,
    }
