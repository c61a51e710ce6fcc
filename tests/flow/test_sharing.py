"""A server that trials share and that cannot be started: the run ends with its one line, and goes on when it can."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from fairtrial.contract import registry as plugins

Type = Callable[..., tuple[int, str, str]]

PLUGIN = """
import os, signal, subprocess
from pathlib import Path
from pydantic import BaseModel, ConfigDict
from fairtrial import errors
from fairtrial.model.study import Metric

class Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid")
    server: str = "a"
    x: int = 0

class Served:
    name = "served"
    version = "1"
    Parameters = Parameters
    metrics = {"y": Metric("y"), "pid": Metric("pid")}
    share_scope = "condition"

    def share_key(self, parameters):
        return parameters.server

    def setup(self, parameters, scratch):
        refusal = Path(os.environ["REFUSAL"])
        if refusal.exists():
            raise getattr(errors, refusal.read_text())(f"server {parameters.server} did not start", hint="free it")
        self.process = subprocess.Popen(["sleep", "1000"])
        return {"pid": self.process.pid}

    def ailing(self, handle):
        return "" if self.process.poll() is None else "its process is gone"

    def teardown(self, handle):
        self.process.kill()
        self.process.wait()

    def run(self, parameters, context):
        handle, once = context.resource(), Path(os.environ["REFUSAL"]).with_name(f"killed-{parameters.x}")
        if parameters.server == "dies" and not once.exists():
            once.touch()
            os.kill(handle["pid"], signal.SIGKILL)
            raise ConnectionResetError("reset by peer")
        return {"y": float(parameters.x), "pid": handle["pid"]}
"""


@pytest.fixture(autouse=True)
def site(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A distribution on the path with a system whose trials share a server."""
    info = here / "served-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: served\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[fairtrial.systems]\nserved = served_system:Served\n")
    (here / "served_system.py").write_text(PLUGIN)
    monkeypatch.setenv("REFUSAL", str(here / "refusal"))
    monkeypatch.syspath_prepend(str(here))
    plugins._entries.cache_clear()
    yield here
    plugins._entries.cache_clear()


@pytest.mark.parametrize(("name", "code"), [("MissingPart", 8), ("ServiceFailed", 8), ("UserError", 2)])
@pytest.mark.parametrize("engine", ["local", "inline"])
def test_a_server_that_does_not_start_ends_the_run(
    here: Path, fairtrial: Type, data: Callable[..., Any], name: str, code: int, engine: str
) -> None:
    """One line with what to do, nothing left started, no trial failed; the same command goes on under its number."""
    (here / "study.yaml").write_text("study: s\nsystem: served\nfactors: {x: [1, 2]}\nparallel: {jobs: 1}\n")
    (here / "refusal").write_text(name)
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    found, out, err = fairtrial("run", "study.yaml", "-q", "--engine", engine)
    assert (found, out, err) == (code, "", "fairtrial: server a did not start (free it)\n")
    assert {process.pid for process in psutil.Process().children(recursive=True)} <= before
    (run,) = data("list")
    assert (run["number"], run["state"], run["done"], run["failed"]) == (1, "interrupted", 0, 0)
    (here / "refusal").unlink()
    assert fairtrial("run", "study.yaml", "-q", "--engine", engine)[0] == 0
    (run,) = data("list")
    assert (run["number"], run["state"], run["done"], run["failed"]) == (1, "finished", 2, 0)


def test_a_server_that_dies_costs_a_retry(here: Path, fairtrial: Type, data: Callable[..., Any]) -> None:
    """Each trial that lost its server runs again on a new one: all is measured, and the attempts say what happened."""
    study = "study: s\nsystem: served\nbase: {server: dies}\nfactors: {x: [1, 2]}\nparallel: {jobs: 1}\n"
    (here / "study.yaml").write_text(study)
    code, _, err = fairtrial("run", "study.yaml", "-q")
    assert code == 0, err
    shown = data("show", "1.1")
    failed, done = shown["attempts"]
    assert (failed["failure"]["kind"], done["status"]) == ("infra", "done")
    assert failed["failure"]["message"] == "what it shares with other trials died: its process is gone"
