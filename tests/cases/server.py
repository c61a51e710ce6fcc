"""A system that needs a real server per condition: started in `setup`, found healthy, stopped in `teardown`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, ConfigDict

from fairtrial.model.study import Direction, Metric


class Parameters(BaseModel):
    """The server's `factor` multiplies what a trial asks."""

    model_config = ConfigDict(extra="forbid")

    factor: int = 2
    x: int = 1
    behave: Literal["ask", "crash", "raise"] = "ask"
    healthy: bool = True


class Server:
    """Asks a server that multiplies; trials of one `factor` share it."""

    name = "server"
    version = "1"
    Parameters = Parameters
    metrics: Mapping[str, Metric] = {
        "product": Metric("product", Direction.MAXIMIZE),
        "server_pid": Metric("server_pid"),
    }
    live = True
    share_scope = "condition"

    def __init__(self) -> None:
        self._servers: dict[int, subprocess.Popen[bytes]] = {}

    def share_key(self, parameters: Parameters) -> Any:
        """Trials of one factor share a server."""
        return {"factor": parameters.factor, "healthy": parameters.healthy}

    def setup(self, parameters: Parameters, scratch: Path) -> Any:
        """Start the server and wait until it answers. Raises RuntimeError where it does not."""
        argv = [sys.executable, str(Path(__file__).resolve()), str(parameters.factor), str(int(parameters.healthy))]
        started = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert started.stdout is not None
        with started.stdout:
            port = int(started.stdout.readline())
        self._servers[started.pid] = started
        handle = {"port": port, "pid": started.pid}
        try:
            _wait_healthy(port)
        except RuntimeError:
            self.teardown(handle)
            raise
        return handle

    def teardown(self, handle: Any) -> None:
        """Stop the server and wait for its end."""
        server = self._servers.pop(handle["pid"])
        server.terminate()
        server.wait()

    def run(self, parameters: Parameters, context: Any) -> dict[str, float]:
        """Ask once; or die beside the server, which must be stopped all the same."""
        handle = context.resource()
        if parameters.behave == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        if parameters.behave == "raise":
            raise RuntimeError("asked to fail")
        answer = _get(f"http://127.0.0.1:{handle['port']}/times?x={parameters.x}")
        return {"product": answer["product"], "server_pid": handle["pid"]}


def _wait_healthy(port: int, patience_s: float = 10.0) -> None:
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        try:
            if _get(f"http://127.0.0.1:{port}/health")["healthy"]:
                return
            break
        except OSError:
            time.sleep(0.01)
    raise RuntimeError("the server is not healthy")


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


class _Handler(BaseHTTPRequestHandler):
    factor = 1
    healthy = True

    def do_GET(self) -> None:
        """Answer /health and /times?x=N."""
        asked = urlsplit(self.path)
        x = int(parse_qs(asked.query).get("x", ["0"])[0])
        known = {"/health": {"healthy": self.healthy}, "/times": {"product": self.factor * x}}
        body = json.dumps(known.get(asked.path, {})).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: Any) -> None:
        """Say nothing."""


def serve(factor: int, healthy: bool) -> None:
    """Serve on a free port, which is the first line of stdout, until SIGTERM."""
    _Handler.factor, _Handler.healthy = factor, healthy
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2] == "1")
