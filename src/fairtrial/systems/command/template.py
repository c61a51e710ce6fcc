"""Templates of a command line: literal text and `{placeholders}`; `{{` and `}}` are braces."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from fairtrial.errors import UserError

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_NAME = re.compile(r"[\w-]+(\.[\w-]+)*")


@dataclass(frozen=True, slots=True)
class Template:
    """A string with placeholders."""

    text: str
    pieces: tuple[tuple[str, str], ...]
    """(literal, '') or ('', placeholder), in order."""

    @property
    def names(self) -> list[str]:
        """The placeholders, in order."""
        return [name for _, name in self.pieces if name]

    def render(self, value: Callable[[str], str]) -> str:
        """Put values in: `value(placeholder)` is the text to write."""
        return "".join(literal or value(name) for literal, name in self.pieces)


def parse(text: str) -> Template:
    """Parse a template. Raises UserError for a brace that belongs to no placeholder."""
    return Template(text, tuple(_pieces(text)))


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    end = 0
    for match in _PIECE.finditer(text):
        if match.start() > end:
            yield text[end : match.start()], ""
        end = match.end()
        yield _piece(match, text)
    if end < len(text):
        yield text[end:], ""


def _piece(match: re.Match[str], text: str) -> tuple[str, str]:
    found, name = match.group(0), match.group(1)
    if found in ("{{", "}}"):
        return found[0], ""
    if name is None or not _NAME.fullmatch(name):
        raise UserError(f"command: {found!r} in {text!r} is no placeholder", hint="write {{ and }} for plain braces")
    return "", name


def written(value: Any) -> str:
    """Write a JSON value as an argument: a string as it is, a float by repr, the rest as JSON (true, null, [1,2])."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
