"""Starting Ollama: a program of the tests stands for it, since it comes with no package (no real one is started)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import psutil
import pytest

from fairtrial.contract.resource import Server, resource
from fairtrial.errors import MissingPart, ServiceFailed, UnknownName
from fairtrial.resources.ollama import Ollama

PROGRAM = """#!{python}
import http.server, json, os, sys
assert sys.argv[1:] == ["serve"], sys.argv
host, _, port = os.environ["OLLAMA_HOST"].partition(":")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/api/version" else 404)
        self.end_headers()
        self.wfile.write(json.dumps({{"version": "0.0-pretended"}}).encode())
print("models in", os.environ.get("OLLAMA_MODELS"), "parallel", os.environ.get("OLLAMA_NUM_PARALLEL"), flush=True)
{before}
http.server.HTTPServer((host, int(port)), Handler).serve_forever()
"""


def program(folder: Path, monkeypatch: pytest.MonkeyPatch, before: str = "") -> None:
    """Put a program named `ollama` first on PATH."""
    file = folder / "ollama"
    file.write_text(PROGRAM.format(python=sys.executable, before=before))
    file.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_it_is_started_on_a_free_port_with_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """By its own variables; after `stop` it is gone."""
    program(tmp_path, monkeypatch)
    server = resource("ollama")
    assert isinstance(server, Server)
    handle = server.start({"num_parallel": 2, "models": "/models", "env": {"OLLAMA_DEBUG": "1"}}, tmp_path)
    try:
        json.dumps(handle)
        assert (handle["version"], server.ailing(handle)) == ("ollama 0.0-pretended", "")
        assert "models in /models parallel 2" in Path(handle["log"]).read_text()
        assert handle["settings"]["OLLAMA_DEBUG"] == "1"
    finally:
        server.stop(handle)
    assert not psutil.pid_exists(handle["pids"][0])


def test_one_that_dies_says_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """And nothing is left running."""
    program(tmp_path, monkeypatch, before="sys.exit('no space for models')")
    with pytest.raises(ServiceFailed, match=r"Ollama ended with code 1 before it answered: .*no space for models"):
        Ollama().start({}, tmp_path)


def test_where_it_is_missing_the_way_to_get_it_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Exit 8."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingPart, match=r"ollama is not on PATH \(install it from https://ollama.com/download, or"):
        Ollama().require({})
    with pytest.raises(UnknownName, match="did you mean 'num_parallel'"):
        Ollama().require({"num_paralel": 2})
