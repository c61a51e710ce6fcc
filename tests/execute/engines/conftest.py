"""Engines on a system that misbehaves on request, and the question who is left alive."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace

import pytest

from fairtrial.contract.engine import Ended, EngineSettings, Stepped
from fairtrial.contract.system import Target
from fairtrial.execute.inline import Inline
from fairtrial.execute.local import Local
from fairtrial.execute.machine import orphans
from fairtrial.execute.portable import PortableSession
from fairtrial.model.trial import Member, Task

SUBJECT = """
import ctypes, os, signal, sys, time

class Subject:
    def __init__(self, config):
        self.config = config

    def run(self, parameters, context):
        return getattr(self, parameters["do"])(parameters, context)

    def nothing(self, parameters, context):
        return {"m": 1.0, "seed": context.seed % 1000}

    def echo(self, parameters, context):
        return parameters["metrics"]

    def undefined(self, parameters, context):
        return {"nan": float("nan"), "inf": float("inf"), "none": None, "yes": True, "big": 10**400}

    def words(self, parameters, context):
        return {"m": "fast"}

    def shapeless(self, parameters, context):
        return 3.0

    def fail(self, parameters, context):
        raise ValueError("first line\\nsecond line")

    def bad(self, parameters, context):
        from fairtrial.errors import BadResult
        raise BadResult("not what was declared")

    def memory_error(self, parameters, context):
        raise MemoryError("no more")

    def system_exit(self, parameters, context):
        sys.exit(parameters.get("code"))

    def pid(self, parameters, context):
        return {"pid": os.getpid(), "sid": os.getsid(0), "parent": os.getppid()}

    def leave(self, parameters, context):
        os._exit(parameters["code"])

    def signalled(self, parameters, context):
        os.kill(os.getpid(), parameters["signal"])
        time.sleep(60)

    def segfault(self, parameters, context):
        ctypes.string_at(0)

    def hang(self, parameters, context):
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
        libc = ctypes.PyDLL(None)  # holds the interpreter lock
        while True:
            libc.sleep(1000)

    def sleep(self, parameters, context):
        print("asleep")
        print("half a line", end="")
        time.sleep(parameters["seconds"])
        return {"m": 1.0}

    def talk(self, parameters, context):
        line = b"x" * 1023 + b"\\n"
        for _ in range(parameters["kilobytes"]):
            os.write(1, line)
        print("to stderr", file=sys.stderr)
        return {"m": 1.0}

    def daemons(self, parameters, context):
        ready, started = os.pipe()
        if os.fork() == 0:                     # a daemon in a session of its own
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            if os.fork():                      # ... and one more step away
                os._exit(0)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.write(started, b"a")
            time.sleep(1000)
        if os.fork() == 0:                     # a child in our own session
            os.write(started, b"b")
            time.sleep(1000)
        os.system("sleep 1000 &")
        for _ in range(2):
            os.read(ready, 1)
        return {"m": 1.0}

    def eat(self, parameters, context):
        held, step = [], 4 << 20
        for _ in range(parameters["megabytes"] // 4):
            held.append(b"\\1" * step)
            time.sleep(parameters.get("pause", 0))
        return {"m": float(len(held))}

    def eat_in_child(self, parameters, context):
        if os.fork() == 0:
            held = b"\\1" * (parameters["megabytes"] << 20)
            time.sleep(60)
        os.wait()
        raise RuntimeError("the child is gone")

    def log(self, parameters, context):
        for step in range(parameters["steps"]):
            context.log(step, loss=1.0 / (step + 1), odd=float("nan"))
            time.sleep(parameters.get("pause", 0))
        return {"steps": float(parameters["steps"])}

    def files(self, parameters, context):
        path = context.scratch / "model.bin"
        path.write_bytes(b"weights")
        context.file(path)
        context.table("points", {"x": [1, 2], "y": [0.5, 0.25]})
        (context.scratch / "dropped").write_text("gone")
        return {"m": 1.0}

    def draws(self, parameters, context):
        import random
        found = {"random": random.random(), "stream": context.rng("a").random(), "other": context.rng("b").random()}
        import numpy as np
        return found | {"numpy": np.random.random()}

    def lazy(self, parameters, context):
        was = "colorsys" in sys.modules
        import colorsys
        return {"already": was}

    def handle(self, parameters, context):
        import json
        return {name: context.resource()[name] for name in ("port", "pid", "server")}

    def inputs(self, parameters, context):
        return {"bytes": len(context.inputs["labels"].read_bytes())}

    def deadline(self, parameters, context):
        return {"left": context.deadline - time.monotonic()}

    def gpus(self, parameters, context):
        return {"devices": len(os.environ.get("CUDA_VISIBLE_DEVICES", "").split(","))}

    def noisy_hang(self, parameters, context):
        os.write(1, b"x" * 70_000)
        time.sleep(1000)

    def run_many(self, parameters, contexts):
        if any(one["do"] == "fail" for one in parameters):
            raise ValueError("one of us failed")
        return [self.run(one, context) | {"of": len(parameters)} for one, context in zip(parameters, contexts)]

    def setup(self, parameters, scratch):
        import json, subprocess
        if parameters.get("setup") == "fail":
            raise RuntimeError("no such server")
        if parameters.get("setup"):
            from fairtrial import errors
            raise getattr(errors, parameters["setup"])("no such server", hint="start one")
        server = subprocess.Popen(["sleep", "1000"])
        self.note("up", parameters.get("server", ""), server.pid)
        self.server = server
        return {"port": 5432, "pid": os.getpid(), "server": server.pid}

    def ailing(self, handle):
        return "" if self.server.poll() is None else "the server is gone"

    def unplug(self, parameters, context):
        os.kill(context.resource()["server"], 9)
        if parameters.get("linger"):
            time.sleep(1000)
        raise ConnectionResetError("reset by peer")

    def unserved(self, parameters, context):
        from fairtrial.errors import ServiceFailed
        raise ServiceFailed("it never answered")

    def teardown(self, handle):
        self.server.kill()
        self.server.wait()
        self.note("down", handle["port"])

    def note(self, *words):
        with open(self.config["diary"], "a") as diary:
            print(*words, file=diary)
"""

COMMAND = """
import json
from types import SimpleNamespace

class Command:
    def __init__(self, config):
        self.config = config

    def prepare(self, parameters, context):
        argv = list(parameters["argv"])
        if parameters.get("fail"):
            raise ValueError("cannot prepare")
        return SimpleNamespace(argv=argv, env={"EXTRA": "set"}, folder=self.config.get("cwd", ""))

    def collect(self, *, stdout_tail, scratch):
        out = scratch / "metrics.json"
        if out.exists():
            return json.loads(out.read_text())
        return json.loads(stdout_tail.decode().strip().rpartition("\\n")[2])
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    """A study's folder with the subject in it."""
    home = tmp_path / "study"
    home.mkdir()
    (home / "subject.py").write_text(SUBJECT)
    (home / "command.py").write_text(COMMAND)
    return home


@pytest.fixture
def subject(folder, tmp_path) -> Target:
    """The target of the system that misbehaves on request."""
    return Target("subject:Subject", {"diary": str(tmp_path / "diary")}, str(folder), warm=("subject",))


@pytest.fixture
def command(folder) -> Target:
    """The target of programs: their words are a parameter."""
    return Target("command:Command", {}, str(folder), warm=("command",), executes=True)


@pytest.fixture
def open_session(tmp_path, monkeypatch) -> Iterable[Callable]:
    """Open sessions that are closed at the end, after which nothing that carries their mark may live."""
    sessions, mark = [], orphans.mark(f"test-{os.urandom(4).hex()}")

    def make(engine, target, **settings):
        settings = {"jobs": 2, **settings}
        scratch = tmp_path / f"scratch-{len(sessions)}"
        session = engine.open(
            SimpleNamespace(name="subject"), target, EngineSettings(scratch=scratch, mark=mark, **settings)
        )
        sessions.append(session)
        session.mark, session.scratch = mark, scratch
        return session

    monkeypatch.setattr("sys.dont_write_bytecode", True)
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    monkeypatch.delitem(sys.modules, "subject", raising=False)
    yield make
    for session in sessions:
        session.close(kill=True)
    assert marked(mark) == []


class Portable:
    """The engine of other platforms, which runs here too."""

    def open(self, system, target, settings):
        return PortableSession(target, settings)


@pytest.fixture(params=["inline", "namespace", "plain", "portable"])
def engine(request):
    """Every way in which trials run one at a time."""
    return make_engine(request.param)


@pytest.fixture(params=["inline", "namespace", "plain"])
def powerful(request):
    """Those that let strategies answer steps and trials share resources."""
    return make_engine(request.param)


@pytest.fixture(params=["namespace", "plain"])
def isolating(request):
    """Both process trees."""
    return make_engine(request.param)


def make_engine(kind):
    if kind == "inline":
        return Inline()
    if kind == "portable":
        return Portable()
    if kind == "namespace" and os.geteuid() != 0:
        pytest.skip("a PID namespace needs root")
    return Local(namespace=kind == "namespace")


@pytest.fixture
def drive():
    """Run tasks on a session: the reports, until every task has ended."""
    return drive_tasks


def drive_tasks(session, tasks, *, limit_s=60.0, on_report=lambda report: None):
    waiting, reports, ended, limit = list(tasks), [], 0, time.monotonic() + limit_s
    total = len(waiting)
    while ended < total:
        assert time.monotonic() < limit, f"{total - ended} tasks never ended"
        while waiting and session.room():
            session.submit(waiting.pop(0))
        for report in session.poll(0.5):
            reports.append(report)
            ended += isinstance(report, Ended)
            on_report(report)
    return reports


@pytest.fixture
def task():
    """Make a task of one member."""

    def make(number, do, *, seed=7, wall_s=None, **parameters):
        known = {name: parameters.pop(name) for name in list(parameters) if name in Task.__dataclass_fields__}
        return Task(number, (Member(number, {"do": do, **parameters}, seed),), wall_s=wall_s, **known)

    return make


@pytest.fixture
def shell():
    """Make a task that runs a shell script."""

    def make(number, script, **known):
        return Task(number, (Member(number, {"argv": ["/bin/bash", "-c", script]}, 7),), **known)

    return make


@pytest.fixture
def outcome(drive):
    """Run one task: its outcome."""

    def run(session, one):
        return next(report for report in drive(session, [one]) if isinstance(report, Ended)).outcomes[0]

    return run


@pytest.fixture
def alive():
    """Ask for the processes that carry a mark."""
    return marked


def marked(mark):
    return [pid for pid, carried in orphans._marked() if carried == mark]


@pytest.fixture
def named():
    """Ask for the processes of a name that carry a mark."""

    def find(mark, name):
        return [pid for pid in marked(mark) if Path(f"/proc/{pid}/comm").read_text().strip() == name]

    return find


@pytest.fixture
def steps():
    """Pick the steps out of reports."""
    return lambda reports: [(one.attempt, one.step, dict(one.metrics)) for one in reports if isinstance(one, Stepped)]
