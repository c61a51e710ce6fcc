"""Which parameter of a winner goes to which key of a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fairtrial.errors import UnknownName, UserError
from fairtrial.model import path as paths
from fairtrial.model.secret import references
from fairtrial.model.study import ABSENT
from fairtrial.promote.edit import known
from fairtrial.promote.tree import resolve, value_at


def read(words: Iterable[str]) -> dict[str, str]:
    """Read `PARAMETER=KEY` words. Raises UserError."""
    made: dict[str, str] = {}
    for word in words:
        parameter, equals, key = word.partition("=")
        if not (parameter and equals and key):
            raise UserError(f"--map {word!r} is not understood", hint="--map load.clients=pool.size")
        if made.get(parameter, key) != key:
            raise UserError(f"--map gives {parameter} to {made[parameter]} and to {key}")
        made[parameter] = key
    return made


def read_file(text: str, file: str) -> dict[str, str]:
    """Read a mapping file: `parameter: key`, nested or dotted."""
    made = dict(paths.flatten(known(text, file)))
    for parameter, key in made.items():
        if not isinstance(key, str) or not key:
            raise UserError(f"{file}: {parameter}: {key!r} names no key", hint="parameter: key.path")
    return made


def wanted(
    mapping: Mapping[str, str], parameters: Mapping[str, Any], factors: Iterable[str], tree: Any
) -> dict[str, tuple[str, Any]]:
    """Return key -> (parameter, value).

    Without a mapping, every parameter goes to the key of its own name where the file has it; secrets stay out. Raises
    UnknownName for a parameter that is none, UserError for a secret, and where two parameters claim one key.
    """
    chosen = mapping or dict(_by_name(parameters, factors, tree))
    made: dict[str, tuple[str, Any]] = {}
    for parameter, key in chosen.items():
        value = paths.get(parameters, parameter, ABSENT)
        if value is ABSENT:
            raise UnknownName("parameter", parameter, [path for path, _ in paths.flatten(parameters)])
        if _secret(parameters, parameter):
            raise UserError(f"{parameter} is a secret, which is never written")
        if key in made:
            raise UserError(f"{made[key][0]} and {parameter} both go to {key}")
        made[key] = (parameter, value)
    return made


def refuse_other_kinds(chosen: Mapping[str, tuple[str, Any]], tree: Any, file: str) -> None:
    """Raise UserError for a key that holds another kind of value: a slip in its name must not cost all below it."""
    for key, (parameter, new) in chosen.items():
        keys, exists = resolve(tree, key)
        old = value_at(tree, keys) if exists else None
        if old is None or _kind(old) == _kind(new):
            continue
        below = [path for path, _ in paths.flatten(old)] if isinstance(old, dict) and old else []
        shown = f"its keys: {', '.join(below[:8])}{', …' if len(below) > 8 else ''}" if below else "name another key"
        said = f"{file}: {key} is {_kind(old)}, and {parameter} is {_kind(new)}, which would replace it whole"
        raise UserError(said, hint=shown)


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "a text of several lines" if isinstance(value, str) and "\n" in value.rstrip("\n") else "a single value"


def _by_name(parameters: Mapping[str, Any], factors: Iterable[str], tree: Any) -> Iterator[tuple[str, str]]:
    whole = [path for path in factors if paths.get(parameters, path, ABSENT) is not ABSENT]
    leaves = (path for path, _ in paths.flatten(parameters))
    rest = [path for path in leaves if not any(f"{path}.".startswith(f"{factor}.") for factor in whole)]
    for path in (*whole, *rest):
        if resolve(tree, path)[1] and not _secret(parameters, path):
            yield path, path


def _secret(parameters: Mapping[str, Any], path: str) -> bool:
    """Say whether a value holds a secret's reference, or is a part of one."""
    keys = path.split(".")
    above = (paths.get(parameters, ".".join(keys[:depth])) for depth in range(1, len(keys)))
    inside = any(set(value) == {"secret"} for value in above if isinstance(value, Mapping))
    return inside or any(references(paths.get(parameters, path)))
