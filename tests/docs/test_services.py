"""The tables of the services page are those of the code: metrics, load, targets, limits of validity.

`python tests/docs/test_services.py` writes them into the page.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from fairtrial.model.study import Direction
from fairtrial.systems.services.load.words import Load, Validity
from fairtrial.systems.services.measure.known import METRICS
from fairtrial.systems.services.parameters import TargetParameters
from fairtrial.systems.services.targets.known import KINDS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "systems" / "services.md"
PLOTS = PAGE.parent / "services"
BLOCK = re.compile(r"<!-- table: (\w+) -->\n(.*?)<!-- end -->", re.DOTALL)
HINT = "python tests/docs/test_services.py"

BETTER = {Direction.MAXIMIZE: "higher", Direction.MINIMIZE: "lower", Direction.NONE: ""}
ANY = {"simulated": "any", "null": "any"}
TOLD: Mapping[str, tuple[str, str]] = {
    "postgres": ("services", "yes"),
    "chroma": ("chroma", "yes"),
    "openai": ("services", "yes, against llama.cpp"),
    "vllm": ("services, and vLLM in an environment of its own", "on a CPU, in the long tests; not on a GPU"),
    "llamacpp": ("llamacpp, and doctor --fetch smollm2", "yes"),
    "ollama": ("services, and Ollama", "format only; no real Ollama"),
    "http": ("services", "yes"),
    "redis": ("redis", "yes, on Debian's server"),
    "qdrant": ("qdrant", "**untested**: no server was there"),
    "minio": ("minio", "**untested**: no server was there"),
    "simulated": ("services", "yes, against theory"),
    "null": ("services", "yes"),
}
"""Kind -> extra to install, and whether it is tested: what no code says."""


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Write a table of Markdown."""
    lines = [list(heads), ["---"] * len(list(heads)), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def metrics() -> str:
    """Write what can be measured."""
    rows = ((f"`{m.name}`", m.unit, BETTER[m.direction], m.help) for m in METRICS.values())
    return table(["metric", "unit", "better", "meaning"], rows)


def shown(value: Any) -> str:
    """Write a default."""
    return "" if value is None or value is PydanticUndefined else f"`{value}`"


def words(model: type[BaseModel]) -> str:
    """Write the parameters of a model, with what they say of themselves."""
    rows = []
    for name, field in model.model_fields.items():
        choices = [f"`{choice}`" for choice in get_args(field.annotation) if isinstance(choice, str)]
        rows.append([f"`{name}`", shown(field.default), field.description or ", ".join(choices)])
    return table(["parameter", "default", "meaning"], rows)


def targets() -> str:
    """Write what can be measured, how it is reached, what can be asked of it."""
    known = {target.model_fields["kind"].annotation: target for target in get_args(TargetParameters)}
    models = {get_args(kind)[0]: target.model_fields for kind, target in known.items()}
    rows = []
    for kind in KINDS:
        servers = choices(models[kind], "server") or (["–"] if kind in ANY else ["attach"])
        asked = ANY.get(kind) or ", ".join(choices(models[kind], "operation")) or "own request template"
        rows.append([f"`{kind}`", ", ".join(servers), asked, *TOLD[kind]])
    return table(["target", "server", "operations", "extra", "tested"], rows)


def choices(fields: Mapping[str, Any], name: str) -> list[str]:
    """Return the words that a parameter takes, the default first."""
    if name not in fields:
        return []
    found = [choice for choice in get_args(fields[name].annotation) if isinstance(choice, str)]
    return sorted(found, key=lambda choice: choice != fields[name].default)


MADE = {"metrics": metrics, "load": lambda: words(Load), "targets": targets}


def write() -> None:
    """Write the tables into the page."""
    text = PAGE.read_text()
    PAGE.write_text(BLOCK.sub(lambda found: f"<!-- table: {found[1]} -->\n{MADE[found[1]]()}<!-- end -->", text))


@pytest.mark.parametrize("name", MADE)
def test_a_table_is_that_of_the_code(name):
    """Every metric, parameter and target is there with what the code says of it, and nothing else."""
    found = dict(BLOCK.findall(PAGE.read_text()))
    assert set(found) == set(MADE)
    assert found[name] == MADE[name](), HINT


def test_extras_can_be_installed():
    """The first word of a target's extra is an extra of the package."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {extra.partition(",")[0] for extra, _ in TOLD.values()} <= set(extras)


def test_what_is_untested_is_said_in_the_readme():
    """The README names the targets that have met no server."""
    readme = (ROOT / "README.md").read_text()
    untested = [kind for kind, (_, tested) in TOLD.items() if "untested" in tested]
    assert untested
    assert not [kind for kind in untested if not re.search(rf"\b{kind}\b", readme, re.IGNORECASE)]


def test_every_limit_of_validity_is_explained():
    """Each parameter below `validity` stands in the table of reasons, with its default as people write it."""
    text = PAGE.read_text()
    assert not [name for name in Validity.model_fields if f"`{name}`" not in text]
    limits = Validity()
    for value in (limits.achieved, limits.lateness_share, limits.generator_cpu, limits.steal, limits.little):
        assert f"{value * 100:g} %" in text
    for value in (limits.lateness_s, limits.loop_lag_s):
        assert f"{value * 1e3:g} ms" in text
    assert f"{limits.floor:g} x" in text


def test_plots_are_shown_and_shown_ones_are_there():
    """Every picture beside the page is in it, as the vector that a report draws."""
    linked = set(re.findall(r"!\[[^\]]+\]\(services/([^)]+)\)", PAGE.read_text()))
    assert linked == {path.name for path in PLOTS.iterdir()}
    assert not [name for name in linked if "<svg" not in (PLOTS / name).read_text()[:2000]]


if __name__ == "__main__":
    write()
