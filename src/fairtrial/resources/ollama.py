"""The Ollama server, where its program is installed: it comes with no Python package."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairtrial.errors import MissingPart, ServiceFailed
from fairtrial.resources.options import read
from fairtrial.resources.process import ailing, await_ready, free_port, running, spawn, stop, taken
from fairtrial.resources.wire import answers, document


@dataclass(frozen=True, slots=True)
class Options:
    """What can be said about a server; its own settings are variables of the environment."""

    num_parallel: int | None = None
    """Requests that a model serves at a time (OLLAMA_NUM_PARALLEL); None: Ollama decides."""
    models: str | None = None
    """The folder of its models (OLLAMA_MODELS); None: its own."""
    env: dict[str, str] = field(default_factory=dict)
    """Added to its environment."""
    host: str = "127.0.0.1"
    port: int | None = None
    """None: one that is free."""
    ready_s: float = 60.0
    """Seconds in which it must answer."""


class Ollama:
    """Starts `ollama serve`. Models are pulled beforehand (`ollama pull NAME`)."""

    name = "ollama"

    def require(self, options: Mapping[str, Any]) -> None:
        """Check the program and the port. Raises MissingPart with the way to get it, ServiceFailed, UserError."""
        asked = read(self.name, Options, options)
        _program()
        if asked.port is not None and taken(asked.port, asked.host):
            raise ServiceFailed(f"port {asked.port} is taken", hint="leave the port out, and a free one is used")

    def start(self, options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """Start it and wait for /api/version; its log goes to `folder`.

        The handle has `url`, `pids`, `started`, `log`, `version` and `settings` (the variables that were set).
        Raises MissingPart, or ServiceFailed with the end of its log.
        """
        self.require(options)
        asked = read(self.name, Options, options)
        address = f"{asked.host}:{asked.port or free_port(asked.host)}"
        env, log, url = variables(asked, address), folder / "ollama.log", f"http://{address}"
        pid = spawn([_program(), "serve"], log=log, env={**os.environ, **env})
        handle = {**running(pid), "url": url, "log": str(log), "settings": env}
        try:
            await_ready(lambda: answers(f"{url}/api/version"), pid=pid, log=log, what="Ollama", timeout_s=asked.ready_s)
        except BaseException:
            self.stop(handle)
            raise
        return {**handle, "version": f"ollama {document(f'{url}/api/version').get('version', '')}".strip()}

    def stop(self, handle: Mapping[str, Any]) -> None:
        """End it and the runners of its models; no error where it is gone already. Models stay."""
        for pid, since in zip(handle["pids"], handle["started"], strict=True):
            stop(pid, started=since)

    def ailing(self, handle: Mapping[str, Any]) -> str:
        """Say why it no longer serves; '' while its process runs."""
        why = ailing(handle)
        return f"Ollama's {why}" if why else ""


def variables(asked: Options, address: str) -> dict[str, str]:
    """Say what is added to its environment."""
    given = {"OLLAMA_NUM_PARALLEL": asked.num_parallel, "OLLAMA_MODELS": asked.models}
    set_ = {name: str(value) for name, value in given.items() if value is not None}
    return {"OLLAMA_HOST": address, "OLLAMA_KEEP_ALIVE": "-1", **set_, **asked.env}


def _program() -> str:
    found = shutil.which("ollama")
    if found is None:
        raise MissingPart(
            "ollama is not on PATH",
            hint="install it from https://ollama.com/download, or give the url of one that runs",
        )
    return found
