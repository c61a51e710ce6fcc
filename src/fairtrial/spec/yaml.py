"""Text -> JSON value with the line of every path: YAML 1.2 (so `1e-3` is a number and `on` a word), and JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from fairtrial.errors import SpecError

Lines = dict[str, int]
"""Dotted path of a document -> line, from 1."""

_TAG = "tag:yaml.org,2002:"
_CONSTANTS = {"": None, "~": None, "null": None, "true": True, "false": False}
_WHOLE = re.compile(r"[-+]?[0-9]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_POINTED = re.compile(r"[-+]?\.[0-9]+[eE][0-9]+")
_UNBOUNDED = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def parse(text: str, file: str = "") -> tuple[Any, Lines]:
    """Read one document: (JSON value, line of every path). Raises SpecError with the line."""
    if file.endswith(".json"):
        return _parse_json(text, file), {}
    yaml = YAML(typ="safe", pure=True)
    try:
        node = yaml.compose(text)
    except MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line = None if mark is None else mark.line + 1
        raise SpecError(f"not valid YAML: {problem.problem or problem.context}", file=file, line=line) from problem
    except YAMLError as problem:
        raise SpecError(f"not valid YAML: {' '.join(str(problem).split())}", file=file) from problem
    return _Builder(file).build(node)


def scalar(text: str) -> Any:
    """Read a bare word by the core schema of YAML 1.2: null, a boolean, a number, else the word itself.

    Raises ValueError for a number that is too large, for an infinite one and for NaN.
    """
    if _UNBOUNDED.fullmatch(text):
        return _finite(math.nan)
    if text.lower() in _CONSTANTS and text in {text.lower(), text.upper(), text.title()}:
        return _CONSTANTS[text.lower()]
    if _WHOLE.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return _finite(float(text))
    return text


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("infinite numbers and NaN have no place in a study")
    return value


class _Builder:
    """Turns a node graph into a JSON value, and writes down lines."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._lines: Lines = {}
        self._above: list[Node] = []

    def build(self, node: Node | None) -> tuple[Any, Lines]:
        value = None if node is None else self._value(node, "")
        return value, self._lines

    def _value(self, node: Node, path: str) -> Any:
        if any(node is above for above in self._above):
            raise self._error(node, path, "an anchor that contains itself")
        self._lines.setdefault(path, node.start_mark.line + 1)
        self._above.append(node)
        try:
            return self._kinds()[type(node)](node, path)
        finally:
            self._above.pop()

    def _kinds(self) -> Mapping[type[Node], Callable[[Any, str], Any]]:
        return {MappingNode: self._mapping, SequenceNode: self._sequence, ScalarNode: self._scalar}

    def _sequence(self, node: SequenceNode, path: str) -> list[Any]:
        return [self._value(item, _join(path, str(index))) for index, item in enumerate(node.value)]

    def _mapping(self, node: MappingNode, path: str) -> dict[str, Any]:
        made: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, item in node.value:
            if key.tag == f"{_TAG}merge":
                merged = self._merge(item, path) | merged
                continue
            name = self._key(key, path)
            if name in made:
                raise self._error(key, path, f"key {name!r} stands here twice")
            self._lines[_join(path, name)] = key.start_mark.line + 1
            made[name] = self._value(item, _join(path, name))
        return merged | made

    def _merge(self, node: Node, path: str) -> dict[str, Any]:
        value = self._value(node, path)
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(part, dict) for part in parts):
            raise self._error(node, path, "only mappings can be merged with <<")
        merged: dict[str, Any] = {}
        for part in reversed(parts):
            merged |= part
        return merged

    def _key(self, node: Node, path: str) -> str:
        if isinstance(node, ScalarNode) and node.tag in (f"{_TAG}str", f"{_TAG}value"):
            return str(node.value)
        shown = node.value if isinstance(node, ScalarNode) else "a list or mapping"
        raise self._error(node, path, f"key {shown} is not a word", hint="put it in quotes")

    def _scalar(self, node: ScalarNode, path: str) -> Any:
        kind = str(node.tag).removeprefix(_TAG)
        try:
            if kind == "str" and not node.style and _POINTED.fullmatch(node.value):
                return _finite(float(node.value))  # the library takes it for a word
            if kind == "str":
                return str(node.value)
            if kind in ("null", "bool"):
                return _CONSTANTS[node.value.lower()]
            if kind == "int":
                return _integer(node.value)
            if kind == "float":
                return _finite(float(node.value.replace("_", "").replace(".inf", "inf").replace(".nan", "nan")))
        except (KeyError, ValueError) as problem:
            raise self._error(node, path, f"{node.value}: {problem}") from problem
        raise self._error(node, path, f"{node.value} reads as a {kind}, which JSON lacks", hint="put it in quotes")

    def _error(self, node: Node, path: str, message: str, *, hint: str = "") -> SpecError:
        return SpecError(message, file=self._file, line=node.start_mark.line + 1, path=path, hint=hint)


def _integer(text: str) -> int:
    digits = text.replace("_", "")
    plain = digits.lstrip("+-")
    return int(digits, 0) if plain[:2].lower() in ("0x", "0o", "0b") else int(digits)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _parse_json(text: str, file: str) -> Any:
    def refuse(word: str) -> Any:
        raise SpecError(f"{word}: infinite numbers and NaN have no place in a study", file=file)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            names = [key for key, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise SpecError(f"key {twice!r} stands in one mapping twice", file=file)
        return made

    try:
        return json.loads(text, parse_constant=refuse, object_pairs_hook=unique, parse_float=_json_float)
    except json.JSONDecodeError as problem:
        raise SpecError(f"not valid JSON: {problem.msg}", file=file, line=problem.lineno) from problem
    except ValueError as problem:
        raise SpecError(str(problem), file=file) from problem


def _json_float(text: str) -> float:
    return _finite(float(text))
