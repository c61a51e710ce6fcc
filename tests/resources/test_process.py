"""Server processes are started, awaited, watched and ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fairtrial.errors import ServiceFailed
from fairtrial.resources import process

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
PARENT = (
    "import subprocess, sys, time; "
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session={own}); "
    "print(child.pid, flush=True); time.sleep(600)"
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def start(log: Path) -> Iterator[Callable[[str], int]]:
    """Start Python code as a server, and end what was started."""
    begun: list[tuple[int, float | None]] = []

    def begin(code: str) -> int:
        pid = process.spawn([sys.executable, "-c", code], log=log)
        begun.append((pid, process.started(pid)))
        return pid

    yield begin
    for pid, since in begun:
        process.stop(pid, started=since, how=signal.SIGKILL)


def said(log: Path) -> str:
    """Wait until a server wrote a whole line, and return it."""
    while not log.read_text().endswith("\n"):
        time.sleep(0.01)
    return log.read_text().strip()


def test_a_process_leads_its_own_session_and_writes_to_its_log(start: Callable[[str], int], log: Path) -> None:
    """Output goes to the log, and signals to our group do not reach it."""
    pid = start(SLEEPER)
    assert said(log) == "up"
    assert os.getsid(pid) == pid


def test_stop_ends_politely_and_reaps(start: Callable[[str], int], log: Path) -> None:
    """After SIGTERM the process is gone, and no zombie is left."""
    pid = start(SLEEPER)
    said(log)
    process.stop(pid, started=process.started(pid))
    assert process.started(pid) is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_stop_kills_what_does_not_listen(start: Callable[[str], int], log: Path) -> None:
    """SIGKILL follows the grace."""
    pid = start(STUBBORN)
    said(log)
    process.stop(pid, started=process.started(pid), grace_s=0.05)
    assert process.started(pid) is None


@pytest.mark.parametrize("own", [False, True])
def test_stop_ends_children_too(start: Callable[[str], int], log: Path, own: bool) -> None:
    """Children end with their parent, even those that lead a session of their own."""
    pid = start(PARENT.format(own=own))
    child = int(said(log))
    process.stop(pid, started=process.started(pid))
    assert process.started(child) is None


def test_stop_again_is_no_error(start: Callable[[str], int]) -> None:
    """What is gone already is left at that."""
    pid = start(SLEEPER)
    since = process.started(pid)
    process.stop(pid, started=since)
    process.stop(pid, started=since)
    process.stop(pid, started=None)


def test_a_reused_number_is_never_signalled(start: Callable[[str], int]) -> None:
    """A process that began at another time is a stranger."""
    pid = start(SLEEPER)
    process.stop(pid, started=(process.started(pid) or 0.0) - 1.0)
    assert process.ended(pid) == ""


def test_children_of_a_dead_leader_are_ended(start: Callable[[str], int], log: Path) -> None:
    """A server that crashed leaves workers of its group, which stop ends."""
    pid = start(PARENT.format(own=False))
    child, since = int(said(log)), process.started(pid)
    os.kill(pid, signal.SIGKILL)
    while not process.ended(pid):
        time.sleep(0.01)
    process.stop(pid, started=since)
    while process.started(child) is not None:
        time.sleep(0.01)


def test_await_ready_returns_when_the_probe_is_true(start: Callable[[str], int], log: Path) -> None:
    """The probe decides."""
    pid = start(SLEEPER)
    process.await_ready(lambda: "up" in log.read_text(), pid=pid, log=log, what="the sleeper", timeout_s=30)


def test_await_ready_says_at_once_that_the_process_ended(start: Callable[[str], int], log: Path) -> None:
    """The exit code and the log's end are in the one line."""
    pid = start("import sys; print('no such setting'); sys.exit(3)")
    with pytest.raises(ServiceFailed, match="the server ended with code 3 before it answered: no such setting"):
        process.await_ready(lambda: False, pid=pid, log=log, what="the server", timeout_s=600)


def test_await_ready_names_the_time_out(start: Callable[[str], int], log: Path) -> None:
    """A server that never answers fails, and is left to the caller."""
    pid = start(SLEEPER)
    with pytest.raises(ServiceFailed, match=r"the server did not answer within 0\.05 s"):
        process.await_ready(lambda: False, pid=pid, log=log, what="the server", timeout_s=0.05)
    assert process.ended(pid) == ""


def test_ailing_names_the_signal_and_the_log(start: Callable[[str], int], log: Path) -> None:
    """A killed process is noticed before anybody reaps it, and after."""
    pid = start(SLEEPER)
    said(log)
    handle = process.running(pid) | {"log": str(log)}
    assert process.ailing(handle) == ""
    os.kill(pid, signal.SIGKILL)
    while not process.ailing(handle):
        time.sleep(0.01)
    assert process.ailing(handle) == f"process {pid} was killed by SIGKILL: up"
    os.waitpid(pid, 0)
    assert process.ailing(handle) == f"process {pid} ended: up"


def test_a_program_that_does_not_exist_fails_in_one_line(log: Path) -> None:
    """The program is named."""
    with pytest.raises(ServiceFailed, match=r"cannot start /no/such/server: .*No such file"):
        process.spawn(["/no/such/server"], log=log)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_server_dies_with_who_started_it(tmp_path: Path) -> None:
    """A kill -9 of the starter takes the server along."""
    code = (
        "import sys, time; from pathlib import Path; from fairtrial.resources import process; "
        f"pid = process.spawn([sys.executable, '-c', {SLEEPER!r}], log=Path({str(tmp_path / 'log')!r})); "
        "print(pid, process.started(pid), flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        pid, since = starter.stdout.readline().split()
        starter.kill()
    while process.started(int(pid)) == float(since):
        time.sleep(0.01)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a process to another user")
def test_root_gives_a_process_to_another_user(tmp_path: Path, log: Path) -> None:
    """User, group and supplementary groups are the other's."""
    argv = ["/bin/sh", "-c", "id -u; id -g; id -G"]
    pid = process.spawn(argv, log=log, user=65534, group=65534, folder=Path("/"))
    os.waitpid(pid, 0)
    assert log.read_text().split() == ["65534"] * 3


def test_ports_are_free_until_somebody_listens() -> None:
    """A port that is listened on is taken."""
    port = process.free_port()
    assert not process.taken(port)
    with socket.create_server(("127.0.0.1", port)):
        assert process.taken(port)


def test_tail_keeps_the_last_lines(log: Path) -> None:
    """Blank lines do not count; an absent log said nothing."""
    assert process.tail(log) == "it said nothing"
    log.write_text("one\n\ntwo\n  three\n\n")
    assert process.tail(log, lines=2) == "two | three"
