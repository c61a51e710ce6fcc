"""JSON, edited in place: a value changes, every other byte stays."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from fairtrial.errors import UserError
from fairtrial.promote.tree import Node, find, line_break

_BLANK = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(r"[^\s,\]}]+")


def load(text: str, file: str) -> Any:
    """Read a file's text. Raises UserError with the line; a key that stands twice is refused."""
    try:
        return json.loads(text, object_pairs_hook=lambda pairs: _unique(pairs, file))
    except json.JSONDecodeError as problem:
        raise UserError(f"{file}:{problem.lineno}: not valid JSON: {problem.msg}") from problem
    except RecursionError as problem:
        raise UserError(f"{file}: not valid JSON: nested too deeply") from problem


def _unique(pairs: list[tuple[str, Any]], file: str) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"{file}: key {twice!r} stands in one mapping twice")
    return made


def change(text: str, keys: Sequence[str | int], value: Any) -> str:
    """Return valid JSON text with the value at the keys; what is missing of them is added at the end of its mapping."""
    node, rest = find(parse(text), keys)
    assert node is not None
    if rest and node.kind == "map":
        return _added(text, node, rest, value)
    for key in reversed(rest):
        value = {key: value}
    old = text[node.start : node.end]
    return text[: node.start] + _written(text, node.start, value, wide="\n" in old) + text[node.end :]


def _written(text: str, place: int, value: Any, *, wide: bool) -> str:
    """Write a value, a collection on lines of its own where the old one was."""
    if not (wide and isinstance(value, list | dict) and value):
        return _dumps(text, value)
    margin, unit = _margin(text, place), _unit(text)
    lines = json.dumps(value, indent=unit, ensure_ascii=text.isascii()).split("\n")
    return (line_break(text) + margin).join(lines)


def _dumps(text: str, value: Any) -> str:
    return json.dumps(value, ensure_ascii=text.isascii())


def _margin(text: str, place: int) -> str:
    """Return the indentation of the line that holds a place."""
    start = text.rfind("\n", 0, place) + 1
    line = text[start:]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _unit(text: str) -> str:
    """Return one step of the file's indentation."""
    found = re.search(r"[{\[]\s*\n([ \t]+)\S", text)
    return found[1] if found else "  "


def _added(text: str, node: Node, keys: Sequence[str | int], value: Any) -> str:
    for key in reversed(keys[1:]):
        value = {key: value}
    name = f"{_dumps(text, str(keys[0]))}: "
    if not node.entries:
        return text[: node.start] + "{" + name + _dumps(text, value) + "}" + text[node.end :]
    first, last = next(iter(node.keys.values())), max(item.end for item in node.entries.values())
    before = text[text.rfind("\n", 0, first) + 1 : first]
    own_line = "\n" in text[node.start : first] and not before.strip()
    gap = line_break(text) + before if own_line else " "
    return text[:last] + "," + gap + name + _written(text, first, value, wide=own_line) + text[last:]


def parse(text: str) -> Node:
    """Return the tree of a text that `load` has read."""
    return _node(text, _skip(text, 0))


def _skip(text: str, place: int) -> int:
    found = _BLANK.match(text, place)
    return found.end() if found else place


def _node(text: str, place: int) -> Node:
    letter = text[place]
    if letter == "{":
        return _mapping(text, place)
    if letter == "[":
        return _list(text, place)
    if letter == '"':
        return Node("scalar", place, _string(text, place)[1], style='"')
    found = _SCALAR.match(text, place)
    assert found is not None
    return Node("scalar", place, found.end())


def _string(text: str, place: int) -> tuple[str, int]:
    """Read the string that starts here: (what it says, where it ends)."""
    word, end = json.JSONDecoder().raw_decode(text, place)
    return str(word), end


def _list(text: str, start: int) -> Node:
    node, place = Node("list", start, start), _skip(text, start + 1)
    while text[place] != "]":
        node.items.append(_node(text, place))
        place = _skip(text, node.items[-1].end)
        place = _skip(text, place + 1) if text[place] == "," else place
    node.end = place + 1
    return node


def _mapping(text: str, start: int) -> Node:
    node, place = Node("map", start, start), _skip(text, start + 1)
    while text[place] != "}":
        name, end = _string(text, place)
        node.keys[name] = place
        colon = _skip(text, end) + 1
        item = _node(text, _skip(text, colon))
        node.entries[name] = item
        place = _skip(text, item.end)
        place = _skip(text, place + 1) if text[place] == "," else place
    node.end = place + 1
    return node
