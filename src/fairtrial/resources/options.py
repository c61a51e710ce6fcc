"""Options of a resource: a mapping as a record, with what it does not know named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from fairtrial.errors import UnknownName, UserError

Record = TypeVar("Record")


def read(resource: str, shape: type[Record], options: Mapping[str, Any]) -> Record:
    """Make the dataclass `shape` of options. Raises UnknownName for one that it lacks, UserError for a missing one."""
    known = {item.name: item for item in fields(shape)}  # type: ignore[arg-type]  # a dataclass
    for name in options:
        if name not in known:
            raise UnknownName(f"option of {resource}", name, known)
    for name, item in known.items():
        if name not in options and item.default is MISSING and item.default_factory is MISSING:
            raise UserError(f"{resource} needs the option {name!r}")
    return shape(**options)
