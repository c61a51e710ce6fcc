"""TOML, edited with its comments and layout kept."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

from fairtrial.errors import MissingPart, UserError


def load(text: str, file: str) -> Any:
    """Read a file's text. Raises UserError with the line."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise UserError(f"{file}: not valid TOML: {problem}") from problem


def change(text: str, keys: Sequence[str | int], value: Any) -> str:
    """Return the text with the value at the keys; what is missing of them is added to its table.

    Raises UserError for null, which TOML lacks, and MissingPart without tomlkit.
    """
    try:
        import tomlkit
    except ImportError:
        raise MissingPart("TOML files need tomlkit", hint="pip install 'fairtrial[toml]'") from None
    if _has_null(value):
        raise UserError("TOML has no null", hint="remove the key by hand")
    document = tomlkit.parse(text)
    inner: Any = document
    for depth, key in enumerate(keys):
        missing = isinstance(inner, dict) and key not in inner
        if missing or depth == len(keys) - 1:
            inner[key] = _nested(inner, keys[depth + 1 :], value) if missing else _item(value, inner[key])
            break
        inner = inner[key]
    return tomlkit.dumps(document)


def _nested(parent: Any, keys: Sequence[str | int], value: Any) -> Any:
    for key in reversed(keys):
        value = {key: value}
    return _table(parent, value) if keys else _item(value, None)


def _has_null(value: Any) -> bool:
    if isinstance(value, list | dict):
        return any(map(_has_null, value.values() if isinstance(value, dict) else value))
    return value is None


def _table(parent: Any, value: dict[str | int, Any]) -> Any:
    """Make a table, on one line within a table of one line."""
    import tomlkit
    from tomlkit.items import InlineTable

    made: Any = tomlkit.inline_table() if isinstance(parent, InlineTable) else tomlkit.table()
    for key, item in value.items():
        made.add(str(key), _table(made, item) if isinstance(item, dict) else _item(item, None))
    return made


def _item(value: Any, old: Any) -> Any:
    """Make an item, in the quotes or on as many lines as the old one."""
    import tomlkit

    if isinstance(value, dict):
        inline: Any = tomlkit.inline_table()
        inline.update({key: _item(item, None) for key, item in value.items()})
        return inline
    if isinstance(value, list):
        array: Any = tomlkit.array()
        array.extend(_item(item, None) for item in value)
        return array.multiline(old is not None and hasattr(old, "as_string") and "\n" in old.as_string())
    literal = isinstance(value, str) and hasattr(old, "as_string") and old.as_string().startswith("'")
    if literal and value.isprintable() and "'" not in value:
        return tomlkit.string(value, literal=True)
    return tomlkit.item(value)
