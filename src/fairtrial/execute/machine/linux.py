"""The few calls of Linux that Python 3.11 lacks, and the questions to /proc that the process tree asks."""

# ruff: noqa: PTH208
# (no pathlib in what the parent of trials loads: every fork would copy its pages)

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Collection, Iterable

SET_PDEATHSIG, SET_NAME, SET_CHILD_SUBREAPER = 1, 15, 36
NEW_NAMESPACE_MOUNT, NEW_NAMESPACE_PID = 0x00020000, 0x20000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 0x4000, 0x40000
SFD_FLAGS = os.O_CLOEXEC | os.O_NONBLOCK
SIGSET_BYTES = 128
SIGINFO_BYTES = 128


class Kernel:
    """prctl(2), signalfd(2), unshare(2) and mount(2) through ctypes."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._prctl = self._libc.prctl
        self._prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
        self._trial_text = ctypes.create_string_buffer(b"ft-trial")
        self._trial_name = ctypes.addressof(self._trial_text)

    def die_with_parent(self, signal_number: int) -> None:
        """Ask for a signal when the thread that forked this process ends. Check getppid() afterwards."""
        self._prctl(SET_PDEATHSIG, signal_number, 0, 0, 0)

    def lead_trial(self) -> None:
        """In a trial's process: die with the parent by SIGKILL, lead a session, adopt orphans.

        Plain numbers and two calls: whatever a forked child touches is a page to copy.
        """
        self._prctl(1, 9, 0, 0, 0)
        self._prctl(36, 1, 0, 0, 0)
        self._prctl(15, self._trial_name, 0, 0, 0)
        os.setsid()

    def adopt_orphans(self) -> None:
        """Become the subreaper of every descendant."""
        self._prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def rename(self, name: str) -> None:
        """Set the name that `ps` and `top` show (15 bytes)."""
        text = ctypes.create_string_buffer(name.encode()[:15])
        self._prctl(SET_NAME, ctypes.addressof(text), 0, 0, 0)

    def signal_descriptor(self, signals: Iterable[int]) -> int:
        """Open a descriptor that turns readable when one of these signals, which must be blocked, is pending."""
        mask = bytearray(SIGSET_BYTES)
        for number in signals:
            mask[(number - 1) // 8] |= 1 << ((number - 1) % 8)
        descriptor: int = self._libc.signalfd(-1, ctypes.c_char_p(bytes(mask)), SFD_FLAGS)
        if descriptor < 0:
            raise OSError(ctypes.get_errno(), "signalfd")
        return descriptor

    def leave_namespaces(self) -> bool:
        """Put later children into a PID namespace of their own, and this process into a mount namespace of its own."""
        return bool(self._libc.unshare(NEW_NAMESPACE_PID | NEW_NAMESPACE_MOUNT) == 0)

    def mount_proc(self) -> bool:
        """Mount this PID namespace's own /proc, without which every pid read there would be somebody else's."""
        mount = self._libc.mount
        if mount(None, b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None):
            return False
        flags = ctypes.c_ulong(MS_NOSUID | MS_NODEV | MS_NOEXEC)
        return bool(mount(b"proc", b"/proc", b"proc", flags, None) == 0)


def drain_signals(descriptor: int, number: int) -> bool:
    """Read what is pending on a signal descriptor; say whether a signal was among it."""
    try:
        raw = os.read(descriptor, 32 * SIGINFO_BYTES)
    except BlockingIOError:
        return False
    return any(raw[at] == number for at in range(0, len(raw), SIGINFO_BYTES))  # numbers are below 65: one byte


class Children:
    """The direct children of this process's main thread, as the kernel lists them (it may skip some)."""

    def __init__(self) -> None:
        self._descriptor = os.open(f"/proc/self/task/{os.getpid()}/children", os.O_RDONLY | os.O_CLOEXEC)

    def list(self) -> list[int]:
        """List the pids."""
        raw = os.pread(self._descriptor, 1 << 16, 0)
        return [int(pid) for pid in raw.split()]

    def count(self) -> int:
        """Count them."""
        return os.pread(self._descriptor, 1 << 16, 0).count(b" ")


def kill_strangers(children: Children, known: Collection[int]) -> bool:
    """Send SIGKILL to every child that is not known; say whether there was one.

    Only subreapers may do so: what they adopt belonged to a process of theirs that died.
    """
    if children.count() <= len(known):  # the known ones are all listed: only what is reaped here leaves the list
        return False
    strangers = set(children.list()).difference(known)
    for pid in strangers:
        kill(pid, 9)
    return bool(strangers)


def kill(pid: int, signal_number: int) -> None:
    """Send a signal to a process that may be gone."""
    try:
        os.kill(pid, signal_number)
    except (ProcessLookupError, PermissionError):
        return


def kill_session(pid: int, signal_number: int) -> None:
    """Send a signal to a session leader and its process group."""
    try:
        os.killpg(pid, signal_number)
    except (ProcessLookupError, PermissionError):
        kill(pid, signal_number)


def end_all(children: Children, known: Iterable[int] = ()) -> None:
    """Kill children, and what falls to this process when they die, until only `known` ones are left.

    An empty list proves nothing; ECHILD from waitpid does, where nothing is to be spared.
    """
    spared = set(known)
    while True:
        killed = kill_strangers(children, spared)
        try:
            pid, _ = os.waitpid(-1, 0 if killed else os.WNOHANG)
        except ChildProcessError:
            return
        spared.discard(pid)
        if pid == 0 and spared:
            return
        if pid == 0:
            time.sleep(0.001)  # the list skipped somebody


def descendants(pid: int) -> list[int]:
    """List a process and everything below it, itself first."""
    found, at = [pid], 0
    while at < len(found):
        found += _children_of(found[at])
        at += 1
    return found


def _children_of(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found += [int(child) for child in file.read().split()]
    except OSError:
        return found
    return found
