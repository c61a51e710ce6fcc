"""The tables of the threadpool page are those of the code: parameters, metrics, studies, telemetry.

`python tests/docs/test_threadpool.py` writes them into the page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from ruamel.yaml import YAML

from fairtrial.model.study import Direction
from fairtrial.systems.threadpool import parameters as given
from fairtrial.systems.threadpool import words
from fairtrial.systems.threadpool.metrics import GROUPS
from fairtrial.systems.threadpool.system import ThreadPool
from fairtrial.systems.threadpool.telemetry.schema import FEATURES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "systems" / "threadpool.md"
PLOTS = PAGE.parent / "threadpool"
BLOCK = re.compile(r"<!-- table: (\w+) -->\n(.*?)<!-- end -->", re.DOTALL)
HINT = "python tests/docs/test_threadpool.py"

BETTER = {Direction.MAXIMIZE: "higher", Direction.MINIMIZE: "lower", Direction.NONE: ""}
PARTS: Mapping[str, type[BaseModel]] = {
    "": given.Parameters,
    "workload.arrivals": words.Arrivals,
    "workload.cpu": words.Duration,
    "machine": words.Machine,
    "pool": words.Pool,
    "telemetry": given.Telemetry,
    "training": given.Training,
    "policy": given.Policy,
    "control": given.Control,
    "validity": words.Validity,
}
"""Path -> model; `workload.blocking` is as `workload.cpu`, `training.policy` as `policy`."""


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Write a table of Markdown."""
    lines = [list(heads), ["---"] * len(list(heads)), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def shown(value: Any) -> str:
    """Write a default; parts that are models have tables of their own."""
    return "" if value is None or value is PydanticUndefined or isinstance(value, BaseModel) else f"`{value}`"


def choices(annotation: Any) -> list[str]:
    """Return the words that a parameter takes, also where it may be left out."""
    found = [f"`{one}`" for one in get_args(annotation) if isinstance(one, str)]
    return found or [word for one in get_args(annotation) for word in choices(one)]


def meaning(field: Any) -> str:
    """Write what a parameter says of itself, and the words that it takes."""
    said, taken = field.description or "", ", ".join(choices(field.annotation))
    return f"{said} {taken}".strip() if not all(word.strip("`") in said for word in taken.split(", ")) else said


def parameters() -> str:
    """Write every parameter with what it says of itself."""
    rows = [
        (f"`{path}.{name}`".replace("`.", "`"), shown(field.default), meaning(field))
        for path, model in PARTS.items()
        for name, field in model.model_fields.items()
        if not (isinstance(field.default, BaseModel) and not field.description)
    ]
    return table(["parameter", "default", "meaning"], rows)


def metrics() -> str:
    """Write what is measured, group by group."""
    rows = ((f"`{m.name}`", m.unit, BETTER[m.direction], m.help, name)
            for name, group in GROUPS.items() if name != "features" for m in group.values())  # fmt: skip
    return table(["metric", "unit", "better", "meaning", "group"], rows)


def telemetry() -> str:
    """Write the ten numbers of a row."""
    return table(["column", "unit", "meaning"], ((f"`{one.name}`", one.unit, one.help) for one in FEATURES))


def studies() -> str:
    """Write the studies that come with the system."""
    rows = []
    for path in sorted(ThreadPool.studies.glob("*.yaml")):
        document = YAML(typ="safe", pure=True).load(path.read_text())
        needs = document.get("inputs", {}).get("labels", {}).get("study", "")
        rows.append((f"`threadpool/{path.stem}`", document["question"], f"`{needs}`" if needs else ""))
    return table(["study", "question", "needs the labels of"], rows)


MADE: Mapping[str, Callable[[], str]] = {
    "studies": studies, "telemetry": telemetry, "parameters": parameters, "metrics": metrics,
}  # fmt: skip


def write() -> None:
    """Write the tables into the page."""
    text = PAGE.read_text()
    PAGE.write_text(BLOCK.sub(lambda found: f"<!-- table: {found[1]} -->\n{MADE[found[1]]()}<!-- end -->", text))


@pytest.mark.parametrize("name", MADE)
def test_a_table_is_that_of_the_code(name: str) -> None:
    """Every parameter, metric, study and column is there with what the code says of it, and nothing else."""
    found = dict(BLOCK.findall(PAGE.read_text()))
    assert set(found) == set(MADE)
    assert found[name] == MADE[name](), HINT


def test_every_part_has_its_parameters() -> None:
    """No model of parameters is left out of the table."""
    models = {type_ for module in (words, given) for type_ in vars(module).values() if _is_part(type_)}
    assert models - {words.Words, words.Workload} == set(PARTS.values())


def _is_part(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, words.Words)


def test_every_metric_that_may_be_undefined_is_explained() -> None:
    """The groups of metrics that a trial has, and when they have no value, stand in the page."""
    text = PAGE.read_text()
    assert not [name for name in GROUPS if f"`{name}`" not in text]


def test_plots_are_shown_and_shown_ones_are_there() -> None:
    """Every picture beside the page is in it, as the vector that a report draws."""
    linked = set(re.findall(r"!\[[^\]]+\]\(threadpool/([^)]+)\)", PAGE.read_text()))
    assert linked == {path.name for path in PLOTS.iterdir()}
    assert not [name for name in linked if "<svg" not in (PLOTS / name).read_text()[:2000]]


if __name__ == "__main__":
    write()
