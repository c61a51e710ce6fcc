"""The studies that come with the services system: each loads, and runs at toy size where its server is there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import fairtrial
from fairtrial.cli import main as cli
from fairtrial.errors import MissingPart
from fairtrial.systems.services.system import Services

FILES = sorted(Services.studies.glob("*.yaml"))
NAMES = [file.stem for file in FILES]
TOY = (
    "replicates=1",
    "timing=false",
    "parallel.jobs=1",
    "base.load.duration_s=1",
    "base.load.warmup_s=0.5",
    "limits.retries.invalid=0",
)
LEVELS = {
    "load.clients": "load.clients=1,2",
    "load.rate_per_s": "load.rate_per_s=20,40",
}
FAST = ("simulated", "simulated-rate", "simulated-gate", "postgres-demo")
"""Run at toy size by the fast tests; the others by the long ones."""


def document(name: str) -> dict:
    return YAML(typ="safe", pure=True).load((Services.studies / f"{name}.yaml").read_text())


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> Callable[..., tuple[int, str]]:
    """Type a command in a fresh folder; return its exit code and all that it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["fairtrial", *words])
        code = cli.run_command()
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


@pytest.mark.parametrize("name", NAMES)
def test_it_loads(name, typed):
    """The reader takes it, with the parameters of every trial."""
    code, said = typed("check", f"services/{name}")
    assert code == 0, said


@pytest.mark.parametrize("name", NAMES)
def test_it_is_repeated_shuffled_and_says_what_for(name):
    """At least three repetitions in shuffled blocks, a question, a level of service or a gate, and a comment."""
    words = document(name)
    assert words["replicates"] >= 3
    assert words["order"] == {"randomise": "blocked"}
    assert words["question"].endswith("?")
    assert "slo" in words or "gate" in words
    assert (Services.studies / f"{name}.yaml").read_text().startswith("# ")
    assert words["study"] == name
    real = words["base"]["target"]["kind"] != "simulated"
    assert words.get("timing", False) == real


def test_the_levels_that_were_asked_for():
    """PostgreSQL at 1 to 16 clients, ChromaDB and language models at 1 to 8; open loops too."""
    assert document("postgres")["factors"]["load.clients"] == [1, 2, 4, 8, 16]
    assert document("postgres-demo")["factors"]["load.clients"] == [1, 2, 4, 8, 16]
    for name in ("chroma", "llm", "llm-vllm", "llm-ollama"):
        assert document(name)["factors"]["load.clients"] == [1, 2, 4, 8]
    assert {name for name in NAMES if "load.rate_per_s" in document(name).get("factors", {})} == {
        "postgres-rate",
        "llm-rate",
        "simulated-rate",
    }


def test_open_loops_have_requests_enough_for_their_medians():
    """The lowest rate brings half as many again as the 20 that a median needs."""
    for name in NAMES:
        words = document(name)
        rates = words.get("factors", {}).get("load.rate_per_s")
        if rates:
            assert min(rates) * words["base"]["load"]["duration_s"] >= 30, name


def test_they_are_found(typed):
    """`fairtrial studies` lists them all."""
    code, said = typed("studies")
    assert code == 0
    assert all(f"services/{name}" in said for name in NAMES)


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in FAST else pytest.mark.long) for n in NAMES])
def test_it_runs_at_toy_size(name, typed, server):
    """Every trial is settled: done, or INVALID where a second was not enough to be believed; the report is written."""
    words = [*TOY, *server(name)]
    words += [LEVELS[path] for path in document(name).get("factors", {})]
    code, said = typed("run", f"services/{name}", *words, "--quiet")
    assert code in (0, 3, 6), said
    failures = {row.failure.kind.value for row in fairtrial.Run(1).trials() if row.failure is not None}
    assert failures <= {"invalid"}, said
    if code == 0:
        assert typed("report", "-o")[0] == 0
        assert "## Bottleneck" in Path("reports/1/report.md").read_text()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Callable[[str], list[str]]]:
    """Bring what a preset's target needs, or skip with the reason; give the overrides that point at it."""
    started: list[subprocess.Popen] = []

    def bring(name: str) -> list[str]:
        kind = document(name)["base"]["target"]["kind"]
        if kind == "redis":
            return _redis(started, tmp_path)
        if kind in ("vllm", "ollama"):
            pytest.skip(f"no {kind} here: tests of its target say how to get one")
        if kind == "chroma" and find_spec("chromadb") is None:
            pytest.skip("no ChromaDB: pip install 'fairtrial[chroma]'")
        if kind == "llamacpp":
            _weights()
            # With shorter prompts the template of the chat is a tenth of them, and the cache is called warm.
            return ["base.target.prompt_tokens=32", "base.target.output_tokens=2"]
        return ["base.target.vectors=200"] if kind == "chroma" else []

    yield bring
    for process in started:
        process.terminate()
        process.wait(10)


def _weights() -> None:
    from fairtrial.contract.resource import resource

    try:
        resource("smollm2").find()
    except MissingPart as problem:
        pytest.skip(str(problem))


def _redis(started: list[subprocess.Popen], folder: Path) -> list[str]:
    from fairtrial.resources.process import free_port

    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server on PATH")
    port = free_port()
    arguments = [program, "--port", str(port), "--save", "", "--dir", str(folder), "--bind", "127.0.0.1"]
    started.append(subprocess.Popen(arguments, stdout=subprocess.DEVNULL))
    return [f"base.target.port={port}", "base.target.keys=100"]
