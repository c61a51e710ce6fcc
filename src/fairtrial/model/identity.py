"""Identity is content: canonical JSON, digests, and the seeds that follow from a study's seed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

DIGEST_BYTES = 16
_PLAIN = frozenset({str, int, bool, type(None)})
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
"""One encoder for all: `json.dumps` makes a new one whenever it is asked for anything but its defaults."""


def canonical_json(value: Any) -> bytes:
    """Encode a JSON value in the one way that is hashed: sorted keys, no blanks, shortest floats, -0.0 as 0.0.

    Raises ValueError for NaN and infinities, which have no place in parameters, and TypeError for what is not JSON.
    """
    return _encode(_normal(value)).encode()


def _normal(value: Any) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is dict:  # by far the most frequent: asking for an abstract class costs more than all the rest
        return {key if type(key) is str else str(key): _normal(item) for key, item in value.items()}
    if isinstance(value, float):
        return 0.0 if value == 0 else value
    if isinstance(value, Mapping):
        return {str(key): _normal(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_normal(item) for item in value]
    return value


def digest(value: Any) -> bytes:
    """Digest a JSON value: BLAKE2b over its canonical encoding, 16 bytes."""
    return digest_bytes(canonical_json(value))


def digest_bytes(data: bytes) -> bytes:
    """Digest raw bytes: BLAKE2b, 16 bytes."""
    return blake2b(data, digest_size=DIGEST_BYTES).digest()


def trial_digest(system: bytes, parameters: bytes, inputs: bytes, seed: int) -> bytes:
    """Digest the four parts of a trial's identity (three digests and the seed, an unsigned 64-bit integer)."""
    return blake2b(system + parameters + inputs + seed.to_bytes(8, "little"), digest_size=DIGEST_BYTES).digest()


def replicate_seed(study_seed: int, replicate: int) -> int:
    """Seed of replicate k: a 63-bit hash of (study seed, k), the same in every condition (common random numbers)."""
    return stream_seed(study_seed, f"replicate/{replicate}")


def stream_seed(seed: int, stream: str) -> int:
    """Derive the seed of a named random stream from a seed: 63 bits, so that every consumer takes it as an int64."""
    raw = blake2b(f"{seed}/{stream}".encode(), digest_size=8).digest()
    return int.from_bytes(raw, "little") >> 1


def is_number(value: object) -> bool:
    """Say whether a value is a finite number (a bool is not)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def point_digest(parameters: bytes, seed: int) -> bytes:
    """Digest parameters and seed: trials of one point differ only in the system or its inputs (one is stale)."""
    return blake2b(parameters + seed.to_bytes(8, "little"), digest_size=DIGEST_BYTES).digest()
