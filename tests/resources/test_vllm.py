"""Starting vLLM: its command, and what is said where it is missing or dies. A real one starts in the target's tests."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import psutil
import pytest

from fairtrial.contract.resource import Server, resource
from fairtrial.errors import MissingPart, ServiceFailed, UserError
from fairtrial.resources import vllm
from fairtrial.resources.vllm import Options, Vllm, command

PROGRAM = """#!{python}
import http.server, json, os, sys
words = sys.argv[1:]
print("started with", json.dumps(words), "space", os.environ.get("VLLM_CPU_KVCACHE_SPACE"), flush=True)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{{"version": "0.0-pretended"}}')
http.server.HTTPServer(("127.0.0.1", int(words[words.index("--port") + 1])), Handler).serve_forever()
"""


def test_the_command_on_path_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """With vLLM's own words; a program of the tests stands for it."""
    file = tmp_path / "vllm"
    file.write_text(PROGRAM.format(python=sys.executable))
    file.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    server = resource("vllm")
    assert isinstance(server, Server)
    options = {"model": "m", "env": {"VLLM_CPU_KVCACHE_SPACE": "1"}, "max_model_len": 64}
    handle = server.start(options, tmp_path)
    try:
        json.dumps(handle)
        said = Path(handle["log"]).read_text()
        assert '["serve", "m", "--dtype", "auto"' in said
        assert "space 1" in said
        assert (handle["version"], server.ailing(handle)) == ("vllm 0.0-pretended", "")
    finally:
        server.stop(handle)
    assert not psutil.pid_exists(handle["pids"][0])


def test_an_interpreter_of_another_environment_is_used():
    """By the module, which needs no command to be installed."""
    asked = Options(
        model="m", python=sys.executable, load_format="dummy", max_model_len=64, enforce_eager=True, arguments=["-x"]
    )
    words = command(asked, 81)
    assert words[:5] == [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", "m"]
    text = " ".join(words)
    assert "--load-format dummy --max-model-len 64 --host 127.0.0.1 --port 81" in text
    assert text.endswith("--enable-prefix-caching --enforce-eager -x")
    assert "--max-num-seqs" not in text


def test_one_that_dies_says_its_last_words(tmp_path: Path):
    """This interpreter has no vLLM, and says so; nothing is left running."""
    if vllm.find_spec("vllm"):
        pytest.skip("vLLM is installed in this environment")
    with pytest.raises(ServiceFailed, match=r"vLLM ended with code 1 before it answered: .*No module named 'vllm'"):
        Vllm().start({"model": "m", "python": sys.executable}, tmp_path)


def test_where_it_is_missing_the_way_to_get_it_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Exit 8; an interpreter that is not there, and a missing model, are the user's mistakes."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(vllm, "find_spec", lambda name: None)
    with pytest.raises(MissingPart, match=r"vLLM is neither on PATH nor in this environment \(pip install vllm"):
        Vllm().require({"model": "m"})
    with pytest.raises(UserError, match="no interpreter at '/nowhere/python'"):
        Vllm().require({"model": "m", "python": "/nowhere/python"})
    with pytest.raises(UserError, match="vllm needs the option 'model'"):
        Vllm().require({})
