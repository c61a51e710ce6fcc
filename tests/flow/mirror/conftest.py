"""An MLflow server and databases to mirror to, and a proxy that is as bad as wanted."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import socketserver
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fairtrial.flow import follow
from fairtrial.track.mirror.client import QUIET

START_S = 120
MODULE = """
import time
from pathlib import Path

import polars as pl

def measure(context, x: float, y: int = 1, *, seed: int) -> dict[str, float]:
    while Path("hold").exists() and not Path("go").exists():
        time.sleep(0.02)
    for step in range(3):
        context.log(step, loss=x / (step + 1))
    if x < 0 and not Path("mended").exists():
        raise ValueError("x is negative")
    context.table("rows", pl.DataFrame({"a": [x, x]}))
    Path(context.scratch / "note.txt").write_text(f"x is {x}")
    context.file(context.scratch / "note.txt")
    return {"score": 10 * x + y, "none": float("nan")}
"""
STUDY: dict[str, Any] = {
    "study": "small",
    "question": "Which x is best?",
    "system": {"python": "model:measure"},
    "factors": {"x": [1.0, 2.0]},
    "metrics": {"score": "maximize", "none": "none"},
    "parallel": {"jobs": 2},
}


@pytest.fixture(autouse=True)
def _model(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "model.py").write_text(MODULE)
    monkeypatch.setattr(follow, "SILENT_S", 60.0)  # however busy this machine is
    monkeypatch.setattr(follow, "GRACE_S", 120.0)


@pytest.fixture
def study(here: Path) -> Callable[..., Path]:
    """Write `study.yaml` with a mirror (of `tracking`'s words), keys changed or (None) left out."""

    def write(*, tracking: dict[str, Any], **changes: Any) -> Path:
        document = {**STUDY, "tracking": {"mlflow": tracking}, **changes}
        path = here / "study.yaml"
        path.write_text(json.dumps({key: value for key, value in document.items() if value is not None}))
        return path

    return write


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without runs: making one takes seconds, copying it none."""
    path = tmp_path_factory.mktemp("mlflow") / "empty.db"
    code = f"from fairtrial.track.mirror.database import make; make('sqlite:///{path}')"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **QUIET}, cwd=path.parent, check=True)
    return path


@dataclass(frozen=True)
class Shown:
    """A run as MLflow shows it."""

    id: str
    name: str
    status: str
    start_ms: int
    end_ms: int
    artifacts: str
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]

    @property
    def key(self) -> str:
        """RUN or RUN.NUMBER."""
        return self.tags["fairtrial.key"].partition(":")[2]


@dataclass(frozen=True)
class Database:
    """An MLflow database, read as its tables stand."""

    path: Path

    @property
    def uri(self) -> str:
        """Its address."""
        return f"sqlite:///{self.path}"

    def runs(self, *, deleted: bool = False) -> list[Shown]:
        """Return the runs that are there."""
        where = "deleted" if deleted else "active"
        with contextlib.closing(sqlite3.connect(self.path)) as raw:
            rows = raw.execute(
                "SELECT run_uuid, name, status, start_time, end_time, artifact_uri FROM runs WHERE lifecycle_stage = ?",
                (where,),
            ).fetchall()
            tables = ("params", "latest_metrics", "tags")
            return [
                Shown(
                    *row,
                    *(
                        dict(raw.execute(f"SELECT key, value FROM {table} WHERE run_uuid = ?", (row[0],)).fetchall())
                        for table in tables
                    ),
                )
                for row in rows
            ]

    def series(self, run: str, metric: str) -> list[tuple[int, float]]:
        """Return all values of a metric by step and time."""
        with contextlib.closing(sqlite3.connect(self.path)) as raw:
            asked = "SELECT step, value FROM metrics WHERE run_uuid = ? AND key = ? ORDER BY step, timestamp"
            return raw.execute(asked, (run, metric)).fetchall()

    def keys(self) -> list[str]:
        """List what is there, each as often as it is there; a parent by its run, a trial by RUN.NUMBER."""
        return sorted(run.key for run in self.runs())


@pytest.fixture
def database(here: Path, empty: Path) -> Database:
    """A database of the test's own."""
    path = here / "mlflow.db"
    shutil.copy(empty, path)
    return Database(path)


@dataclass(frozen=True)
class Server:
    """MLflow's own server, asked by its REST interface."""

    port: int
    database: Database

    @property
    def uri(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, **said: Any) -> Any:
        """Ask it; what is said goes as JSON, else it is a GET."""
        data = json.dumps(said).encode() if said else None
        request = urllib.request.Request(f"{self.uri}/api/2.0/{path}", data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def runs(self, experiment: str) -> list[dict[str, Any]]:
        """Return the runs of an experiment."""
        found = self.ask(f"mlflow/experiments/get-by-name?experiment_name={experiment}")["experiment"]
        return self.ask("mlflow/runs/search", experiment_ids=[found["experiment_id"]]).get("runs", [])

    def keys(self, experiment: str) -> list[str]:
        """List what is there of an experiment, as `Database.keys` does."""
        tags = [{tag["key"]: tag["value"] for tag in run["data"]["tags"]} for run in self.runs(experiment)]
        return sorted(tag["fairtrial.key"].partition(":")[2] for tag in tags)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, empty: Path) -> Iterator[Server]:
    """A real server, started once: it takes ten seconds and more."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty, folder / "mlflow.db")
    port = free_port()
    words = ["--backend-store-uri", "sqlite:///mlflow.db", "--artifacts-destination", "artifacts"]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, *words], cwd=folder, env={**os.environ, **QUIET}, stdout=log, stderr=log, start_new_session=True
        )
    try:
        made = Server(port, Database(folder / "mlflow.db"))
        wait_until(lambda: healthy(made.uri), START_S, lambda: (folder / "log").read_text()[-2000:])
        yield made
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def healthy(uri: str) -> bool:
    """Say whether a server answers."""
    try:
        with urllib.request.urlopen(f"{uri}/health", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def wait_until(holds: Callable[[], object], within_s: float, why: Callable[[], str] = lambda: "") -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, why()
        time.sleep(0.05)


@pytest.fixture
def wait_for() -> Callable[..., None]:
    """Wait until something holds."""
    return lambda holds: wait_until(holds, START_S)


@dataclass
class Proxy:
    """Stands before a server: hands requests on, hangs, or answers 500. Counts what is asked."""

    port: int
    target: int = 0
    mode: str = "hang"
    asked: int = 0
    before: Callable[[int], None] = lambda number: None
    """Is told the number of each request before it is handed on."""
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def uri(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        proxy: Proxy = self.server.proxy  # type: ignore[attr-defined]
        head = self.rfile.readline()
        if not head:
            return
        lines = [head]
        while (line := self.rfile.readline()) not in (b"\r\n", b""):
            lines.append(line)
        length = next((int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length")), 0)
        body = self.rfile.read(length)
        proxy.asked += 1
        proxy.before(proxy.asked)
        if proxy.mode == "hang":
            proxy.stop.wait()
        elif proxy.mode == "500":
            self.wfile.write(b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
        else:
            self.wfile.write(_asked(proxy.target, lines, body))


def _asked(port: int, lines: list[bytes], body: bytes) -> bytes:
    kept = [line for line in lines if not line.lower().startswith((b"connection", b"host"))]
    with socket.create_connection(("127.0.0.1", port), timeout=60) as other:
        other.sendall(b"".join([*kept, f"Host: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode(), body]))
        return b"".join(iter(lambda: other.recv(1 << 16), b""))


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    proxy: Proxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no error."""


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A proxy that listens."""
    with _Listener(("127.0.0.1", 0), _Handler) as listener:
        made = listener.proxy = Proxy(listener.server_address[1])
        thread = threading.Thread(target=listener.serve_forever, args=(0.05,))
        thread.start()
        yield made
        made.stop.set()
        listener.shutdown()
        thread.join()


@pytest.fixture
def closed() -> str:
    """The address of a server that is down."""
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def without_mlflow(here: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Hide MLflow from the mirror's process, as where the extra is not installed; call it to have it back."""
    (here / "hidden/mlflow").mkdir(parents=True)
    missing = "raise ModuleNotFoundError(\"No module named 'mlflow'\", name='mlflow')\n"
    (here / "hidden/mlflow/__init__.py").write_text(missing)
    monkeypatch.setenv("PYTHONPATH", str(here / "hidden"))
    return lambda: monkeypatch.delenv("PYTHONPATH")
