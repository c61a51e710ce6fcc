"""Tests of the resource `chroma`: a real `chroma run` on a port and in a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import urllib.request
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
import pytest

from fairtrial.contract.resource import Server, resource
from fairtrial.errors import MissingPart, ServiceFailed, UnknownName, UserError
from fairtrial.resources import chroma, process
from fairtrial.resources.chroma import Chroma

pytest.importorskip("chromadb_rust_bindings", reason="the chromadb wheel is not installed")


def test_it_is_the_resource_of_its_name_and_a_server():
    """`resource("chroma")` finds it by entry point, and it has all that a server has."""
    found = resource("chroma")
    assert isinstance(found, Chroma)
    assert isinstance(found, Server)


def test_a_server_starts_answers_says_its_version_and_leaves_nothing_behind(tmp_path):
    """Its data lies in a fresh folder of the temporary folder; after stop neither process, port nor folder is left."""
    handle = Chroma().start({}, tmp_path)
    try:
        json.dumps(handle)
        assert handle["version"] == version("chromadb")
        with urllib.request.urlopen(f"{handle['url']}/api/v2/heartbeat") as answer:
            assert "nanosecond heartbeat" in json.load(answer)
        assert all(psutil.pid_exists(pid) for pid in handle["pids"])
        assert Path(handle["data"], "chroma.sqlite3").exists()
        assert Chroma().ailing(handle) == ""
    finally:
        Chroma().stop(handle)
    assert not any(psutil.pid_exists(pid) for pid in handle["pids"])
    assert not Path(handle["data"]).exists()
    Chroma().stop(handle)  # no error where it is gone


def test_a_killed_server_is_ailing_and_says_how_it_ended(tmp_path):
    """`ailing` names the process and the signal soon after it was killed."""
    handle = Chroma().start({}, tmp_path)
    try:
        os.kill(handle["pids"][0], signal.SIGKILL)
        deadline = time.monotonic() + 20
        while "was killed" not in (said := Chroma().ailing(handle)) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert f"process {handle['pids'][0]} was killed by SIGKILL" in said
        assert "\x1b" not in said
    finally:
        Chroma().stop(handle)
    assert not Path(handle["data"]).exists()


def test_a_port_that_is_taken_is_said_before_anything_starts(tmp_path):
    """A given port with a listener is a ServiceFailed that names it; no data folder is made."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServiceFailed, match=f"port {port} is taken"):
            Chroma().start({"port": port}, tmp_path)
    assert not (tmp_path / "chroma.log").exists()


def test_a_given_port_is_used(tmp_path):
    """The handle's URL has the port that was asked for."""
    port = process.free_port()
    handle = Chroma().start({"port": port}, tmp_path)
    try:
        assert handle["url"] == f"http://127.0.0.1:{port}"
    finally:
        Chroma().stop(handle)


def test_a_server_that_dies_at_the_start_is_reported_with_its_log_and_leaves_no_folder(tmp_path, monkeypatch):
    """What it said last is in the message; its data folder is removed."""
    made = tmp_path / "data"

    def folder(prefix: str) -> str:
        made.mkdir()
        return str(made)

    monkeypatch.setattr(chroma.tempfile, "mkdtemp", folder)
    monkeypatch.setattr(chroma, "RUN", "import sys; sys.exit('no room for vectors')")
    with pytest.raises(ServiceFailed, match="chroma ended with code 1 before it answered: no room for vectors"):
        Chroma().start({}, tmp_path)
    assert not made.exists()


@pytest.mark.parametrize("port", [-1, 65536, "8000", True, 1.5])
def test_a_port_that_is_none_is_the_users_mistake(port):
    """Whatever is not 0 to 65535 is refused."""
    with pytest.raises(UserError, match="is not a port"):
        Chroma().require({"port": port})


def test_an_unknown_option_names_the_nearest():
    """A misspelt option is refused with the one that was meant."""
    with pytest.raises(UnknownName, match="did you mean 'port'"):
        Chroma().require({"prot": 8000})


def test_a_missing_wheel_says_the_command_that_brings_it(monkeypatch):
    """Without chromadb the message ends with the pip command."""

    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(chroma, "version", absent)
    with pytest.raises(MissingPart, match=r"pip install 'fairtrial\[chroma\]'"):
        Chroma().require({})


def test_what_would_configure_the_server_from_outside_is_not_passed_on(monkeypatch):
    """CHROMA_ and OTEL_ variables stay here, telemetry is off."""
    monkeypatch.setenv("CHROMA_PORT", "1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://elsewhere")
    given = chroma._environment()
    assert given["ANONYMIZED_TELEMETRY"] == "False"
    assert not [name for name in given if name.startswith(("CHROMA_", "OTEL_"))]
