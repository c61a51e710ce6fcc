"""A configuration file as a tree of values that know where they stand in its text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

Keys = tuple[str | int, ...]
"""The way to a value: names of mappings, indexes of lists."""


@dataclass(slots=True)
class Node:
    """A value: `text[start:end]`, trailing blanks and comments left out."""

    kind: str
    """scalar | alias | list | map"""
    start: int
    end: int
    block: bool = False
    """Written on lines of its own, by indentation (YAML)."""
    style: str = ""
    """Of a scalar in YAML: '' (plain), a quote, | or >."""
    anchor: str = ""
    colon: int = 0
    """Of a mapping's value: where the text behind its key's colon starts."""
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    """Key -> where it starts."""

    def child(self, key: str | int) -> Node | None:
        """Return the value below a key or an index."""
        if self.kind == "list":
            return self.items[key] if isinstance(key, int) and key < len(self.items) else None
        return self.entries.get(str(key)) if self.kind == "map" else None


def find(root: Node | None, keys: Sequence[str | int]) -> tuple[Node | None, Sequence[str | int]]:
    """Walk down as far as the keys lead: (the last node, the keys that are left)."""
    node = root
    for depth, key in enumerate(keys):
        below = None if node is None else node.child(key)
        if below is None:
            return node, keys[depth:]
        node = below
    return node, ()


def resolve(tree: Any, path: str) -> tuple[Keys, bool]:
    """Turn a dotted path into keys: (keys, whether the value exists). A key that holds dots itself is found too."""
    words, keys = path.split("."), list[str | int]()
    while words:
        step = _step(tree, words)
        if step is None:
            return (*keys, *words), False
        key, used = step
        keys.append(key)
        tree, words = tree[key], words[used:]
    return tuple(keys), True


def _step(tree: Any, words: list[str]) -> tuple[str | int, int] | None:
    if isinstance(tree, dict):
        lengths = range(len(words), 0, -1)
        return next(((key, n) for n in lengths if (key := ".".join(words[:n])) in tree), None)
    if isinstance(tree, list) and words[0].isdecimal() and int(words[0]) < len(tree):
        return int(words[0]), 1
    return None


def value_at(tree: Any, keys: Sequence[str | int]) -> Any:
    """Return the value at keys that exist."""
    for key in keys:
        tree = tree[key]
    return tree


def replaced(tree: Any, keys: Sequence[str | int], value: Any) -> Any:
    """Return a copy of a tree with the value at the keys; missing mappings are made."""
    if not keys:
        return value
    key, rest = keys[0], keys[1:]
    if isinstance(tree, list) and isinstance(key, int):
        return [replaced(item, rest, value) if place == key else item for place, item in enumerate(tree)]
    inner = dict(tree or {})
    inner[key] = replaced(inner.get(key), rest, value)
    return inner


def same(left: Any, right: Any) -> bool:
    """Say whether two trees are equal in values, types of values, and nothing else."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and (left == right or (left != left and right != right))


def differences(old: Any, new: Any, keys: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Yield the smallest changes that make one value the other: (keys, new value)."""
    if isinstance(old, dict) and isinstance(new, dict) and list(old) == list(new):
        for key in old:
            yield from differences(old[key], new[key], (*keys, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for place, pair in enumerate(zip(old, new, strict=True)):
            yield from differences(*pair, (*keys, place))
    elif not same(old, new):
        yield keys, new


def fitted(old: Any, new: Any) -> Any:
    """Return the new value in the number types of the old: an equal number stays as written, a whole one a float."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {key: fitted(old.get(key), item) for key, item in new.items()}
    if isinstance(old, list) and isinstance(new, list):
        return [fitted(old[place] if place < len(old) else None, item) for place, item in enumerate(new)]
    if not (_number(old) and _number(new)):
        return new
    if old == new:
        return old
    return float(new) if isinstance(old, float) and float(new) == new else new


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def line_end(text: str, place: int) -> int:
    """Return where the line that holds a place ends, its line break left out."""
    end = text.find("\n", place)
    if end < 0:
        return len(text)
    return end - 1 if text[end - 1 : end] == "\r" and end > place else end


def column(text: str, place: int) -> int:
    """Return the column of a place, from 0."""
    return place - (text.rfind("\n", 0, place) + 1)


def line_break(text: str) -> str:
    """Return the line break that a text uses."""
    return "\r\n" if "\r\n" in text else "\n"
