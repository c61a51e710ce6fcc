"""The llama.cpp server from the `xllamacpp` wheel, with weights that are found by name or by path."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fairtrial.contract.resource import Weights, resource
from fairtrial.errors import MissingPart, ServiceFailed, UnknownName, UserError
from fairtrial.resources.options import read
from fairtrial.resources.process import ailing, await_ready, free_port, running, spawn, stop, taken
from fairtrial.resources.weights import gguf
from fairtrial.resources.wire import answers

WHEEL = "xllamacpp"


@dataclass(frozen=True, slots=True)
class Options:
    """What can be said about a server. Those of llama.cpp keep its names."""

    model: str = "smollm2"
    """The name of weights, or the path of a GGUF file or of a folder with one."""
    n_ctx: int = 2048
    """Tokens of context for each slot."""
    n_parallel: int = 4
    """Slots: how many requests are served at a time; the others wait."""
    threads: int | None = None
    """For generating; None: half of the cores that this process may use (its threads spin, so cores must be free)."""
    batch_threads: int | None = None
    """For reading prompts; None: as many."""
    http_threads: int = 256
    """Each open connection holds one."""
    gpu_layers: int = -1
    """Layers that are offloaded where there is a GPU; -1: llama.cpp decides."""
    cache_prompt: bool = True
    """Take prompts' beginnings from the cache of a slot."""
    cache_ram_mib: int = 256
    """Memory for the prompts of slots that were reused (llama.cpp's own default is 8192)."""
    host: str = "127.0.0.1"
    port: int | None = None
    """None: one that is free."""
    ready_s: float = 120.0
    """Seconds in which it must answer."""


class LlamaCpp:
    """Starts llama.cpp's own HTTP server (OpenAI-style routes, /health, /metrics) in a process of its own."""

    name = "llamacpp"

    def require(self, options: Mapping[str, Any]) -> None:
        """Check the wheel, the model and the port. Raises MissingPart, ServiceFailed (port taken), UserError."""
        self._resolve(read(self.name, Options, options))

    def start(self, options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """Start it and wait until the model is loaded; its log goes to `folder`.

        The handle has `url`, `pids`, `started`, `log`, `version`, `model` and `settings`. Raises MissingPart, or
        ServiceFailed with the end of its log.
        """
        words = self._resolve(read(self.name, Options, options))
        log = folder / "llamacpp.log"
        url = f"http://{words['host']}:{words['port']}"
        pid = spawn([sys.executable, "-m", "fairtrial.resources.llama", json.dumps(words)], log=log)
        handle = {**running(pid), "url": url, "log": str(log), "version": _version(), "model": words["alias"]}
        try:
            await_ready(
                lambda: answers(f"{url}/health"), pid=pid, log=log, what="llama.cpp", timeout_s=words["ready_s"]
            )
        except BaseException:
            self.stop(handle)
            raise
        return {**handle, "settings": words}

    def stop(self, handle: Mapping[str, Any]) -> None:
        """End it; no error where it is gone already. It keeps no data."""
        for pid, since in zip(handle["pids"], handle["started"], strict=True):
            stop(pid, started=since)

    def ailing(self, handle: Mapping[str, Any]) -> str:
        """Say why it no longer serves; '' while its process runs."""
        why = ailing(handle)
        return f"llama.cpp's {why}" if why else ""

    def _resolve(self, options: Options) -> dict[str, Any]:
        """Fill in what is left to us: the file of the model, threads, a port."""
        if find_spec(WHEEL) is None:
            raise MissingPart(f"llamacpp needs {WHEEL}", hint="pip install 'fairtrial[llamacpp]'")
        if options.port is not None and taken(options.port, options.host):
            raise ServiceFailed(f"port {options.port} is taken", hint="leave the port out, and a free one is used")
        threads = options.threads or max(1, _cores() // 2)
        return {
            **asdict(options),
            "path": str(_weights(options.model)),
            "alias": Path(options.model).stem,
            "threads": threads,
            "batch_threads": options.batch_threads or threads,
            "port": options.port or free_port(options.host),
        }


def _weights(model: str) -> Path:
    """Find the GGUF file of a path or of weights that are a resource. Raises UserError, MissingPart."""
    path = Path(model).expanduser()
    if path.exists() or path.suffix == ".gguf" or "/" in model:
        return gguf(path)
    try:
        found = resource(model)
    except UnknownName as problem:
        raise UnknownName("model", model, problem.known) from problem
    if not isinstance(found, Weights):
        raise UserError(f"{model!r} is no model", hint="name weights, or give the path of a GGUF file")
    return found.find()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _version() -> str:
    try:
        return f"{WHEEL} {version(WHEEL)}"
    except PackageNotFoundError:
        return WHEEL
