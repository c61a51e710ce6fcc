"""Names: the core never names a system, folders say what they do, nothing is left to do, nothing names a machine."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

VAGUE = {"utils", "util", "helpers", "helper", "common", "core", "base", "misc", "lib"}
LEFT_TO_DO = re.compile(r"\b(TO[D]O|FIX[M]E|XX[X]|HA[C]K)\b")
REGISTRIES = re.compile(r"py[p]i\.(org|python)|pythonhoste[d]\.org|npm[j]s\.(org|com)|deb\.debia[n]\.org")
MACHINES = re.compile(r"(?<![\w.~$}])/(roo[t]|wor[k])/")
SYSTEM_PATH = re.compile(r"fairtrial[./]systems[./]|\bsystems[./](\w+[./])?system\b")

ORDINARY_WORDS = {"function", "command"}
"""Systems whose names are words of the language: as whole strings they mean the thing, not the system."""


def system_names(root: Path) -> set[str]:
    """List the built-in systems: the folders of `systems`."""
    return {path.parent.name for path in (root / "src/fairtrial/systems").glob("*/__init__.py")}


def named_systems(source, systems: set[str]) -> list[str]:
    """List the strings of a file that name a built-in system or its module."""
    found = [node for node in source.strings() if node.value in systems or SYSTEM_PATH.search(node.value)]
    return [f"{source.name}:{node.lineno}: {node.value!r}" for node in found]


def constant_imports(source) -> list[str]:
    """List the calls that import a module by a literal name, which import-linter cannot see."""
    found = []
    for node in ast.walk(source.tree):
        if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant | ast.JoinedStr)):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in ("import_module", "__import__", "find_spec"):
            found.append(f"{source.name}:{node.lineno}: {ast.unparse(node)}")
    return found


def test_core_names_no_system(sources, root):
    """Outside `systems`, no string names a built-in system or its module."""
    systems = system_names(root) - ORDINARY_WORDS
    outside = [source for source in sources if not source.name.startswith("systems/")]
    wrong = [line for source in outside for line in named_systems(source, systems)]
    assert not wrong, "\n".join(wrong)


def test_imports_are_statements(sources):
    """A module whose name is known is imported by a statement, never by a string."""
    wrong = [line for source in sources for line in constant_imports(source)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("text", "named", "imported"),
    [
        ("x = 'threadpool'", 1, 0),
        ("x = 'fairtrial.systems.command.system:bind'", 1, 0),
        ("from importlib import import_module\nimport_module('fairtrial.plan')", 0, 1),
        ("import importlib\nimportlib.import_module(f'fairtrial.{x}')", 0, 1),
        ("import importlib\nimportlib.import_module(x)", 0, 0),
        ("x = 'thread pool'", 0, 0),
    ],
)
def test_checks_find(text, named, imported, parse):
    """The checks above find what they are for, and nothing else."""
    assert len(named_systems(parse(text), {"threadpool"})) == named
    assert len(constant_imports(parse(text))) == imported


def test_no_vague_folder_or_module(sources):
    """No folder or module is named after nothing in particular (utils, helpers, common, core, base)."""
    parts = {part for source in sources for part in Path(source.name).with_suffix("").parts}
    assert not parts & VAGUE


def test_file_names_are_one_word(sources):
    """File and folder names are one word each."""
    names = {part for source in sources for part in Path(source.name).with_suffix("").parts if part[0] != "_"}
    assert not [name for name in sorted(names) if "_" in name.strip("_")]


def test_nothing_left_to_do(texts):
    """No file carries a note that something is still to be done."""
    found = [f"{name}: {match.group()}" for name, text in texts for match in LEFT_TO_DO.finditer(text)]
    assert not found, "\n".join(found)


def test_no_package_index_is_named(texts):
    """No file names the host of a package index: where packages come from is the installer's business."""
    found = [f"{name}: {match.group()}" for name, text in texts for match in REGISTRIES.finditer(text)]
    assert not found, "\n".join(found)


def test_no_path_of_a_machine(texts, root):
    """No file carries the path of this checkout, or of a machine's own folders."""
    found = [f"{name}: {match.group()}" for name, text in texts for match in MACHINES.finditer(text)]
    found += [f"{name}: {root}" for name, text in texts if f"{root}/" in text]
    assert not found, "\n".join(found)


def test_no_lock_file_with_addresses(root):
    """No lock file is tracked: it would carry the addresses of a package index."""
    if not (root / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert not [name for name in listed if Path(name).name in ("uv.lock", "pylock.toml", "poetry.lock")]
