"""The source tree, parsed once for all tests of the architecture."""

from __future__ import annotations

import ast
import os
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "fairtrial"
NOT_OURS = {"__pycache__", "node_modules", "dist", "build", "reports", "results"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Source:
    """A Python file: `name` is relative to the package (`plan/grid.py`)."""

    path: Path
    name: str
    text: str
    tree: ast.Module

    @property
    def module(self) -> str:
        """The dotted name, `fairtrial.plan.grid`."""
        parts = ["fairtrial", *Path(self.name).with_suffix("").parts]
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def functions(self) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
        """Yield (qualified name, function), nested ones and methods included."""
        yield from _functions(self.tree, "")

    def classes(self) -> Iterator[ast.ClassDef]:
        """Yield every class, nested ones included."""
        yield from (node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef))

    def strings(self) -> Iterator[ast.Constant]:
        """Yield every string that is data: docstrings and attribute docs are left out."""
        prose = {id(node.value) for node in ast.walk(self.tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
                yield node


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for child in ast.iter_child_nodes(node):
        inner = prefix
        if isinstance(child, (*FUNCTIONS, ast.ClassDef)):
            inner = f"{prefix}{child.name}."
        if isinstance(child, FUNCTIONS):
            yield f"{prefix}{child.name}", child
        yield from _functions(child, inner)


def read_source(path: Path, package: Path) -> Source:
    """Parse a file of the package."""
    text = path.read_text()
    return Source(path, path.relative_to(package).as_posix(), text, ast.parse(text))


def project_files() -> Iterator[Path]:
    """Walk the files of the checkout: no caches, environments, builds or books."""
    for folder, names, files in os.walk(ROOT):
        names[:] = [name for name in names if name not in NOT_OURS and (name[0] != "." or name == ".ci")]
        yield from (Path(folder, name) for name in files)


@pytest.fixture(scope="session")
def sources() -> list[Source]:
    """Every Python file of the package, parsed."""
    return [read_source(path, PACKAGE) for path in sorted(PACKAGE.rglob("*.py"))]


@pytest.fixture(scope="session")
def pyproject() -> dict[str, Any]:
    """pyproject.toml as data."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="session")
def texts() -> list[tuple[str, str]]:
    """(path within the checkout, text) of every text file: sources, tests, documents, studies, settings."""
    found = []
    for path in sorted(project_files()):
        data = path.read_bytes()
        if b"\0" not in data:
            found.append((path.relative_to(ROOT).as_posix(), data.decode(errors="replace")))
    return found


@pytest.fixture(scope="session")
def parse() -> Callable[[str], Source]:
    """Make a Source of a text, for tests of the checks themselves."""
    return lambda text: Source(Path("sample.py"), "plan/sample.py", text, ast.parse(text))


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout's folder."""
    return ROOT
