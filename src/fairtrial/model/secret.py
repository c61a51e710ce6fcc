"""Secrets: a reference travels (environment variable or file), the value never does."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fairtrial.errors import UserError

KEY = "secret"


class Secret:
    """A value that shows itself only when asked: `str`, `repr` and JSON give the reference.

    In a study it is written `{secret: NAME}` (an environment variable) or `{secret: {file: PATH}}`. As a parameter's
    type it works in pydantic models and in a function's annotations.
    """

    __slots__ = ("_reference",)

    def __init__(self, reference: Mapping[str, Any]) -> None:
        if not is_reference(reference):
            raise UserError("a secret is written {secret: NAME} or {secret: {file: PATH}}")
        self._reference = dict(reference)

    @property
    def reference(self) -> dict[str, Any]:
        """Return what is stored and shown in place of the value."""
        return dict(self._reference)

    def reveal(self) -> str:
        """Read the value. Raises UserError where the variable or file is missing."""
        where = self._reference[KEY]
        if isinstance(where, str):
            if where not in os.environ:
                raise UserError(f"secret {where!r} is not in the environment", hint=f"export {where}=…")
            return os.environ[where]
        path = Path(where["file"])
        if not path.is_file():
            raise UserError(f"secret file {str(path)!r} does not exist")
        return path.read_text().rstrip("\n")

    def __repr__(self) -> str:
        return f"Secret({self._reference[KEY]!r})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._reference == self._reference

    def __hash__(self) -> int:
        return hash(repr(self))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        def check(value: Any) -> Secret:
            if isinstance(value, Secret):
                return value
            if is_reference(value):
                return cls(value)
            raise ValueError("a secret is written {secret: NAME} or {secret: {file: PATH}}, never as its value")

        return core_schema.no_info_plain_validator_function(
            check,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda secret: secret.reference),
            metadata={"pydantic_js_functions": [lambda schema, handle: {"type": "object"}]},
        )


def is_reference(value: Any) -> bool:
    """Say whether a JSON value is the reference of a secret."""
    if not (isinstance(value, Mapping) and set(value) == {KEY}):
        return False
    where = value[KEY]
    return (isinstance(where, str) and bool(where)) or (
        isinstance(where, Mapping) and set(where) == {"file"} and isinstance(where["file"], str)
    )


def references(value: Any) -> Iterator[Secret]:
    """Find every secret inside a JSON value."""
    if is_reference(value):
        yield Secret(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from references(item)
