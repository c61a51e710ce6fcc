"""Tests of which files a function's code consists of."""

from __future__ import annotations

import pytest

from fairtrial.systems.function.source import root, source_digests


def tree(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_init", "__init__")
        path = path.with_name(f"{path.name}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def names(folder, module, file):
    return sorted(source_digests(module, folder / file))


@pytest.mark.parametrize(
    ("text", "also"),
    [
        ("import a", ["a.py"]),
        ("import a as b, pkg.deep.leaf", ["a.py", "pkg/__init__.py", "pkg/deep/leaf.py"]),
        ("from pkg import mod", ["pkg/__init__.py", "pkg/mod.py"]),
        ("from pkg.mod import anything", ["pkg/__init__.py", "pkg/mod.py"]),
        ("def f():\n  try:\n    import a\n  except ImportError: pass", ["a.py"]),
        ("import importlib\nx = importlib.import_module('a')", ["a.py"]),
        ("import json, numpy, absent", []),
        ("from pkg.mod import *", ["pkg/__init__.py", "pkg/mod.py"]),
        ("import chain", ["a.py", "chain.py"]),
        ("import loop", ["loop.py"]),
    ],
)
def test_imports_are_followed(tmp_path, text, also):
    """Every way to import a neighbour counts, at any depth of the file; what is installed does not."""
    tree(tmp_path, a="", chain="import a", loop="import main", pkg___init="", pkg__mod="", pkg__deep__leaf="", stray="")
    (tmp_path / "main.py").write_text(text)
    assert names(tmp_path, "main", "main.py") == sorted(["main.py", *also])


def test_relative_imports(tmp_path):
    """Dots count from the module's own package."""
    tree(tmp_path, pkg___init="from . import first", pkg__first="", pkg__second="", pkg__sub___init="")
    tree(tmp_path, pkg__sub__here="from ..second import x\nfrom . import near", pkg__sub__near="")
    assert names(tmp_path, "pkg.sub.here", "pkg/sub/here.py") == [
        "pkg/__init__.py",
        "pkg/first.py",
        "pkg/second.py",
        "pkg/sub/__init__.py",
        "pkg/sub/here.py",
        "pkg/sub/near.py",
    ]


def test_installed_modules_count_their_own_package_only(tmp_path):
    """Below site-packages a neighbour is somebody else's."""
    site = tmp_path / "site-packages"
    tree(site, pkg___init="import other", pkg__mod="import pkg.more, other", pkg__more="", other="")
    assert names(site, "pkg.mod", "pkg/mod.py") == ["pkg/__init__.py", "pkg/mod.py", "pkg/more.py"]


def test_root_of_packages(tmp_path):
    """The root is where the top-level name lies."""
    assert root("a.b.c", tmp_path / "a" / "b" / "c.py") == tmp_path
    assert root("a.b", tmp_path / "a" / "b" / "__init__.py") == tmp_path


def test_extension_modules_and_broken_files_count(tmp_path):
    """A compiled neighbour counts by its bytes, and so does one that does not parse."""
    tree(tmp_path, main="import fast, broken", broken="def (")
    (tmp_path / "fast.cpython-311-x86_64-linux-gnu.so").write_bytes(b"\x7fELF")
    assert names(tmp_path, "main", "main.py") == ["broken.py", "fast.cpython-311-x86_64-linux-gnu.so", "main.py"]
