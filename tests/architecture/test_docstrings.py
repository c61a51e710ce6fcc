"""Every module says in one sentence what it is; every public class and function says what it promises."""

from __future__ import annotations

import ast
import re

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def undocumented(source) -> list[str]:
    """List the public classes, functions and methods of a file that have no docstring."""
    return [f"{source.name}:{node.lineno}: {name}" for name, node in public(source.tree) if not ast.get_docstring(node)]


def public(node: ast.AST, prefix: str = ""):
    """Yield (qualified name, node) of what is public: no leading underscore anywhere, not inside a function."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (*FUNCTIONS, ast.ClassDef)) or child.name.startswith("_"):
            continue
        yield f"{prefix}{child.name}", child
        if isinstance(child, ast.ClassDef):
            yield from public(child, f"{prefix}{child.name}.")


def test_module_docstrings(sources):
    """Every module has a docstring whose first paragraph is a sentence on one line (or two)."""
    wrong = []
    for source in sources:
        text = ast.get_docstring(source.tree) or ""
        first = text.split("\n\n")[0]
        if not re.search(r"[.;:]\Z", first.strip()) or len(first) > 240:
            wrong.append(f"{source.name}: {first!r}")
    assert not wrong, "\n".join(wrong)


def test_public_docstrings(sources):
    """Every public class, function and method is documented."""
    wrong = [line for source in sources for line in undocumented(source)]
    assert not wrong, "\n".join(wrong)


def test_undocumented_is_found(parse):
    """The check finds bare public functions and methods, and leaves private ones alone."""
    text = "def f(): ...\ndef _g(): ...\nclass C:\n    '''Doc.'''\n    def m(self): ...\n    def _n(self): ...\n"
    assert undocumented(parse(text)) == ["plan/sample.py:1: f", "plan/sample.py:5: C.m"]
