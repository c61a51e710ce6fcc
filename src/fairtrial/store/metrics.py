"""Metrics as stored: a blob of float64 values in the order of a named set; NaN means undefined."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from struct import Struct

_NAN = math.nan


class Codec:
    """Packs the metrics of one set of names, in their order."""

    __slots__ = ("_struct", "names")

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._struct = Struct(f"<{len(self.names)}d")

    def pack(self, metrics: Mapping[str, float | None]) -> bytes:
        """Encode values that come in the order of the set."""
        return self._struct.pack(*[_NAN if value is None else value for value in metrics.values()])

    def unpack(self, blob: bytes | None) -> dict[str, float | None]:
        """Decode; an undefined value is None."""
        if blob is None:
            return {}
        values = self._struct.unpack(blob)
        return {name: None if value != value else value for name, value in zip(self.names, values, strict=True)}


def encode_names(names: Sequence[str]) -> str:
    """Return the names of a set as they are stored."""
    return json.dumps(list(names))


def decode_names(text: str) -> Codec:
    """Return the codec of a stored set of names."""
    return Codec(json.loads(text))
