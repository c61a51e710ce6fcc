"""ChromaDB's own server, `chroma run` of the chromadb wheel, on a port and in a folder of its own."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fairtrial.errors import MissingPart, ServiceFailed, UnknownName, UserError
from fairtrial.resources import process

WHEEL = "chromadb"
HOST = "127.0.0.1"
OPTIONS = ("port", "timeout_s")
RUN = "import sys; from chromadb.cli.cli import app; sys.argv[0] = 'chroma'; app()"
"""What the wheel's script `chroma` does, wherever that script was put."""


class Chroma:
    """The server. Options: `port` (0: a free one) and `timeout_s` until it must answer (60)."""

    name = "chroma"

    def require(self, options: Mapping[str, Any]) -> None:
        """Check the wheel, the options and the port.

        Raises MissingPart, UnknownName or UserError for an option, ServiceFailed for a port that is taken.
        """
        _checked(options)
        _version()
        port = options.get("port", 0)
        if port and process.taken(port, HOST):
            raise ServiceFailed(
                f"port {port} is taken: chroma cannot listen there", hint="name another, or 0 for a free one"
            )

    def start(self, options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """Start one over an empty data folder and wait until it answers; its log is `chroma.log` in `folder`."""
        self.require(options)
        data = Path(tempfile.mkdtemp(prefix="fairtrial-chroma-"))
        try:
            return self._start(options, folder / "chroma.log", data)
        except BaseException:
            shutil.rmtree(data, ignore_errors=True)
            raise

    def _start(self, options: Mapping[str, Any], log: Path, data: Path) -> dict[str, Any]:
        port = options.get("port", 0) or process.free_port(HOST)
        argv = [sys.executable, "-c", RUN, "run", "--host", HOST, "--port", str(port), "--path", str(data)]
        pid = process.spawn(argv, log=log, env=_environment(), folder=data)
        handle = {
            **process.running(pid),
            "url": f"http://{HOST}:{port}",
            "version": _version(),
            "data": str(data),
            "log": str(log),
        }
        try:
            process.await_ready(
                lambda: _beats(handle["url"]), pid=pid, log=log, what="chroma", timeout_s=options.get("timeout_s", 60.0)
            )
        except BaseException:
            self.stop(handle)
            raise
        return handle

    def stop(self, handle: Mapping[str, Any]) -> None:
        """Stop it and remove its data; no error where it is gone already."""
        for pid, since in zip(handle["pids"], handle["started"], strict=True):
            process.stop(pid, started=since)
        shutil.rmtree(handle["data"], ignore_errors=True)

    def ailing(self, handle: Mapping[str, Any]) -> str:
        """Say why it no longer serves; '' while it does."""
        why = process.ailing(handle)
        return f"chroma's {why}" if why else ""


def _checked(options: Mapping[str, Any]) -> None:
    for name in options:
        if name not in OPTIONS:
            raise UnknownName("option of chroma", name, OPTIONS)
    port = options.get("port", 0)
    if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port <= 65535:
        raise UserError(f"port {port!r} of chroma is not a port", hint="0 to 65535; 0 takes a free one")


def _version() -> str:
    """Return the version of the wheel: `chroma --version` and the API name others, which are not its own."""
    missing = MissingPart(f"chroma needs the {WHEEL} wheel", hint="pip install 'fairtrial[chroma]'")
    if find_spec(WHEEL) is None:
        raise missing
    try:
        return version(WHEEL)
    except PackageNotFoundError:
        raise missing from None


def _environment() -> dict[str, str]:
    """Return our environment without what would configure the server behind the study's back, and telemetry off."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CHROMA_", "OTEL_"))}
    return kept | {"ANONYMIZED_TELEMETRY": "False", "NO_COLOR": "1"}


def _beats(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/v2/heartbeat", timeout=2) as answer:  # noqa: S310
            return int(answer.status) == 200
    except (urllib.error.URLError, OSError):
        return False
