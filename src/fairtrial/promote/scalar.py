"""Values as YAML words that every reader takes for the same value: those of YAML 1.1 too."""

from __future__ import annotations

import json
import re
from typing import Any

from fairtrial.errors import UserError

_PLAIN = re.compile(r"[^\W\d][\w./+-]*|[1-9]\d*[G-Zg-z][A-Za-z]*|/[\w./+-]+")
"""Letters first, or a size such as 512MB (no hexadecimal digit behind the number, so that it is none), or a path."""
_RESERVED = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})


def word(value: Any, style: str = "") -> str:
    """Write a scalar, a text in the quotes that the old one had."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str):
        raise UserError(f"a {type(value).__name__} cannot be written into a configuration")
    return _text(value, style)


def flow(value: Any) -> str:
    """Write any value on one line."""
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{word(str(key))}: {flow(item)}" for key, item in value.items()) + "}"
    return word(value)


def _float(value: float) -> str:
    """Write a number with a point, so that `1e-05` is no text to a reader of YAML 1.1."""
    digits, exponent, power = repr(value).partition("e")
    if not exponent:
        return digits
    return f"{digits if '.' in digits else digits + '.0'}e{power}"


def _text(value: str, style: str) -> str:
    plain = _PLAIN.fullmatch(value) and value.lower() not in _RESERVED
    if style not in ("'", '"') and plain:
        return value
    if style != '"' and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, value)) + '"'


def _escaped(letter: str) -> str:
    if letter in '"\\\n\r\t\b\f':
        return json.dumps(letter)[1:-1]
    return letter if letter.isprintable() else f"\\U{ord(letter):08x}"
