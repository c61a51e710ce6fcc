"""Generator processes for real: common start, all records, failures by class, nobody left behind."""

from __future__ import annotations

import asyncio
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
import psutil
import pytest

from fairtrial.errors import Invalid, ServiceFailed, UserError
from fairtrial.systems.services.load import crew
from fairtrial.systems.services.load.pace import ahead
from fairtrial.systems.services.load.parts import merge, read
from fairtrial.systems.services.load.schedule import arrivals
from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.record import Host, Outcome

NULL = {"kind": "null"}


def load(**more) -> Load:
    return Load(**({"duration_s": 0.3, "warmup_s": 0.1, "timeout_s": 5.0} | more))


def generators() -> list[psutil.Process]:
    """Return the generator processes that this test started."""
    found = []
    for child in psutil.Process().children():
        try:
            found += [child] if crew.PROGRAM in child.cmdline() else []
        except psutil.Error:
            continue
    return found


@pytest.fixture(autouse=True)
def nobody_left() -> Iterator[None]:
    """No generator outlives its load."""
    yield
    assert generators() == []


def test_all_users_start_together_and_all_is_kept(tmp_path):
    """Sixteen users in four processes: the files together hold what is returned, ordered, none before the begin."""
    told: list[int] = []
    target = {"kind": "null", "delay_s": 0.005}
    records, host = crew.run(
        target, {}, load(clients=16, processes=4), seed=1, folder=tmp_path, begin=lambda *when: told.extend(when)
    )
    parts = [read(path) for path in sorted(tmp_path.glob("*.npz"))]
    assert len(parts) == 4
    assert len(records) == sum(map(len, parts)) == len(merge([*parts, records]))
    assert np.unique(records.client).tolist() == list(range(16))
    assert (records.worker == records.client % 4).all()
    for client in range(16):
        assert records.seq[records.client == client].tolist() == list(range(np.sum(records.client == client)))
    assert [records.begin_ns, records.end_ns] == told
    assert records.end_ns - records.begin_ns == 400_000_000
    assert records.t_send_ns.min() >= records.begin_ns
    assert records.t_send_ns.max() < records.end_ns
    assert records.ok.all()
    assert host.cpu_share > 0
    assert 0 < host.floor_p50_s < 0.005


def test_processes_share_the_schedule(tmp_path):
    """Three processes send the schedule of the seed, every arrival once, from the common begin."""
    opened = load(mode="open", rate_per_s=500.0, processes=3)
    records, _ = crew.run(NULL, {}, opened, seed=7, folder=tmp_path)
    order = np.argsort(records.seq)
    assert records.seq[order].tolist() == list(range(200))
    assert np.array_equal(records.t_sched_ns[order] - records.begin_ns, arrivals(opened, 7))
    assert (records.t_send_ns >= records.t_sched_ns).all()
    assert (records.worker == records.seq % 3).all()
    assert records.ok.all()


def test_failures_are_told_apart(tmp_path):
    """Requests that fail are misses of their class, merged over processes."""
    target = {"kind": "null", "delay_s": 0.001, "error_rate": 0.5}
    records, _ = crew.run(target, {}, load(clients=2, processes=2), seed=1, folder=tmp_path)
    assert records.errors == ("null_error",)
    assert 0.3 < np.mean(records.outcome == Outcome.ERROR) < 0.7
    assert np.array_equal(records.outcome == Outcome.ERROR, records.error == 0)


class Server:
    """A web server in a thread: it answers 500 to every third request, and dies after so many."""

    def __init__(self, *, life: int) -> None:
        self._life, self._number, self._writers = life, 0, []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        self._ready.wait(10)

    def end(self) -> None:
        with suppress(RuntimeError):  # it may have died already
            self._loop.call_soon_threadsafe(self._dead.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop, self._dead = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._dead.wait()
        server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        try:
            while not self._dead.is_set():
                await reader.readuntil(b"\r\n\r\n")
                self._number += 1
                if self._number > self._life:
                    self._dead.set()
                    return
                status = b"500 Oops" if self._number % 3 == 0 else b"200 OK"
                writer.write(b"HTTP/1.1 %s\r\nContent-Length: 2\r\n\r\nok" % status)
                await asyncio.sleep(0.001)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            return


@pytest.fixture
def web() -> Iterator[Callable[..., Server]]:
    """Start web servers; stop them afterwards."""
    servers: list[Server] = []

    def make(**how) -> Server:
        servers.append(Server(**how))
        return servers[-1]

    yield make
    for server in servers:
        server.end()


@pytest.mark.parametrize("way", ["raw", "library"])
@pytest.mark.parametrize("mode", ["closed", "open"])
def test_real_server_that_dies(tmp_path, web, mode, way):
    """HTTP 500 is a failure; a server that dies amid the load gives resets and refusals, and the load goes on."""
    target = {"kind": "http", "url": f"http://127.0.0.1:{web(life=60).port}"}
    words = load(mode=mode, clients=2, rate_per_s=300.0, connections=2, path=way, timeout_s=1.0)
    records, _ = crew.run(target, {}, words, seed=1, folder=tmp_path)
    counts = {name: int(np.sum(records.error == at)) for at, name in enumerate(records.errors)}
    assert set(counts) == {"http_500", "reset", "refused"}
    assert counts["http_500"] == 20
    assert np.sum(records.ok) == 40
    assert counts["refused"] >= 1
    assert np.isnan(records.response_s[~records.ok]).all()
    assert (records.t_first_ns[records.ok] >= records.t_send_ns[records.ok]).all()


def test_unreachable(tmp_path):
    """Where the first connection fails nothing is measured: the service failed."""
    target = {"kind": "http", "url": "http://127.0.0.1:1"}
    with pytest.raises(ServiceFailed, match="connection 1 of 2 failed: refused"):
        crew.run(target, {}, load(clients=2), seed=1, folder=tmp_path)


def test_malformed_trace(tmp_path):
    """A trace that cannot be read is the user's mistake, with its line."""
    (tmp_path / "trace").write_text("0.1\nsoon\n")
    with pytest.raises(UserError, match="trace:2: 'soon'"):
        crew.run(NULL, {}, load(mode="open", arrivals="trace", trace=str(tmp_path / "trace")), seed=1, folder=tmp_path)


def test_bug_is_a_bug(tmp_path):
    """What a generator must not raise is a bug of ours, with the last line of its log."""
    with pytest.raises(RuntimeError, match=r"generator process 0 ended with code 1: .*pydantic"):
        crew.run(NULL | {"surprise": 1}, {}, load(), seed=1, folder=tmp_path)


def test_killed_generator(tmp_path):
    """A generator that is killed makes the measurement invalid, and ends the others."""

    def kill(begin_ns: int, end_ns: int) -> None:
        generators()[0].kill()

    with pytest.raises(Invalid, match=r"generator process [01] died by SIGKILL"):
        crew.run(NULL, {}, load(clients=2, processes=2, duration_s=30), seed=1, folder=tmp_path, begin=kill)


def test_stopped_generator(tmp_path, monkeypatch):
    """A generator that never ends makes the measurement invalid."""
    monkeypatch.setattr(crew, "WRITE_S", 0.3)

    def stop(begin_ns: int, end_ns: int) -> None:
        generators()[0].send_signal(signal.SIGSTOP)

    with pytest.raises(Invalid, match="did not end in time"):
        crew.run(NULL, {}, load(timeout_s=0.1), seed=1, folder=tmp_path, begin=stop)


OPEN = {"mode": "open", "rate_per_s": 100.0}


@pytest.mark.parametrize(
    ("words", "goes"),
    [({}, False), (OPEN, True), (OPEN | {"priority": "ordinary"}, False)],
    ids=["closed", "open", "ordinary"],
)
def test_open_loops_go_first_where_they_may(tmp_path, words, goes):
    """Only an open loop runs ahead of others, where that is allowed and not forbidden; what it saw says so."""
    with ahead() as first:
        pass
    _, host = crew.run(NULL, {}, load(**words), seed=1, folder=tmp_path)
    assert host.ordinary is not (first and goes)


def test_starved_generator_shows(tmp_path):
    """A generator that gets no CPU for a while cannot hide it: lateness and lag of its loop are in what it returns."""
    stopped: list[threading.Timer] = []

    def starve(begin_ns: int, end_ns: int) -> None:
        one = generators()[0]
        for after_s, number in ((0.5, signal.SIGSTOP), (0.8, signal.SIGCONT)):
            stopped.append(threading.Timer(after_s, one.send_signal, (number,)))
            stopped[-1].start()

    words = load(mode="open", arrivals="constant", rate_per_s=200.0, duration_s=1.0)
    records, host = crew.run(NULL, {}, words, seed=1, folder=tmp_path, begin=starve)
    for timer in stopped:
        timer.join()
    assert len(records) == 220
    assert np.percentile(records.lateness_s, 99) > 0.1
    assert host.loop_lag_p99_s > 0.1


def test_full_disk(tmp_path):
    """Where the records cannot be written, OSError goes through, and no half file is left."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            crew.run(NULL, {}, load(), seed=1, folder=tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".log"]


ORPHAN = """
import sys
from pathlib import Path
from fairtrial.systems.services.load.crew import run
from fairtrial.systems.services.load.words import Load
run({"kind": "null"}, {}, Load(clients=1, duration_s=60), seed=1, folder=Path(sys.argv[1]),
    begin=lambda *when: print("begun", flush=True))
"""


def test_generators_die_with_the_trial(tmp_path):
    """When the trial's process is killed, its generators end too."""
    trial = subprocess.Popen([sys.executable, "-c", ORPHAN, str(tmp_path)], stdout=subprocess.PIPE)
    assert trial.stdout.readline() == b"begun\n"
    left = psutil.Process(trial.pid).children()
    trial.kill()
    trial.wait()
    trial.stdout.close()
    assert len(left) == 1
    _, alive = psutil.wait_procs(left, timeout=20)
    assert alive == []


def test_worst_of_all_hosts():
    """Of several generators the worst figure counts; cautions are joined."""
    one, other = Host(0.1, 0.02, 0.0, 1e-6, ("a",)), Host(0.3, 0.01, 0.05, 2e-6, ("a", "b"))
    assert crew.worst([one, other]) == Host(0.3, 0.02, 0.05, 2e-6, ("a", "b"))
