"""Strangers' plug-ins: a system and a strategy found by their entry points; a strategy that stops trials."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fairtrial import Study

PLUGIN = """
from pydantic import BaseModel, ConfigDict
from fairtrial.model.study import Direction, Metric

class Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int = 1
    name: str = "a"

class Stranger:
    name = "stranger"
    version = "3"
    Parameters = Parameters
    metrics = {"area": Metric("area", Direction.MAXIMIZE, unit="m2")}

    def run(self, parameters, context):
        return {"area": float(parameters.size ** 2)}
"""


def test_a_system_of_another_package_is_found_by_its_entry_point(here: Path) -> None:
    """A distribution that is merely on the path is enough; an unknown system's line names it as the nearest."""
    site = here / "site"
    info = site / "stranger-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[fairtrial.systems]\nstranger = stranger_system:Stranger\n")
    (site / "stranger_system.py").write_text(PLUGIN)
    study = {"study": "s", "system": "stranger", "factors": {"size": [1, 2, 3]}, "replicates": 2}
    (here / "study.yaml").write_text(json.dumps(study))
    (here / "wrong.yaml").write_text(json.dumps(study | {"system": "strangr"}))
    said = fairtrial(site, "run", "study.yaml", "--json")
    assert said.returncode == 0, said.stderr
    conditions = json.loads(said.stdout)["data"]["conditions"]
    assert [row["estimates"]["area"]["mean"] for row in conditions] == [9.0, 4.0, 1.0]
    shown = json.loads(fairtrial(site, "show", "--json").stdout)["data"]["findings"]
    assert [row["estimates"]["area"]["mean"] for row in shown] == [9.0, 4.0, 1.0]
    wrong = fairtrial(site, "run", "wrong.yaml")
    assert wrong.returncode == 2
    assert "did you mean 'stranger'?" in wrong.stderr


def fairtrial(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", "")]))
    return subprocess.run(
        [sys.executable, "-m", "fairtrial", *words],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


class Impatient:
    """A strategy that runs the grid and stops every trial whose loss is above 5 at step 2."""

    name = "impatient"
    learns = True
    asynchronous = True

    def open(self, space: Any, options: Any) -> Impatient:
        self.space, self.asked, self.told = space, False, []
        return self

    def ask(self) -> Any:
        plan = None if self.asked else self.space.grid()
        self.asked = True
        return plan

    def tell(self, told: Any) -> None:
        self.told = list(told)

    def judge(self, trial: Any, step: int, metrics: Any) -> bool:
        return step >= 2 and metrics["loss"] > 5


SERIES = """
def learn(start: float, context) -> dict[str, float]:
    for step in range(6):
        context.log(step, loss=start - step)
    return {"loss": start - 6}
"""

PROGRAM = """
import json, os, signal, sys, time
start = float(sys.argv[1])
with open(os.environ["FAIRTRIAL_STEPS"], "a") as steps:
    for step in range(6):
        print(json.dumps({"step": step, "loss": start - step}), file=steps, flush=True)
while start > 5:
    time.sleep(0.01)   # it would never end: SIGTERM has to
print(json.dumps({"loss": start - 6}))
"""


@pytest.mark.parametrize(
    "system",
    [{"python": "series:learn"}, {"command": [sys.executable, "program.py", "{start}"]}],
    ids=["python", "command"],
)
def test_a_strategy_stops_a_trial_on_its_series(here: Path, system: dict[str, Any]) -> None:
    """Pruned trials settle as pruned, with their steps and without a number; the others go on to their end."""
    (here / "series.py").write_text(SERIES)
    (here / "program.py").write_text(PROGRAM)
    made = Study(
        study="p",
        system=system,
        factors={"start": [1.0, 20.0]},
        metrics={"loss": "minimize"},
        design="impatient",
        plugins={"strategy": {"impatient": Impatient}},
        limits={"wall": "50s"},
    ).run()
    rows = {row.assignment["start"]: row for row in made.trials()}
    assert str(rows[1.0].status) == "done"
    assert rows[1.0].metrics == {"loss": -5.0}
    assert str(rows[20.0].status) == "pruned"
    assert rows[20.0].metrics.get("loss") is None
    assert made.exit_code == 0
