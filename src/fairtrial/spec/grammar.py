"""The grammar of overrides on the command line: text -> what is set, swept, added or removed.

a.b=3 · a.b=1,2,3 (levels) · a.b=[1,2,3] (one list) · range(1,10,2) · linspace(0,1,5) · logspace(1e-4,1e-1,4) ·
geomspace(…) · interval(0,1) · log(interval(1e-5,1e-1)) · integers(1,9) · choice(a,b) · zip(x=[a,b],y=[1,2]) ·
+a.c=1 (add) · ~a.c (remove). Quotes protect commas, brackets and blanks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from fairtrial.errors import SpecError, UserError, nearest
from fairtrial.spec.yaml import parse, scalar

_QUOTES = "put a value with commas, colons, brackets or blanks in quotes: name=\"'a,b'\""
_SHAPE = re.compile(r"([+~]?)([^=\s]+?)(?:=(.*))?", re.DOTALL)
_CALL = re.compile(r"([A-Za-z_]+)\((.*)\)", re.DOTALL)
_SLICE = re.compile(r"-?\d+(\.\d+)?(:-?\d+(\.\d+)?){1,2}")
_OPEN, _CLOSE = "([{", ")]}"


@dataclass(frozen=True, slots=True)
class Override:
    """One override: a value, or the levels of a factor (`form`, as a study file writes them), or a removal."""

    text: str
    mark: str
    """'' | '+' | '~'"""
    path: str
    raw: str = ""
    value: Any = None
    form: Any = None
    """A list of levels, or a mapping such as {linspace: [0, 1], n: 5}; None for a single value."""


def read(text: str) -> Override:
    """Read an override. Raises UserError saying what is not understood."""
    match = _SHAPE.fullmatch(text)
    if match is None or (match.group(3) is None) != (match.group(1) == "~"):
        raise UserError(f"override {text!r} is not understood", hint="write path=value, +path=value or ~path")
    mark, path, raw = match.group(1), match.group(2), match.group(3)
    if raw is None:
        return Override(text, mark, path)
    try:
        value, form = _right_side(raw.strip())
    except ValueError as problem:
        raise UserError(f"override {text!r}: {problem}", hint=_QUOTES) from problem
    except SpecError as problem:
        raise UserError(f"override {text!r}: {problem.bare}", hint=_QUOTES) from problem
    return Override(text, mark, path, raw, value, form)


def _right_side(raw: str) -> tuple[Any, Any]:
    """Read what follows `=`: (single value, None) or (None, form)."""
    pieces = list(_split(raw))
    if len(pieces) > 1:
        return None, [_value(piece) for piece in pieces]
    call = _CALL.fullmatch(pieces[0])
    if call is None:
        return _value(pieces[0]), None
    name, inside = call.group(1), call.group(2)
    if name not in _CALLS:
        raise ValueError(f"unknown function {name!r}; {nearest(name, _CALLS)}")
    return None, _CALLS[name](name, list(_split(inside)))


def _split(text: str) -> Iterator[str]:
    """Yield the pieces between commas that stand outside quotes and brackets."""
    closers: list[str] = []
    quote, start, before = "", 0, ","
    for index, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"" and before in "=,:" + _OPEN:
            quote = letter
        elif letter in _OPEN:
            closers.append(_CLOSE[_OPEN.index(letter)])
        elif letter in _CLOSE and (not closers or closers.pop() != letter):
            raise ValueError(f"{letter!r} closes nothing")
        elif letter == "," and not closers:
            yield text[start:index].strip()
            start = index + 1
        before = before if letter == " " else letter
    if quote or closers:
        raise ValueError(f"{quote or closers[-1]!r} is missing at the end")
    yield text[start:].strip()


def _value(piece: str) -> Any:
    if not piece:
        raise ValueError("a value is missing; write '' for an empty text")
    if piece[0] in "'\"":
        return _quoted(piece)
    if piece[0] in "[{":
        return parse(piece)[0]
    if _SLICE.fullmatch(piece):
        ends = piece.replace(":", ",")
        raise ValueError(f"{piece} is ambiguous; write range({ends}) for levels, or '{piece}' in quotes for a text")
    if _CALL.fullmatch(piece):
        raise ValueError(f"{piece} stands beside other values; a function says all the levels alone")
    return scalar(piece)


def _quoted(piece: str) -> str:
    if len(piece) < 2 or piece[-1] != piece[0]:
        raise ValueError(f"{piece}: text follows the closing quote")
    return piece[1:-1]


def _spaced(name: str, pieces: list[str]) -> dict[str, Any]:
    if len(pieces) != 3:
        raise ValueError(f"{name} takes three arguments: {name}(first,last,n)")
    first, last, n = map(_value, pieces)
    return {name: [first, last], "n": n}


def _ends(name: str, pieces: list[str]) -> dict[str, Any]:
    return {name: [_value(piece) for piece in pieces]}


def _choice(name: str, pieces: list[str]) -> list[Any]:
    return [_value(piece) for piece in pieces]


def _log(name: str, pieces: list[str]) -> dict[str, Any]:
    call = _CALL.fullmatch(pieces[0])
    if len(pieces) != 1 or call is None or call.group(1) != "interval":
        raise ValueError("log takes an interval: log(interval(1e-5,1e-1))")
    return _ends("log_interval", list(_split(call.group(2))))


def _zip(name: str, pieces: list[str]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for piece in pieces:
        path, equals, raw = piece.partition("=")
        if not equals:
            raise ValueError("zip takes paths with their levels: zip(model=[a,b],lr=[1,2])")
        value, form = _right_side(raw.strip())
        columns[path.strip()] = value if form is None else form
    return {"zip": columns}


_CALLS: dict[str, Callable[[str, list[str]], Any]] = {
    "range": _ends,
    "linspace": _spaced,
    "logspace": _spaced,
    "geomspace": _spaced,
    "interval": _ends,
    "integers": _ends,
    "log": _log,
    "choice": _choice,
    "zip": _zip,
}
