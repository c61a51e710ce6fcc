"""The native routes of Ollama against another implementation of them (long).

This is not Ollama: it is the proxy `ollama-proxy-plus`, in an environment of its own, before a llama.cpp with
SmolLM2. It shows that the format is understood by somebody else's program; nothing is measured.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairtrial.contract.resource import resource
from fairtrial.resources import process
from fairtrial.systems.services.target import Reply
from fairtrial.systems.services.targets.language.ollama import Ollama, OllamaTarget

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
PACKAGE = "ollama-proxy-plus==0.1.0"


@pytest.fixture(scope="module")
def program() -> Iterator[Path]:
    """Install the proxy into an environment of its own."""
    if shutil.which("uv") is None:
        pytest.skip("uv, which makes the environment of the proxy, is not on PATH")
    with tempfile.TemporaryDirectory(prefix="proxy-") as folder:
        venv = Path(folder) / "venv"
        for command in (["uv", "venv", venv], ["uv", "pip", "install", "--python", venv / "bin" / "python", PACKAGE]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"{PACKAGE} does not install here: {done.stderr.strip()[-300:]}")
        yield venv / "bin" / "ollama-proxy"


@pytest.fixture(scope="module")
def url(program: Path, smollm2: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start llama.cpp and the proxy before it; return the proxy's address."""
    folder = tmp_path_factory.mktemp("proxy")
    server = resource("llamacpp")
    handle = server.start({"model": smollm2, "threads": 1, "n_ctx": 512, "n_parallel": 2}, folder)
    port, log = process.free_port(), folder / "proxy.log"
    env = os.environ | {"PROVIDERS_VLLM_API_KEY": "EMPTY", "PROVIDERS_VLLM_BASE_URL": f"{handle['url']}/v1"}
    pid = process.spawn([program, "--host", "127.0.0.1", "--port", str(port)], log=log, env=env, folder=folder)
    since = process.started(pid)
    try:
        address = f"http://127.0.0.1:{port}"
        process.await_ready(lambda: answers(address), pid=pid, log=log, what="the proxy", timeout_s=120)
        yield address
    finally:
        process.stop(pid, started=since)
        server.stop(handle)


def answers(address: str) -> bool:
    """Say whether the proxy serves."""
    try:
        with urllib.request.urlopen(f"{address}/api/version", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.mark.parametrize("operation", ["chat", "completion"])
@pytest.mark.parametrize("stream", [True, False])
def test_another_implementation_is_understood(url: str, operation: str, *, stream: bool):
    """Prepared, asked and read: chunks in order, and counts of tokens."""
    words: dict[str, Any] = {"operation": operation, "stream": stream, "prompt_tokens": 20, "output_tokens": 6}
    made = OllamaTarget(Ollama(kind="ollama", url=url, model="vllm/smollm2", **words))

    async def run() -> Reply:
        endpoint = made.endpoint(None)
        endpoint["prepared"] = await made.prepare(endpoint, 0)
        session = made.session(endpoint, 0)
        await session.connect()
        _, body = next(made.requests(0, 0))
        assert json.loads(body)["stream"] is stream
        reply = await session.call(body)
        await session.close()
        return reply

    reply = asyncio.run(run())
    assert 1 <= reply.tokens_out <= 6
    assert bool(reply.chunks_ns) is stream
    assert reply.chunks_ns == sorted(reply.chunks_ns)
