"""A web server to put load on, and the programs of others that do: nginx with one worker, wrk, wrk2, k6, Locust."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

SETTINGS = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; {user}
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600; tcp_nodelay on;
  client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
  server {{
    listen 127.0.0.1:{port} backlog=8192; location / {{ default_type text/plain; return 200 "ok\\n"; }}
  }}
}}
"""


@dataclass(frozen=True)
class Server:
    """A running nginx."""

    port: int
    worker: int
    """The process that answers."""

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def nginx() -> Iterator[Server | None]:
    """Run nginx on a free port; None where it is not installed."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        print("skipped: nginx is not installed (apt install nginx, brew install nginx)")
        yield None
        return
    with tempfile.TemporaryDirectory() as folder, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        bound.close()
        user = "user root;" if os.geteuid() == 0 else ""
        Path(folder, "nginx.conf").write_text(SETTINGS.format(folder=folder, port=port, user=user))
        process = subprocess.Popen([program, "-c", f"{folder}/nginx.conf", "-p", folder], stderr=subprocess.DEVNULL)
        try:
            yield Server(port, _worker(process, port))
        finally:
            process.terminate()
            process.wait()


def _worker(process: subprocess.Popen, port: int) -> int:
    for _ in range(200):
        children = psutil.Process(process.pid).children() if process.poll() is None else []
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            children = []
        if children:
            return children[0].pid
        time.sleep(0.05)
    raise SystemExit("nginx did not start")


def program(name: str) -> str | None:
    """Find a program in the folder that FAIRTRIAL_PEERS names, or on the PATH."""
    folder = os.environ.get("FAIRTRIAL_PEERS")
    return (shutil.which(name, path=folder) if folder else None) or shutil.which(name)


@dataclass
class Stalls:
    """Stops a process for 100 ms in every second, and knows when it did."""

    pid: int
    pause_s: float = 0.1
    windows: list[tuple[int, int]] = field(default_factory=list)
    """(stopped, went on), nanoseconds of `time.perf_counter_ns`."""

    def __enter__(self) -> Stalls:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        due = time.perf_counter() + 0.5
        while not self._over.wait(max(0.0, due - time.perf_counter())):
            stopped = time.perf_counter_ns()
            os.kill(self.pid, signal.SIGSTOP)
            time.sleep(self.pause_s)
            os.kill(self.pid, signal.SIGCONT)
            self.windows.append((stopped, time.perf_counter_ns()))
            due += 1.0

    def truth_s(self, begin_ns: int, end_ns: int, share: float) -> float:
        """Return that percentile of the time until the server goes on, over all instants of an interval, in seconds."""
        due = np.linspace(begin_ns, end_ns, 200_001)
        waits = np.zeros(len(due))
        for stopped, went_on in self.windows:
            inside = (due >= stopped) & (due < went_on)
            waits[inside] = went_on - due[inside]
        return float(np.quantile(waits, share)) * 1e-9
