"""Whole studies as a user runs them, on real servers."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from fairtrial.cli import main as cli

PATIENCE_S = 120.0
GENERATOR = "fairtrial.systems.services.generate"

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a fresh folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def fairtrial(here: Path) -> Typed:
    """Type a command in a process of its own: (exit code, stdout, stderr)."""

    def run(*words: str, **environment: str) -> tuple[int, str, str]:
        argv = [sys.executable, "-m", "fairtrial", *words]
        done = subprocess.run(argv, cwd=here, env=os.environ | environment, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    return run


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class Shop:
    """A fresh folder and temporary folder; all processes that are started here, and theirs, carry a token."""

    folder: Path
    temporary: Path
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def declare(self, target: dict[str, Any], load: dict[str, Any], **words: Any) -> None:
        """Write `study.yaml`: no timing study unless asked for, which would measure a sentinel too."""
        base = {"target": target, "load": {"duration_s": 0.5, "warmup_s": 0.1, **load}, **words.pop("base", {})}
        alone = {"timing": False, "parallel": {"jobs": 1}}
        document = {"study": "faults", "system": "services", "base": base, **alone, **words}
        (self.folder / "study.yaml").write_text(json.dumps(document))

    def start(self, *words: str, folder: Path | None = None, **environment: str) -> subprocess.Popen[str]:
        """Start a command."""
        process = subprocess.Popen(
            [sys.executable, "-m", "fairtrial", *words],
            cwd=folder or self.folder,
            env={**os.environ, "TMPDIR": str(self.temporary), "SHOP_TOKEN": self.token, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def end(self, process: subprocess.Popen[str]) -> Ended:
        """Wait for a command. In no case it prints a traceback of its own."""
        out, err = process.communicate(timeout=PATIENCE_S)
        assert "Traceback" not in err, err
        return Ended(process.returncode, out, err)

    def type(self, *words: str, **more: Any) -> Ended:
        """Type a command and wait for it."""
        return self.end(self.start(*words, **more))

    def read(self, *words: str) -> str:
        """Have a verb that reads the book say something, in this process, which is quicker."""
        said = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(said):
            patch.chdir(self.folder)
            patch.setattr("sys.argv", ["fairtrial", *words])
            assert cli.run_command() == 0
        return said.getvalue()

    def data(self, *words: str) -> Any:
        """Return what a reading verb says with --json."""
        return json.loads(self.read(*words, "--json"))["data"]

    def attempts(self) -> list[dict[str, Any]]:
        """Return all attempts of run 1 in the order of its trials."""
        trials = self.data("show", "1", "--limit", "1000")["trials"]
        return [attempt for trial in trials for attempt in self.data("show", f"1.{trial['number']}")["attempts"]]

    def await_process(self, *marks: str) -> int:
        """Wait until a process of ours runs whose command line has all these words; return its pid."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for pid in self.processes():
                if all(mark in command_line(pid) for mark in marks):
                    return pid
            assert self.started[-1].poll() is None, self.started[-1].communicate()
            time.sleep(0.01)
        raise TimeoutError(f"no process with {marks}")

    def processes(self) -> set[int]:
        """Return the living processes that were started here."""
        if not Path("/proc/self/environ").exists():
            pytest.skip("processes are found by their environment in Linux's /proc")
        return set(_carrying(f"SHOP_TOKEN={self.token}"))

    def postmaster(self, *, after: int = 0) -> int:
        """Wait for a PostgreSQL server of ours that takes connections; return its pid, which is not that of `after`."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            ready = {int(lines[0]) for lines in self._ready()}
            for pid in self.processes() - {after}:
                if ready & set(own_pids(pid)) and "postgres -D" in command_line(pid):
                    return pid
            time.sleep(0.01)
        raise TimeoutError("no PostgreSQL")

    def _ready(self) -> Iterator[list[str]]:
        for file in self.temporary.glob("fairtrial-postgres-*/data/postmaster.pid"):
            lines = file.read_text().split()
            if lines[-1:] == ["ready"]:
                yield lines

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        """Send a signal to a process of ours."""
        assert pid in self.processes()
        os.kill(pid, number)

    def nothing_left(self) -> bool:
        """Say whether neither a process nor a server's folder is left."""
        deadline = time.monotonic() + 10
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.05)
        left = {pid: command_line(pid) for pid in self.processes()}
        folders = [path.name for path in self.temporary.glob("fairtrial-*-*")]
        assert not left
        assert not folders
        return True

    def sound(self) -> bool:
        """Say whether the book is whole."""
        return "the book is whole" in self.read("verify")


def own_pids(pid: int) -> list[int]:
    """Return a process's number as we see it, and as it is seen in the namespaces that it is in."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return []
    return [int(word) for line in lines if line.startswith("NSpid:") for word in line.split()[1:]]


def command_line(pid: int) -> str:
    """Return the words of a process; '' where it is gone."""
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ""


def _carrying(text: str) -> Iterator[int]:
    for folder in Path("/proc").iterdir():
        try:
            dead = folder.name.isdigit() and "State:\tZ" in (folder / "status").read_text()
            if folder.name.isdigit() and not dead and text.encode() in (folder / "environ").read_bytes():
                yield int(folder.name)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop whose temporary folder every user can reach (a server may run as another); emptied in the end."""
    temporary = Path(tempfile.mkdtemp(prefix="shop-", dir="/tmp"))
    temporary.chmod(0o755)
    made = Shop(tmp_path, temporary)
    try:
        yield made
    finally:
        for process in made.started:
            process.kill()
            process.communicate()
        for pid in made.processes():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(temporary, ignore_errors=True)


EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
TOKEN = b'{"choices":[{"index":0,"delta":{"content":"a"}}]}'
USAGE = b'{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":4}}'
SERVICE_S = 0.02
"""Least time of a good answer."""


class Faulty:
    """A web server, and a language model's, that fails every third request below /bad, in each way in its turn.

    Requests for one token are always answered: a level is prepared with them.
    """

    def __init__(self, port: int = 0) -> None:
        self._loop = asyncio.new_event_loop()
        self.served = 0
        """Requests below no bad path."""
        self._count = 0
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(port, ready), daemon=True)
        self._thread.start()
        assert ready.wait(10)

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Stop serving: connections are closed, new ones refused."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join(10)

    def _serve(self, port: int, ready: threading.Event) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._live(port, ready))

    async def _live(self, port: int, ready: threading.Event) -> None:
        self._ended = asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", port)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._ended.wait()
        server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                sizes = [int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-l")]
                body = await reader.readexactly(sizes[0]) if sizes else b""
                await self._answer(head.split()[1].strip("/").split("/"), body, writer)
        writer.close()

    async def _answer(self, path: list[str], body: bytes, writer: asyncio.StreamWriter) -> None:
        if path[-1] == "models":
            return await _plain(writer, 200, b'{"data": [{"id": "tiny"}]}')
        if path[-1] == "metrics":
            return await _plain(writer, 404)
        if path[0] != "bad" or b'"max_tokens": 1,' in body:
            self.served += 1
            return await _fine(writer, body)
        self._count += 1
        turn, fine = divmod(self._count, 3)
        return await (_fine if fine else WAYS[turn % len(WAYS)])(writer, body)


async def _plain(writer: asyncio.StreamWriter, status: int, body: bytes = b"") -> None:
    writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)
    await writer.drain()


async def _event(writer: asyncio.StreamWriter, data: bytes) -> None:
    line = b"data: " + data + b"\n\n"
    writer.write(b"%x\r\n" % len(line) + line + b"\r\n")
    await writer.drain()


async def _fine(writer: asyncio.StreamWriter, body: bytes) -> None:
    await asyncio.sleep(SERVICE_S)
    if not body:
        return await _plain(writer, 200, b"fine")
    writer.write(EVENTS)
    for data in (TOKEN, TOKEN, TOKEN, TOKEN, USAGE, b"[DONE]"):
        await _event(writer, data)
    writer.write(b"0\r\n\r\n")
    return await writer.drain()


async def _reset(writer: asyncio.StreamWriter, body: bytes) -> None:
    writer.write(EVENTS)
    await _event(writer, TOKEN)
    await asyncio.sleep(0.005)  # the chunk is on its way: the stream breaks in the middle
    link = writer.get_extra_info("socket")
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _drip(writer: asyncio.StreamWriter, body: bytes) -> None:
    writer.write(EVENTS)
    while True:
        await _event(writer, TOKEN)
        await asyncio.sleep(0.05)


async def _busy(writer: asyncio.StreamWriter, body: bytes) -> None:
    await _plain(writer, 429, b"slow down")


async def _down(writer: asyncio.StreamWriter, body: bytes) -> None:
    await _plain(writer, 503)


WAYS = (_busy, _down, _reset, _drip)


@pytest.fixture
def faulty() -> Iterator[Callable[..., Faulty]]:
    """Make servers that fail; stop them in the end."""
    made: list[Faulty] = []

    def make(port: int = 0) -> Faulty:
        made.append(Faulty(port))
        return made[-1]

    yield make
    for server in made:
        server.stop()
