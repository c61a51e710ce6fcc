"""A knee where the harness was the bottleneck is the harness's own, and no finding about the subject."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fairtrial.contract import registry as plugins

Type = Callable[..., tuple[int, str, str]]

PLUGIN = """
import os
from pydantic import BaseModel, ConfigDict
from fairtrial.model.study import Direction, Metric

class Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid")
    clients: int = 1
    busy_from: int = 1000

class Driven:
    name = "driven"
    version = "1"
    Parameters = Parameters
    metrics = {"rate": Metric("rate", Direction.MAXIMIZE), "generator_cpu_share": Metric("generator_cpu_share")}
    bound = {"generator_cpu_share": 0.9, "unknown_share": 0.5}

    def run(self, parameters, context):
        noise = 1 + context.rng().normal() / 200
        share = 0.97 if parameters.clients >= parameters.busy_from else 0.2
        return {"rate": 100 * min(parameters.clients, 8) * noise, "generator_cpu_share": share}
"""

STUDY = """\
study: driven
system: driven
base: {{busy_from: {busy_from}}}
factors: {{clients: [1, 2, 4, 8, 16, 32]}}
replicates: 4
metrics: {{rate: maximize}}
"""


@pytest.fixture(autouse=True)
def site(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A distribution on the path with a system that says when the harness is the bottleneck."""
    info = here / "driven-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: driven\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[fairtrial.systems]\ndriven = driven_system:Driven\n")
    (here / "driven_system.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(here))
    plugins._entries.cache_clear()
    yield here
    plugins._entries.cache_clear()


@pytest.mark.parametrize(("busy_from", "said"), [(8, "8"), (32, "32"), (2, "2")])
def test_a_knee_of_the_harness_is_none(
    here: Path, fairtrial: Type, data: Callable[..., Any], busy_from: int, said: str
) -> None:
    """On the knee or behind it: the answer says from where on, in the report too; the metric need not be declared."""
    (here / "study.yaml").write_text(STUDY.format(busy_from=busy_from))
    assert fairtrial("run", "study.yaml", "-q")[0] == 0
    (found,) = data("analyse", "--of", "saturation")["saturation"]
    assert (found["knee"], found["capacity"], found["verdict"]) == (None, None, "inconclusive")
    words = f"generator-bound from clients = {said} on (generator_cpu_share 0.97): no knee of the service can be told"
    assert words in found["answer"]
    assert "generator-bound from clients" in fairtrial("report", "--of", "saturation")[1]


def test_a_knee_of_the_subject_stays(here: Path, fairtrial: Type, data: Callable[..., Any]) -> None:
    """Where the harness had room everywhere; also where the system is not installed any more, which nobody can ask."""
    (here / "study.yaml").write_text(STUDY.format(busy_from=1000))
    assert fairtrial("run", "study.yaml", "-q")[0] == 0
    (found,) = data("analyse", "--of", "saturation")["saturation"]
    assert 6 < found["knee"] < 10
    (here / "study.yaml").write_text(STUDY.format(busy_from=8))
    fairtrial("run", "study.yaml", "-q")
    (here / "driven-0.1.dist-info" / "entry_points.txt").write_text("")
    plugins._entries.cache_clear()
    (found,) = data("analyse", "--of", "saturation")["saturation"]
    assert 6 < found["knee"] < 10
