"""A pydantic error -> one line: which path, what is wrong, and the nearest valid thing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from fairtrial.errors import nearest
from fairtrial.spec.shape import Shape

_OWN_WORDS = {"value_error", "assertion_error"}
_MAPPINGS = {"dict_type", "model_type", "model_attributes_type", "dataclass_type", "mapping_type"}
"""Types of errors whose words name classes: a mapping was expected."""
_TAGS = {"union_tag_invalid", "union_tag_not_found"}


class Problem(NamedTuple):
    """What is wrong, at which dotted path of the value that was checked."""

    path: str
    message: str
    hint: str = ""


class _Found(NamedTuple):
    path: str
    holder: Any
    """What has the path's last key."""
    error: Mapping[str, Any]


def explain(error: ValidationError, tree: Any, shape: Shape, noun: str) -> Problem:
    """Choose the error that says most and put it into words; `noun` is what a key of the value is called."""
    found = [_Found(*_path(item["loc"], tree, item["type"]), item) for item in error.errors(include_url=False)]
    unknown = [item for item in found if item.error["type"] == "extra_forbidden"]
    first = max(unknown or found, key=lambda item: item.path.count(".") if item.path else -1)
    same = [item for item in found if item.path == first.path]
    made = _unclear(same, shape) if len({item.error["type"] for item in same}) > 1 else _one(first, shape, noun)
    others = len({item.path for item in found if not f"{first.path}.".startswith(f"{item.path}.")})
    return made if not others or unknown else made._replace(message=f"{made.message} ({others} more like this)")


def _path(loc: tuple[int | str, ...], tree: Any, kind: str) -> tuple[str, Any]:
    """Drop what pydantic adds to a location (names of union branches and of validators); return its holder too."""
    path: list[str] = []
    holder = tree
    for index, part in enumerate(loc):
        below = _below(tree, part)
        if below is not None:
            holder, tree = tree, below[0]
        elif not (kind.startswith("missing") and index == len(loc) - 1):
            continue
        path.append(str(part))
    return ".".join(path), holder


def _below(tree: Any, part: int | str) -> tuple[Any] | None:
    if isinstance(tree, Mapping) and part in tree:
        return (tree[part],)
    if isinstance(tree, list) and isinstance(part, int) and part < len(tree):
        return (tree[part],)
    return None


def _unclear(same: Sequence[_Found], shape: Shape) -> Problem:
    """Say that none of several forms fits, and the word that is nearest, or what is said of the path."""
    path, _, error = same[0]
    near = next((hint for item in same if (hint := _choice(item.error)).startswith("did")), "")
    return Problem(path, f"{_shown(error['input'])} is not understood", near or shape.description(path))


def _one(found: _Found, shape: Shape, noun: str) -> Problem:
    path, holder, error = found
    parent, _, key = path.rpartition(".")
    if error["type"] == "extra_forbidden":
        return Problem(path, f"unknown {noun} {key!r}", nearest(key, shape.names(parent, holder)))
    if error["type"] in _TAGS:
        return _tagged(found, shape, noun)
    if error["type"].startswith("missing"):
        return Problem(path, f"missing: this {noun} is required", shape.description(path))
    if error["type"] in _MAPPINGS:
        known = shape.names(path)
        hint = f"keys: {', '.join(known)}" if known else shape.description(path)
        return Problem(path, f"{_shown(error['input'])} is no mapping", hint)
    message = " ".join(str(error["msg"]).split())
    message = re.sub(r"^(Value error|Assertion failed), ", "", message)
    if error["type"] in _OWN_WORDS:
        return Problem(path, message)
    return Problem(path, f"{message}, not {_shown(error['input'])}", _choice(error))


def _tagged(found: _Found, shape: Shape, noun: str) -> Problem:
    """Say that the key that chooses among several forms is missing, or names none of them."""
    path, _, error = found
    key = str(error["ctx"]["discriminator"]).strip("'")
    at = f"{path}.{key}".lstrip(".")
    if "tag" not in error["ctx"]:
        return Problem(at, f"missing: this {noun} is required", nearest("", shape.constants(at)))
    tag = str(error["ctx"]["tag"])
    return Problem(at, f"unknown {key} {tag!r}", nearest(tag, shape.constants(at)))


def _choice(error: Mapping[str, Any]) -> str:
    expected = re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", "")))
    return nearest(str(error["input"]), expected) if expected and error["type"] in ("literal_error", "enum") else ""


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
