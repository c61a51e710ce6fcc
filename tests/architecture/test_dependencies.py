"""What is installed: the core's dependencies are ten by name, extras are as announced, every import is declared."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions

import pytest

CORE = {"pydantic", "ruamel.yaml", "typer", "rich", "psutil", "numpy", "scipy", "polars", "matplotlib", "jinja2"}
SYSTEMS = {"threadpool", "phenomenology", "signals", "services", "scaling"}
SERVERS = {"chroma", "llamacpp", "redis", "qdrant", "minio"}
EXTRAS = {*SYSTEMS, *SERVERS, "optuna", "mlflow", "toml", "demo", "all"}

PARTS = {
    "pydantic_core": "pydantic",  # the half of pydantic that builds schemas; released and pinned with it
    "click": "typer",  # typer's own errors and contexts are click's
}
"""Module of a dependency's dependency -> the declared distribution that brings it."""

OPTIONAL = {"pytest": "testing/"}
"""Module that only plug-in authors need -> where it may be imported; whoever runs an exam has it."""


def distribution(requirement: str) -> str:
    """Return the name in a requirement, `scikit-learn` of `scikit-learn>=1.5`."""
    return re.split(r"[<>=!~\[; ]", requirement, maxsplit=1)[0].lower()


def imports(source) -> set[str]:
    """Return the top-level names of what a file imports, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.fixture(scope="module")
def declared(pyproject) -> set[str]:
    """Distributions that the core or one of its extras declares."""
    project = pyproject["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    return {distribution(line) for line in (*project["dependencies"], *extras)}


def test_core_is_exactly_ten(pyproject):
    """The core depends on exactly the ten announced distributions."""
    assert {distribution(line) for line in pyproject["project"]["dependencies"]} == CORE


def test_extras(pyproject):
    """There is one extra per system and per server it can start, optuna, mlflow, toml, demo, and all: every other."""
    extras = pyproject["project"]["optional-dependencies"]
    assert set(extras) == EXTRAS
    (everything,) = extras["all"]
    assert set(re.findall(r"\w+", everything.partition("[")[2])) == EXTRAS - {"all"}


def test_every_import_is_declared(sources, declared):
    """Every third-party module that the package imports belongs to a declared distribution."""
    known = packages_distributions()
    wrong = []
    for source in sources:
        for module in imports(source) - set(sys.stdlib_module_names) - {"fairtrial", "__main__"}:
            if source.name.startswith(OPTIONAL.get(module, "\0")):
                continue
            owners = {name.lower() for name in known.get(module, [module])} | {PARTS.get(module, "")}
            if not owners & declared:
                wrong.append(f"{source.name}: {module}")
    assert not wrong, "\n".join(wrong)


def test_python_version(pyproject):
    """The package says that it needs Python 3.11 or newer."""
    assert pyproject["project"]["requires-python"] == ">=3.11"


def test_version_has_a_changelog_entry(pyproject, root):
    """The changelog's newest entry is that of the package's version."""
    headings = re.findall(r"^## (\S+)", (root / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert headings[0] == pyproject["project"]["version"]
