"""One machine, several drivers: a per-user file in which each says what it wants, and from which each reads its share.

Every live driver has an entry: its process (so that the dead drop out), the trials it wants at once and the CPUs of
one, the GPUs it holds, and since when it wants the machine alone. The rules are functions of the file, so all agree:

- CPUs: one trial each, then one more to the driver that has least, while it wants more and the CPUs last (max-min
  fair, nothing idle that somebody wants). A driver that is alone gets what it asks for, more than the CPUs included.
- GPUs: taken and given back one trial at a time under the lock; whoever waits with fewer, or as few and longer, goes
  first.
- Alone (timing studies): from the moment one asks, others start nothing; it starts when no other has a trial running.

Waits are dated by the monotonic clock, which all processes of a boot share and nobody sets.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from uuid import uuid4

from fairtrial.execute.machine import process


@dataclass(frozen=True, slots=True)
class Wish:
    """What a driver wants now."""

    jobs: int
    """Trials at once; 0 when it is paused or at its end."""
    cpus: float = 1.0
    """CPUs of one trial."""
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """What a driver may do now."""

    jobs: int
    waits: str = ""
    """Why it may start nothing, in words; '' when it may."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A driver in the file."""

    id: str
    pid: int
    started: float
    boot: str
    jobs: int = 0
    cpus: float = 1.0
    active: bool = False
    """It has trials running, or may start one at any moment."""
    alone_since: float | None = None
    gpus: list[int] = field(default_factory=list)
    gpus_since: float | None = None
    """Since when it waits for GPUs."""


def share(entries: Sequence[Entry], me: str, cpus: float) -> int:
    """Return how many trials driver `me` may run at once on a machine with these CPUs."""
    wanting = {entry.id: entry for entry in sorted(entries, key=lambda one: one.id) if entry.jobs > 0}
    if me not in wanting:
        return 0
    if len(wanting) == 1:
        return wanting[me].jobs
    given = dict.fromkeys(wanting, 1)
    left = cpus - sum(entry.cpus for entry in wanting.values())
    while hungry := [one for one in wanting.values() if given[one.id] < one.jobs and one.cpus <= left]:
        least = min(hungry, key=lambda one: given[one.id] * one.cpus)
        given[least.id] += 1
        left -= least.cpus
    return given[me]


def blocked(entries: Sequence[Entry], me: Entry) -> str:
    """Say why driver `me` may start nothing; '' when it may."""
    others = [entry for entry in entries if entry.id != me.id]
    alone = [entry for entry in others if entry.alone_since is not None]
    if me.alone_since is None:
        return f"waiting: a timing study (pid {alone[0].pid}) has the machine" if alone else ""
    before = [one for one in alone if (one.alone_since, one.id) < (me.alone_since, me.id)]
    if before:
        return f"waiting: another timing study (pid {before[0].pid}) has the machine"
    busy = [entry for entry in others if entry.active]
    return f"waiting: {len(busy)} other run(s) must end their trials (pid {busy[0].pid})" if busy else ""


class Capacity:
    """This driver's place in the file."""

    def __init__(self, folder: Path, *, cpus: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._file = folder / "capacity.json"
        self._lock = folder / "capacity.lock"
        self._cpus = cpus
        self._monotonic = monotonic
        pid = os.getpid()
        self._me = Entry(f"{pid}-{uuid4().hex[:8]}", pid, process.started(pid), process.boot_id())

    def refresh(self, wish: Wish, *, busy: bool) -> Grant:
        """Say what is wanted and whether trials are running; return what may be done. Call about once a second."""
        with self._shared() as others:
            me = self._wishing(wish, busy=busy)
            waits = blocked(others, me)
            self._me = replace(me, active=busy or (wish.jobs > 0 and not waits))
            return Grant(share([*others, self._me], me.id, self._cpus), waits)

    def _wishing(self, wish: Wish, *, busy: bool) -> Entry:
        wants = wish.jobs > 0 or busy
        since = (self._me.alone_since or self._monotonic()) if wish.alone and wants else None
        waiting = self._me.gpus_since if wish.jobs > 0 else None
        return replace(self._me, jobs=wish.jobs, cpus=wish.cpus, alone_since=since, gpus_since=waiting)

    def take(self, count: int, usable: Sequence[int]) -> tuple[int, ...]:
        """Take GPUs for one trial; nothing when it must wait (call again soon: it holds its place in the line)."""
        with self._shared() as others:
            since = self._me.gpus_since or self._monotonic()
            mine = (len(self._me.gpus), since, self._me.id)
            waiting = ((len(one.gpus), one.gpus_since, one.id) for one in others if one.gpus_since is not None)
            first = any(other < mine for other in waiting)
            held = {gpu for one in [*others, self._me] for gpu in one.gpus}
            free = [gpu for gpu in usable if gpu not in held]
            if first or len(free) < count:
                self._me = replace(self._me, gpus_since=since)
                return ()
            taken = tuple(free[:count])
            self._me = replace(self._me, gpus=[*self._me.gpus, *taken], gpus_since=None)
            return taken

    def give(self, gpus: Sequence[int]) -> None:
        """Give GPUs back; a wait for more starts anew, after those who had none meanwhile."""
        with self._shared():
            left = [gpu for gpu in self._me.gpus if gpu not in gpus]
            self._me = replace(self._me, gpus=left, gpus_since=None)

    def close(self) -> None:
        """Leave the file."""
        with self._shared(leave=True):
            pass

    @contextmanager
    def _shared(self, *, leave: bool = False) -> Iterator[list[Entry]]:
        """Lock the file, give the other live drivers' entries, and write them back with this driver's."""
        self._lock.parent.mkdir(mode=0o700, exist_ok=True)  # a long run outlives a cleaned temp folder
        with self._lock.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            others = [one for one in self._read() if one.id != self._me.id and _lives(one)]
            yield others
            self._write(others if leave else [*others, self._me])

    def _read(self) -> list[Entry]:
        if not self._file.exists():
            return []
        known = {one.name for one in fields(Entry)}
        try:
            rows = json.loads(self._file.read_text())
        except ValueError:  # somebody's edit: every live driver writes its own entry again within a second
            return []
        return [Entry(**row) for row in rows if set(row) == known]

    def _write(self, entries: Sequence[Entry]) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps([asdict(entry) for entry in entries]))
        fresh.replace(self._file)


def _lives(entry: Entry) -> bool:
    return process.alive(entry.pid, entry.started, entry.boot)
