"""A system that ranks its own conditions, and knows the configuration that its winners run in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PLUGIN = """
from pydantic import BaseModel, ConfigDict
from fairtrial.model.figure import Section
from fairtrial.model.finding import Verdict
from fairtrial.model.ranking import Ranking, Readiness
from fairtrial.model.study import Direction, Metric

class Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int = 1

class Modest:
    name = "modest"
    version = "1"
    Parameters = Parameters
    metrics = {"area": Metric("area", Direction.MAXIMIZE, unit="m2")}

    def run(self, parameters, context):
        return {"area": float(parameters.size ** 2)}

    def rank(self, ledger, run):
        sizes = {number: one["size"] for number, one in ledger.parameters(run).items()}
        small = [row for row in ledger.trials(run) if sizes[row.number] < 3]
        row = max(small, key=lambda row: row.metrics["area"])
        verdict = Verdict.SUPPORTED if sizes[row.number] > 1 else Verdict.INCONCLUSIVE
        said = f"Size {sizes[row.number]} leads, as larger ones do not fit."
        return Ranking((row.variant, row.assignment), verdict, said, (Section("Sizes that fit", (said,)),))

    def ready(self, parameters, metrics, runtime):
        values = {"box.size": ("size", parameters.size), "box.area": ("metrics.area", metrics["area"])}
        lacks = "has no box" if "box" not in runtime else ""
        return Readiness(values, lacks, {"checked": True}, "the box was tried")
"""


@pytest.fixture
def fairtrial(here: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Type a command where a distribution with that system is installed."""
    site = here / "site"
    info = site / "modest-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: modest\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[fairtrial.systems]\nmodest = modest_system:Modest\n")
    (site / "modest_system.py").write_text(PLUGIN)
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", "")]))

    def run(*words: str, sizes: str = "") -> subprocess.CompletedProcess[str]:
        if sizes:
            study = {"study": "s", "system": "modest", "factors": {"size": json.loads(sizes)}, "replicates": 2}
            (here / "study.yaml").write_text(json.dumps(study))
        command = [sys.executable, "-m", "fairtrial", *words]
        environment = {**os.environ, "PYTHONPATH": path}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run


def test_the_report_has_the_system_s_ranking_in_place_of_the_best_mean(fairtrial) -> None:
    """Its answer comes first, its sections stand where the general search for the best would."""
    assert fairtrial("run", "study.yaml", "-q", sizes="[1, 2, 3]").returncode == 0
    fairtrial("report", "-o")
    text = Path("reports/1/report.md").read_text()
    assert "Size 2 leads, as larger ones do not fit." in text
    assert "## Sizes that fit" in text
    assert "Best condition" not in text


def test_its_leader_is_the_winner_and_goes_where_it_says(fairtrial) -> None:
    """Values go to its own keys, what it checked into the evidence; its verdict lets the promotion pass."""
    fairtrial("run", "study.yaml", "-q", sizes="[1, 2, 3]")
    runtime = Path("runtime.yaml")
    runtime.write_text("box: {size: 1, area: 1.0}\n")
    said = fairtrial("promote", "--to", "runtime.yaml")
    assert said.returncode == 0, said.stderr
    assert runtime.read_text() == "box: {size: 2, area: 4.0}\n"
    assert "the box was tried" in said.stdout
    evidence = json.loads(Path("runtime.yaml.evidence.json").read_text())
    assert evidence["readiness"] == {"checked": True}
    assert evidence["verdict"]["by"] == "ranking"


def test_a_runtime_that_lacks_something_is_refused_whatever_is_forced(fairtrial) -> None:
    """One line says what; nothing is written."""
    fairtrial("run", "study.yaml", "-q", sizes="[1, 2, 3]")
    runtime = Path("runtime.yaml")
    runtime.write_text("bag: 1\n")
    said = fairtrial("promote", "--to", "runtime.yaml", "--force", "--why", "now")
    assert said.returncode == 4
    assert said.stderr == "fairtrial: run 1 is not promoted: runtime.yaml has no box\n"
    assert runtime.read_text() == "bag: 1\n"


def test_its_doubt_holds_a_promotion_back(fairtrial) -> None:
    """An inconclusive ranking is exit 5."""
    fairtrial("run", "study.yaml", "-q", sizes="[1, 3]")
    Path("runtime.yaml").write_text("box: {size: 7, area: 1.0}\n")
    said = fairtrial("promote", "--to", "runtime.yaml")
    assert said.returncode == 5
    assert "ranking says inconclusive" in said.stderr
