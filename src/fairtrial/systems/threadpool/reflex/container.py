"""The model file: a few hundred bytes with all that a decision needs, a digest of what it was made for, and a CRC.

Little-endian. Head: magic, format, length of the file, digest of the telemetry's schema, digest of the training data,
kind, counts. Then sizes, words (JSON), arrays in a fixed order, and the CRC-32 of everything before it.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from fairtrial.errors import FairtrialError, UserError
from fairtrial.systems.threadpool.parameters import LEARNT
from fairtrial.systems.threadpool.reflex.arrays import Arrays
from fairtrial.systems.threadpool.reflex.model import Reflex
from fairtrial.systems.threadpool.telemetry import schema

MAGIC = b"FTRX"
FORMAT = 1
HEAD = struct.Struct("<4sHI8s8sBBBBBHHHH")
"""Magic, format, length, schema, training data, kind, features, sizes, width, units, trees, nodes, leaves, words."""
CRC = struct.Struct("<I")
MADE = 2
"""Inputs that are made of the features, in this format."""
AGAIN = "train it again with this version"


def dump(reflex: Reflex) -> bytes:
    """Return the model file: the same model gives the same bytes."""
    arrays = reflex.arrays
    words = json.dumps(dict(reflex.made), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    counts = {**_counts(arrays), "words": len(words)}
    body = words + b"".join(_packed(name, getattr(arrays, name), kind) for name, kind, _ in _layout(counts))
    digests = bytes.fromhex(schema.digest()), bytes.fromhex(reflex.trained)
    length = HEAD.size + len(body) + CRC.size
    head = HEAD.pack(MAGIC, FORMAT, length, *digests, LEARNT.index(reflex.kind), *counts.values())
    return head + body + CRC.pack(zlib.crc32(head + body))


def load(data: bytes) -> Reflex:
    """Return the model in a file.

    Raises UserError, one line, for a file that is none, is truncated, has a changed byte, is of a newer format, or was
    made for other telemetry.
    """
    _check(data)
    _, _, _, made_for, trained, kind, *numbers = HEAD.unpack_from(data)
    if made_for.hex() != schema.digest():
        raise UserError(f"the model was made for telemetry {made_for.hex()}, and this is {schema.digest()}", hint=AGAIN)
    counts = dict(zip(COUNTS, numbers, strict=True))
    at = HEAD.size + counts["words"]
    fields: dict[str, Any] = {}
    for name, dtype, shape in _layout(counts):
        size = int(np.prod(shape))
        if at + size * np.dtype(dtype).itemsize > len(data) - CRC.size:
            raise UserError("the model file's parts are longer than the file", hint=AGAIN)
        fields[name] = _wide(np.frombuffer(data, dtype, count=size, offset=at).reshape(shape))
        at += size * np.dtype(dtype).itemsize
    if at != len(data) - CRC.size or kind >= len(LEARNT):
        raise UserError("the model file's parts do not fit together", hint=AGAIN)
    arrays = Arrays(**fields)
    _sound(arrays)
    return Reflex(LEARNT[kind], arrays, trained.hex(), _words(data[HEAD.size : HEAD.size + counts["words"]]))


def _words(text: bytes) -> dict[str, str]:
    """Return what the file says of its origin."""
    try:
        words = json.loads(text)
    except ValueError as error:
        raise UserError("the model file's words are not JSON", hint=AGAIN) from error
    return {str(name): str(word) for name, word in dict(words).items()}


COUNTS = ("features", "sizes", "width", "units", "trees", "nodes", "leaves", "words")


def _counts(arrays: Arrays) -> dict[str, int]:
    """Return how long the arrays are; words are counted by whoever writes them."""
    leaves, width = arrays.value.shape
    return {
        "features": len(arrays.low), "sizes": len(arrays.sizes), "width": width, "units": len(arrays.bias),
        "trees": len(arrays.root), "nodes": len(arrays.feature), "leaves": leaves,
    }  # fmt: skip


def _layout(counts: dict[str, int]) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Say in order which array stands in the file, as what, and in which shape."""
    features, sizes, width, units, trees, nodes, leaves, _ = counts.values()
    inputs = features + MADE
    yield "sizes", "<u2", (sizes,)
    yield "logged", "u1", (features,)
    for name, count in (("centre", inputs), ("scale", inputs), ("low", features), ("high", features)):
        yield name, "<f4", (count,)
    yield "feature", "u1", (nodes,)
    yield "threshold", "<f4", (nodes,)
    yield "left", "<i2", (nodes,)
    yield "right", "<i2", (nodes,)
    yield "root", "<i2", (trees,)
    yield "output", "u1", (trees,)
    yield "value", "<f4", (leaves, width)
    yield "inner", "<f4", (inputs, units)
    yield "bias", "<f4", (units,)
    yield "outer", "<f4", (units, sizes)
    yield "base", "<f4", (sizes,)


def _packed(name: str, array: Any, dtype: str) -> bytes:
    """Return the bytes of an array. Raises FairtrialError where the file's type would change a number."""
    narrow = array.astype(dtype)
    if not np.array_equal(narrow.astype(array.dtype), array):
        raise FairtrialError(f"{name} of the model does not fit into {dtype}")
    return bytes(narrow.tobytes())


def _wide(array: Any) -> Any:
    """Return the array as the compiled decision takes it."""
    if array.dtype.kind == "f":
        with np.errstate(invalid="ignore"):  # a NaN that was made up is refused by `_sound`, not warned of
            return array.astype(np.float64)
    return array.astype(np.int64)


def _check(data: bytes) -> None:
    """Refuse what is no model file, whole, undamaged and of a format that is known."""
    if data[: len(MAGIC)] != MAGIC:
        raise UserError(f"not a model file: it begins with {data[: len(MAGIC)]!r}, a model file with {MAGIC!r}")
    if len(data) < HEAD.size + CRC.size:
        raise UserError(f"the model file is truncated: {len(data)} bytes", hint="copy it again")
    _, version, length, *_ = HEAD.unpack_from(data)
    if len(data) != length:
        what = "truncated" if len(data) < length else "damaged"
        raise UserError(f"the model file is {what}: {len(data)} bytes instead of {length}", hint="copy it again")
    (crc,) = CRC.unpack_from(data, len(data) - CRC.size)
    if zlib.crc32(data[: -CRC.size]) != crc:
        raise UserError("the model file is damaged: its CRC-32 does not fit", hint="copy it again")
    if version != FORMAT:
        raise UserError(f"the model file has format {version}, and this version reads {FORMAT}", hint=AGAIN)


def _sound(arrays: Arrays) -> None:
    """Refuse a model that could lead a decision astray: compiled code checks no index."""
    nodes, leaves, sizes = len(arrays.feature), len(arrays.value), len(arrays.sizes)
    links = np.concatenate([arrays.left, arrays.right])
    above = np.concatenate([np.arange(nodes), np.arange(nodes)])
    sound = (
        len(arrays.low) == len(schema.FEATURES),
        sizes > 0 and arrays.sizes[0] >= 1 and (np.diff(arrays.sizes) > 0).all(),
        (arrays.feature < len(arrays.centre)).all(),
        ((links > above) | (links < 0)).all() and (links < nodes).all() and (links >= -leaves).all(),
        ((arrays.root < nodes) & (arrays.root >= -leaves)).all(),
        (arrays.output + arrays.value.shape[1] <= sizes).all(),
        (arrays.scale > 0).all() and (arrays.low <= arrays.high).all(),
        all(np.isfinite(array).all() for array in arrays if array.dtype.kind == "f"),
    )
    if not all(bool(one) for one in sound):
        raise UserError("the model file holds no sound model", hint=AGAIN)
