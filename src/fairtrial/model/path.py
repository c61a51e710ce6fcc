"""Dotted paths into nested JSON: `interventions.0.parameters.rate`, list indexes included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fairtrial.errors import UserError


def get(tree: Any, path: str, default: Any = None) -> Any:
    """Return the value at a path, or the default where there is none."""
    for key in path.split("."):
        if isinstance(tree, Mapping) and key in tree:
            tree = tree[key]
        elif isinstance(tree, list) and key.isdigit() and int(key) < len(tree):
            tree = tree[int(key)]
        else:
            return default
    return tree


def put(tree: Any, path: str, value: Any) -> Any:
    """Return a copy of the tree with the value at the path; only the way to it is copied, missing mappings are made.

    Raises UserError where the path runs through a value that holds nothing, or past the end of a list.
    """
    return _put(tree, path.split("."), value, path)


def _put(tree: Any, keys: list[str], value: Any, path: str) -> Any:
    if not keys:
        return value
    key, rest = keys[0], keys[1:]
    if isinstance(tree, list):
        if not key.isdigit() or int(key) >= len(tree):
            raise UserError(f"path {path!r}: {key!r} is not an index of a list of {len(tree)}")
        copy = list(tree)
        copy[int(key)] = _put(tree[int(key)], rest, value, path)
        return copy
    if tree is None or isinstance(tree, Mapping):
        inner = dict(tree or {})
        inner[key] = _put(inner.get(key), rest, value, path)
        return inner
    raise UserError(f"path {path!r}: {key!r} lies inside a plain value ({tree!r})")


def flatten(tree: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (path, value) for every leaf; empty mappings and lists are leaves."""
    if isinstance(tree, Mapping) and tree:
        for key, item in tree.items():
            yield from flatten(item, f"{prefix}{key}.")
    elif isinstance(tree, list) and tree:
        for index, item in enumerate(tree):
            yield from flatten(item, f"{prefix}{index}.")
    else:
        yield prefix[:-1], tree
