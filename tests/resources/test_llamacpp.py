"""The server `llamacpp`, for real: it starts, answers, is missed when killed, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from fairtrial.contract.resource import Server, resource
from fairtrial.errors import MissingPart, ServiceFailed, UnknownName, UserError
from fairtrial.resources import llamacpp
from fairtrial.resources.llamacpp import LlamaCpp

pytest.importorskip("xllamacpp", reason="needs the extra llamacpp")


@pytest.fixture(scope="module")
def model() -> str:
    """Return the path of the weights of SmolLM2, which are fetched where they are missing."""
    try:
        return str(resource("smollm2").fetch())
    except MissingPart as problem:
        pytest.skip(f"the weights cannot be fetched: {problem}")


def metrics(handle: dict[str, Any]) -> str:
    """Return what a server publishes of itself."""
    with urllib.request.urlopen(f"{handle['url']}/metrics") as answer:
        return str(answer.read().decode())


def test_a_server_starts_answers_and_leaves_nothing_behind(model: str, tmp_path: Path):
    """Its handle is JSON, its settings are those in force; after `stop` its process is gone."""
    server = resource("llamacpp")
    assert isinstance(server, Server)
    options = {"model": model, "n_ctx": 256, "n_parallel": 3, "threads": 1}
    server.require(options)
    handle = server.start(options, tmp_path)
    try:
        json.dumps(handle)
        assert server.ailing(handle) == ""
        assert "llamacpp:prompt_tokens_cached_total" in metrics(handle)
        assert handle["version"].startswith("xllamacpp 2")
        assert (handle["settings"]["threads"], handle["settings"]["batch_threads"]) == (1, 1)
        assert "n_slots = 3, n_ctx_slot = 256" in Path(handle["log"]).read_text()
    finally:
        server.stop(handle)
    assert not psutil.pid_exists(handle["pids"][0])
    server.stop(handle)  # no error where it is gone


def test_a_killed_server_is_ailing(model: str, tmp_path: Path):
    """Its process is named."""
    handle = LlamaCpp().start({"model": model, "n_ctx": 64, "threads": 1}, tmp_path)
    try:
        os.kill(handle["pids"][0], signal.SIGKILL)
        deadline = time.monotonic() + 20
        while "was killed" not in (said := LlamaCpp().ailing(handle)) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert f"process {handle['pids'][0]} was killed by SIGKILL" in said
    finally:
        LlamaCpp().stop(handle)


def test_what_is_no_model_ends_the_start_with_the_servers_own_words(tmp_path: Path):
    """At once, and nothing is left running."""
    (tmp_path / "bad.gguf").write_bytes(b"GGUF, and no model")
    before = {child.pid for child in psutil.Process().children()}
    with pytest.raises(ServiceFailed, match=r"before it answered: .*bad.gguf"):
        LlamaCpp().start({"model": str(tmp_path / "bad.gguf")}, tmp_path)
    assert {child.pid for child in psutil.Process().children()} <= before


def test_a_port_that_is_taken_is_refused_beforehand(model: str):
    """Exit 8."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ServiceFailed, match=r"port \d+ is taken"):
            LlamaCpp().require({"model": model, "port": taken.getsockname()[1]})


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"n_contx": 5}, UnknownName, "unknown option of llamacpp 'n_contx' .did you mean 'n_ctx'"),
        ({"model": "smollm3"}, UnknownName, "unknown model 'smollm3' .did you mean 'smollm2'"),
        ({"model": "/nowhere/x.gguf"}, MissingPart, "no model at '/nowhere/x.gguf'"),
        ({"model": "ollama"}, UserError, "'ollama' is no model"),
    ],
)
def test_options_that_are_wrong_are_named(options: dict[str, Any], kind: type[Exception], said: str):
    """With the nearest that is right."""
    with pytest.raises(kind, match=said):
        LlamaCpp().require(options)


def test_without_the_wheel_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    """Exit 8."""
    monkeypatch.setattr(llamacpp, "find_spec", lambda name: None)
    with pytest.raises(MissingPart, match=r"needs xllamacpp \(pip install 'fairtrial\[llamacpp\]'\)"):
        LlamaCpp().require({})
