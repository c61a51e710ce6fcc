"""Server processes: started in a session of their own, awaited, watched and ended without ever hitting a stranger."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fairtrial.errors import ServiceFailed

SET_PDEATHSIG = 1
PAUSE_S = (0.01, 0.1)
"""Least and most seconds between two looks at a process that is coming up or going down."""
KILL_S = 5.0
"""Seconds in which the kernel ends what got SIGKILL."""


def spawn(
    argv: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
    user: int | None = None,
    group: int | None = None,
    dying: int = signal.SIGKILL,
    keep: Sequence[int] = (),
) -> int:
    """Start a program in a session of its own, its output appended to `log`; return its pid.

    `env` is its whole environment (None: ours), `user` and `group` are numeric, `keep` are descriptors that it
    inherits. On Linux it gets the signal `dying` when the thread that called this ends, so call it from a thread
    that lasts. Raises ServiceFailed where it cannot be executed.
    """
    with log.open("ab") as output:
        try:
            child = subprocess.Popen(
                [str(word) for word in argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if env is None else dict(env),
                cwd=folder,
                user=user,
                group=group,
                extra_groups=None if user is None else [],
                start_new_session=True,
                pass_fds=keep,
                preexec_fn=_mortal(dying),
            )
        except (OSError, subprocess.SubprocessError) as problem:
            raise ServiceFailed(f"cannot start {argv[0]}: {problem}") from problem
    child.returncode = 0  # it is reaped by pid from here on: the object must neither wait for it nor warn
    return child.pid


def _mortal(dying: int) -> Callable[[], None] | None:
    """Make what a forked child calls before it executes: it dies with the thread that forked it."""
    if sys.platform != "linux":
        return None
    import ctypes

    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def mortal() -> None:
        prctl(SET_PDEATHSIG, int(dying), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return mortal


def await_ready(probe: Callable[[], bool], *, pid: int, log: Path, what: str, timeout_s: float) -> None:
    """Call `probe` until it is true. Raises ServiceFailed with the log's end when the process ends or time runs out.

    It ends nothing: the caller stops what it started.
    """
    deadline, pause_s = time.monotonic() + timeout_s, PAUSE_S[0]
    while not probe():
        how = ended(pid)
        if how:
            raise ServiceFailed(f"{what} {how} before it answered: {tail(log)}")
        if time.monotonic() > deadline:
            raise ServiceFailed(f"{what} did not answer within {timeout_s:g} s: {tail(log)}")
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, PAUSE_S[1])


def started(pid: int) -> float | None:
    """Return when a process began, which tells it from a later one with its number; None where it has ended.

    Seconds since boot on Linux (no change of the clock moves them), since the epoch elsewhere.
    """
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZXx" else int(fields[19]) / os.sysconf("SC_CLK_TCK")
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return None


def ended(pid: int) -> str:
    """Say how a process ended ('ended with code 1', 'was killed by SIGKILL', 'ended'); '' while it runs."""
    try:
        result = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # not a child of ours, or reaped
        return "" if started(pid) is not None else "ended"
    if result is None:
        return ""
    if result.si_code == os.CLD_EXITED:
        return f"ended with code {result.si_status}"
    return f"was killed by {signal.Signals(result.si_status).name}"


def running(*pids: int) -> dict[str, Any]:
    """Return the part of a handle that says which processes serve: `pids`, and when each was `started`."""
    return {"pids": list(pids), "started": [started(pid) for pid in pids]}


def ailing(handle: Mapping[str, Any]) -> str:
    """Say which process of a handle (`pids`, `started`, maybe `log`) is gone, and how; '' while all run."""
    for pid, since in zip(handle["pids"], handle["started"], strict=True):
        if since is None or started(pid) != since:
            log = handle.get("log")
            said = tail(Path(log), lines=2) if log else ""
            return f"process {pid} {ended(pid) or 'ended'}" + (f": {said}" if said else "")
    return ""


def stop(pid: int, *, started: float | None, grace_s: float = 5.0, how: int = signal.SIGTERM) -> None:
    """End a process and what it started: signal `how` to it, SIGKILL to all after `grace_s`; wait until they are gone.

    Nothing is signalled where another process has its number by now (`started` says when ours began). A child of
    ours is reaped.
    """
    family: dict[int, float] = {}
    if started is not None and _began(pid) == started:
        family = _family(pid)
        _signal([pid], how)
        if not _gone({pid: started}, grace_s):
            family |= _family(pid)
    if started is not None and _began(pid) in (None, started):
        _end_group(pid)
    _signal([member for member, since in family.items() if _began(member) == since], signal.SIGKILL)
    _gone(family, KILL_S)
    _reap(pid)


def _began(pid: int) -> float | None:
    return started(pid)


def _family(pid: int) -> dict[int, float]:
    """Find a process and its descendants, whatever session they lead: pid -> when it began."""
    import psutil

    try:
        members = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    except psutil.Error:
        members = [pid]
    return {member: since for member in members if (since := started(member)) is not None}


def _signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _end_group(pid: int) -> None:
    """SIGKILL the group that a spawned process leads; before it is reaped, so that its number is not another's."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _gone(family: Mapping[int, float], timeout_s: float) -> bool:
    """Wait until none of these processes runs; say whether that came true in time."""
    deadline, pause_s = time.monotonic() + timeout_s, PAUSE_S[0]
    while any(started(pid) == since for pid, since in family.items()):
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, PAUSE_S[1])
    return True


def _reap(pid: int) -> None:
    """Take a child's exit: while other threads of it still end there is nothing to take yet."""
    deadline = time.monotonic() + KILL_S
    try:
        while os.waitpid(pid, os.WNOHANG) == (0, 0) and time.monotonic() < deadline:
            time.sleep(PAUSE_S[0])
    except ChildProcessError:
        return


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port that nothing listens on at the moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def taken(port: int, host: str = "127.0.0.1") -> bool:
    """Say whether a TCP port cannot be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def tail(log: Path, lines: int = 4, characters: int = 600) -> str:
    """Return the last lines that hold something, on one line; 'it said nothing' for an empty or absent log."""
    try:
        text = log.read_bytes()[-65536:].decode(errors="replace")
    except OSError:
        text = ""
    said = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(said[-lines:])[-characters:] or "it said nothing"
