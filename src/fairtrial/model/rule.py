"""Rules: small boolean expressions over factors, as in `exclude`, `when` and `--only`. Parsed, never evaluated as code.

A rule knows names (dotted paths, list indexes included; `variant` and `replicate` are names too), numbers, strings,
True / False / None, lists, comparisons (`==`, `<`, `in`, … also chained), `and` / `or` / `not`, `+ - * / // % **`.
A rule that names something absent is false.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fairtrial.errors import UserError

_TOKEN = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?<![\w.])([A-Za-z_]\w*(?:\.\w+)*)""")
_WORDS = {"and", "or", "not", "in", "is", "True", "False", "None", "true", "false", "null"}
_CONSTANTS = {"true": True, "false": False, "null": None}
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}

Evaluate = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """A parsed rule: `text` as the user wrote it, the `names` it reads, and `holds(values)`."""

    text: str
    names: frozenset[str] = field(compare=False)
    _evaluate: Evaluate = field(compare=False, repr=False)
    parts: tuple[Rule, ...] = field(default=(), compare=False, repr=False)
    """The rules that `and` joins at its top; empty for any other rule."""

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Say whether the rule is true of the values (flat: dotted path -> value); absent names make it false.

        Raises UserError where two values cannot be compared or combined.
        """
        if not all(name in values for name in self.names):
            return False
        try:
            return bool(self._evaluate(values))
        except (TypeError, ValueError, ZeroDivisionError, OverflowError) as problem:
            shown = ", ".join(f"{name}={values[name]!r}" for name in sorted(self.names))
            raise UserError(f"rule {self.text!r} makes no sense for {shown}: {problem}") from problem

    def __reduce__(self) -> tuple[Callable[[str], Rule], tuple[str]]:
        return parse, (self.text,)


def parse(text: str) -> Rule:
    """Parse a rule. Raises UserError saying what it does not understand."""
    names: dict[str, str] = {}
    python = _TOKEN.sub(lambda match: _token(match, names), text)
    try:
        tree = ast.parse(python.strip(), mode="eval")
        evaluate = _compile(tree.body, names)
        _refuse_unread(tree, names)
    except (SyntaxError, RecursionError, ValueError) as problem:
        raise UserError(
            f"rule {text!r} is not understood",
            hint="write comparisons of factors, such as load.clients > 8 and variant == 'tuned'",
        ) from problem
    return Rule(text=text, names=frozenset(names.values()), _evaluate=evaluate, parts=_parts(tree.body, names))


def _refuse_unread(tree: ast.Expression, names: Mapping[str, str]) -> None:
    """Refuse a rule of which a part was not read (`#` starts a comment to the parser)."""
    if not {item.id for item in ast.walk(tree) if isinstance(item, ast.Name)}.issuperset(names):
        raise ValueError("a part of it is a comment")


def _parts(node: ast.expr, names: Mapping[str, str]) -> tuple[Rule, ...]:
    if not (isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And)):
        return ()
    return tuple(_part(value, names) for value in node.values)


def _part(node: ast.expr, names: Mapping[str, str]) -> Rule:
    used = {item.id for item in ast.walk(node) if isinstance(item, ast.Name) and item.id in names}
    text = re.sub(r"\bname_\d+_", lambda match: names.get(match.group(), match.group()), ast.unparse(node))
    read = frozenset(names[name] for name in used)
    return Rule(text=text, names=read, _evaluate=_compile(node, names), parts=_parts(node, names))


def _token(match: re.Match[str], names: dict[str, str]) -> str:
    quoted, word = match.group(1), match.group(2)
    if quoted or word in _WORDS:
        return str(match.group(0))
    stand_in = f"name_{len(names)}_"
    known = {name: key for key, name in names.items()}
    if word not in known:
        names[stand_in] = word
    return known.get(word, stand_in)


def _compile(node: ast.expr, names: Mapping[str, str]) -> Evaluate:
    maker = _MAKERS.get(type(node))
    if maker is None:
        raise ValueError(f"{type(node).__name__} has no place in a rule")
    return maker(node, names)


def _name(node: ast.Name, names: Mapping[str, str]) -> Evaluate:
    if node.id in _CONSTANTS:
        constant = _CONSTANTS[node.id]
        return lambda values: constant
    return operator.itemgetter(names[node.id])


def _constant(node: ast.Constant, names: Mapping[str, str]) -> Evaluate:
    value = node.value
    if value is not None and not isinstance(value, bool | int | float | str):
        raise ValueError(f"{value!r} has no place in a rule")
    return lambda values: value


def _list(node: ast.List | ast.Tuple, names: Mapping[str, str]) -> Evaluate:
    items = [_compile(item, names) for item in node.elts]
    return lambda values: [item(values) for item in items]


def _unary(node: ast.UnaryOp, names: Mapping[str, str]) -> Evaluate:
    inner = _compile(node.operand, names)
    if isinstance(node.op, ast.Not):
        return lambda values: not inner(values)
    if isinstance(node.op, ast.USub):
        return lambda values: -inner(values)
    raise ValueError("only - and not stand before a value")


def _binary(node: ast.BinOp, names: Mapping[str, str]) -> Evaluate:
    left, right = _compile(node.left, names), _compile(node.right, names)
    combine = _BINARY.get(type(node.op))
    if combine is None:
        raise ValueError("unknown operator")
    return lambda values: combine(left(values), right(values))


def _boolean(node: ast.BoolOp, names: Mapping[str, str]) -> Evaluate:
    parts = [_compile(part, names) for part in node.values]
    if isinstance(node.op, ast.And):
        return lambda values: all(part(values) for part in parts)
    return lambda values: any(part(values) for part in parts)


def _comparison(node: ast.Compare, names: Mapping[str, str]) -> Evaluate:
    terms = [_compile(term, names) for term in (node.left, *node.comparators)]
    tests = [_COMPARE.get(type(op)) for op in node.ops]
    known = [test for test in tests if test is not None]
    if len(known) != len(tests):
        raise ValueError("unknown comparison")

    def evaluate(values: Mapping[str, Any]) -> bool:
        seen = [term(values) for term in terms]
        return all(test(seen[i], seen[i + 1]) for i, test in enumerate(known))

    return evaluate


_MAKERS: dict[type[ast.expr], Callable[[Any, Mapping[str, str]], Evaluate]] = {
    ast.Name: _name,
    ast.Constant: _constant,
    ast.List: _list,
    ast.Tuple: _list,
    ast.UnaryOp: _unary,
    ast.BinOp: _binary,
    ast.BoolOp: _boolean,
    ast.Compare: _comparison,
}
