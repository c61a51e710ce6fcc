"""Texts with fields that are filled in anew for every request: `{i}`, `{client}`, `{random:LOW:HIGH}`."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from fairtrial.errors import UserError

FIELD = re.compile(r"\{([a-z_]+)((?::[^{}\"':,\s]*)*)\}")
"""What looks like a field; other braces (of JSON) are left alone."""
WHOLE = re.compile(r"-?\d+")

Fill = Callable[[int, random.Random], str]
"""(number of the request, random numbers) -> text."""


class Template:
    """A text and its fields."""

    def __init__(self, text: str, client: int = 0) -> None:
        """Read the text. Raises UserError for a field that does not exist or is malformed."""
        self._parts: list[str | Fill] = []
        at = 0
        for match in FIELD.finditer(text):
            self._parts += [text[at : match.start()], _field(match, client)]
            at = match.end()
        self._parts.append(text[at:])
        self.fixed = len(self._parts) == 1
        """The text is always the same."""

    def fill(self, number: int, rng: random.Random) -> str:
        """Return the text of a request."""
        return "".join([part if isinstance(part, str) else part(number, rng) for part in self._parts])


def _field(match: re.Match[str], client: int) -> Fill:
    name, bounds = match[1], match[2][1:].split(":") if match[2] else []
    if name == "i" and not bounds:
        return lambda number, rng: str(number)
    if name == "client" and not bounds:
        return lambda number, rng: str(client)
    if name != "random" or len(bounds) != 2:
        raise UserError(f"unknown field {match[0]!r}", hint="valid: {i}, {client}, {random:LOW:HIGH}")
    return _random(match[0], bounds)


def _random(field: str, bounds: list[str]) -> Fill:
    if not all(WHOLE.fullmatch(bound) for bound in bounds):
        raise UserError(f"malformed field {field!r}", hint="write {random:LOW:HIGH} with whole numbers")
    low, high = map(int, bounds)
    if low > high:
        raise UserError(f"malformed field {field!r}: {low} is above {high}", hint="write {random:LOW:HIGH}")
    span = high - low + 1
    return lambda number, rng: str(low + int(rng.random() * span))
