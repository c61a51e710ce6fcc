"""The verb `fairtrial signals list`: which signals there are, and what one of them takes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fairtrial.contract.journal import Ledger
from fairtrial.errors import FairtrialError
from fairtrial.model.figure import Cell, Grid, Section
from fairtrial.systems.signals.signal import Signal

BOUNDS = {
    "exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<=",
    "minItems": "entries >=", "maxItems": "entries <=", "minLength": "length >=", "maxLength": "length <=",
}  # fmt: skip


class ListArguments(BaseModel):
    """What `list` takes."""

    model_config = ConfigDict(extra="forbid")
    signal: str | None = Field(default=None, description="One of them: its parameters with defaults and ranges.")


class List:
    """Shows the signals, ours and those of entry points; of one of them its parameters."""

    name = "list"
    help = "List the signals, or with --signal NAME the parameters of one."
    Arguments = ListArguments

    def run(self, arguments: ListArguments, ledger: Ledger | None) -> Section:
        """Return the table. Raises UnknownName with the nearest name."""
        from fairtrial.systems.signals.catalogue import names, signal

        if arguments.signal is not None:
            return _one(signal(arguments.signal))
        return _all(names())


def _all(names: Sequence[str]) -> Section:
    found = {name: _loaded(name) for name in names}
    about = tuple((name, *((one, "") if isinstance(one, str) else (one.help, one.mode))) for name, one in found.items())
    there = [one for one in found.values() if not isinstance(one, str)]
    reads = tuple((one.name, _thresholds(one), ", ".join(one.columns)) for one in there)
    tables = (
        Grid(("signal", "what it is", "mode"), about),
        Grid(("signal", "thresholds", "columns of the grid"), reads),
    )
    return Section("Signals", (), tables)


def _loaded(name: str) -> Signal | str:
    """Return a signal; of one that does not load, why: the others are listed all the same."""
    from fairtrial.systems.signals.catalogue import signal

    try:
        return signal(name)
    except FairtrialError as problem:
        return f"does not load: {problem}"


def _thresholds(known: Signal) -> str:
    """Return the thresholds that a signal tries; those that move with its values adapt."""
    some = np.linspace(-1.0, 1.0, 101)
    fixed = known.thresholds(some)
    if fixed != known.thresholds(some * 3.0):
        return "adaptive"
    return " ".join(f"{threshold:g}" for threshold in fixed)


def _one(known: Signal) -> Section:
    said = f"{known.help} Mode {known.mode}; reads {', '.join(known.columns) or 'no columns of the grid'}."
    rows = tuple(_parameters(known.Parameters.model_json_schema()))
    table = Grid(("parameter", "default", "range", "what it is"), rows, title="Parameters")
    about = (said, f"Thresholds: {_thresholds(known)}.")
    return Section(
        f"Signal {known.name}", about if rows else (*about, "It has no parameters."), (table,) if rows else ()
    )


def _parameters(schema: Mapping[str, Any]) -> Iterator[tuple[Cell, ...]]:
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        default = "required" if name in required else json.dumps(field.get("default"))
        yield name, default, _range(field, schema.get("$defs", {})), field.get("description", "")


def _range(field: Mapping[str, Any], defined: Mapping[str, Any]) -> str:
    """Return a field's type and bounds in words: `integer >= 2 <= 300`, `weighted or plain`."""
    if "$ref" in field:
        return _range(defined[str(field["$ref"]).rpartition("/")[2]], defined)
    if "anyOf" in field:
        return " or ".join(_range(kind, defined) for kind in field["anyOf"])
    if "enum" in field:
        return " or ".join(map(str, field["enum"]))
    kind = str(field.get("const", field.get("type", "anything")))
    bounds = [f"{sign} {field[bound]:g}" for bound, sign in BOUNDS.items() if bound in field]
    inner = _entries(field, defined)
    return " ".join([kind, *bounds, *([f"of {inner}"] if inner else [])])


def _entries(field: Mapping[str, Any], defined: Mapping[str, Any]) -> str:
    """Return what the entries of a list are; '' of what is no list."""
    kinds: Sequence[Mapping[str, Any]] = field.get("prefixItems") or ([field["items"]] if "items" in field else [])
    return ", ".join(dict.fromkeys(_range(kind, defined) for kind in kinds))
