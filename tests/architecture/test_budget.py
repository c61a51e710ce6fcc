"""The size budget: short functions, flat code, small files and classes; exceptions are listed with a reason each."""

from __future__ import annotations

import ast
from statistics import median, quantiles

import pytest

BODY_MEDIAN, BODY_P90, BODY_CAP = 8, 30, 50
NESTING_CAP, FILE_CAP, METHOD_CAP, POSITIONAL_CAP = 3, 400, 12, 5

NESTS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

EXCEPTIONS: dict[str, str] = {
    "contract/journal.py:Ledger": "a Protocol: one reading method for each thing that a book answers; no behaviour",
    "testing/exams/engine.py:EngineExam": "a class of tests: one method for each promise of an engine",
    "testing/exams/journal.py:JournalExam": "a class of tests: one method for each promise of a journal",
    "testing/exams/strategy.py:StrategyExam": "a class of tests: one method for each promise of a strategy",
    "testing/exams/system.py:SystemExam": "a class of tests: one method for each promise of a system",
}
"""`file`, `file:function` or `file:Class` -> the reason why it may be larger."""


def body_lines(function) -> int:
    """Count the lines of a function's body, docstring excluded, blank lines and comments included."""
    statements = function.body
    if ast.get_docstring(function, clean=False) is not None:
        statements = statements[1:]
    return statements[-1].end_lineno - statements[0].lineno + 1 if statements else 0


def nesting(function) -> int:
    """Return how deep control flow nests in a function; `elif` adds nothing, inner functions count on their own."""
    return max((_depth(node) for node in function.body), default=0)


def _depth(node: ast.AST) -> int:
    if isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
        return 0
    own = int(isinstance(node, NESTS))
    deepest = own + max((_depth(child) for child in ast.iter_child_nodes(node)), default=0)
    if isinstance(node, ast.If) and len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
        inside = [_depth(child) for child in (*node.body, node.test)]
        deepest = max(own + max(inside), _depth(node.orelse[0]))
    return deepest


def positional(function) -> int:
    """Count the parameters that may be given by position, `self` and `cls` left out."""
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return len([name for name in names if name not in ("self", "cls")])


def is_private(function) -> bool:
    """Say whether a name is for its file alone."""
    return function.name.startswith("_")


def methods(node: ast.ClassDef) -> int:
    """Count a class's methods; dunder methods are the language's, not ours."""
    return sum(isinstance(item, FUNCTIONS) and not item.name.startswith("__") for item in node.body)


@pytest.fixture(scope="module")
def functions(sources):
    """(place, function) of every function of the package."""
    return [(f"{source.name}:{name}", function) for source in sources for name, function in source.functions()]


def too_large(found: dict[str, int], cap: int) -> list[str]:
    """List what is past a cap and has no reason to be, largest first."""
    over = sorted(
        ((size, place) for place, size in found.items() if size > cap and place not in EXCEPTIONS), reverse=True
    )
    return [f"{place}: {size} > {cap}" for size, place in over]


def test_body_cap(functions):
    """No function body has more than 50 lines."""
    assert not too_large({place: body_lines(function) for place, function in functions}, BODY_CAP)


def test_body_distribution(functions):
    """Half of the function bodies have at most 8 lines, nine tenths at most 30."""
    sizes = [body_lines(function) for _, function in functions]
    assert median(sizes) <= BODY_MEDIAN
    assert quantiles(sizes, n=10)[-1] <= BODY_P90


def test_nesting(functions):
    """Control flow nests at most three deep."""
    assert not too_large({place: nesting(function) for place, function in functions}, NESTING_CAP)


def test_positional_parameters(functions):
    """At most five parameters may be given by position; a verb's are options, which typer reads from its signature."""
    found = {place: positional(node) for place, node in functions if not place.startswith("cli/") or is_private(node)}
    assert not too_large(found, POSITIONAL_CAP)


def test_file_cap(sources):
    """No file has more than 400 lines."""
    assert not too_large({source.name: len(source.text.splitlines()) for source in sources}, FILE_CAP)


def test_class_cap(sources):
    """No class has more than 12 methods."""
    found = {f"{source.name}:{node.name}": methods(node) for source in sources for node in source.classes()}
    assert not too_large(found, METHOD_CAP)


def test_exceptions_are_needed(sources, functions):
    """Every listed exception exists and is really too large, so that the list only shrinks."""
    large = {
        place for place, function in functions if body_lines(function) > BODY_CAP or nesting(function) > NESTING_CAP
    }
    large |= {place for place, function in functions if positional(function) > POSITIONAL_CAP}
    large |= {source.name for source in sources if len(source.text.splitlines()) > FILE_CAP}
    large |= {f"{s.name}:{node.name}" for s in sources for node in s.classes() if methods(node) > METHOD_CAP}
    assert sorted(set(EXCEPTIONS) - large) == []


SAMPLE = '''
def f(a, b=1, /, *, c):
    """Doc."""
    if a:
        pass
    elif b:
        for x in c:
            with x:
                pass

    return 1

class C:
    def __init__(self): ...
    def one(self, a): ...
    def two(self):
        def inner():
            while True:
                pass
'''


def test_measures(parse):
    """The measures count what they say: body without docstring, elif as one level, dunders left out."""
    source = parse(SAMPLE)
    found = dict(source.functions())
    assert {name: body_lines(node) for name, node in found.items()} == {
        "f": 8, "C.__init__": 1, "C.one": 1, "C.two": 3, "C.two.inner": 2,
    }  # fmt: skip
    assert [nesting(found[name]) for name in ("f", "C.two", "C.two.inner")] == [3, 0, 1]
    assert [positional(found[name]) for name in ("f", "C.one")] == [2, 1]
    assert [methods(node) for node in source.classes()] == [2]
