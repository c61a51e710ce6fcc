"""What is done to single files: digesting one, and carrying one to the disk."""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path

from fairtrial.model.identity import DIGEST_BYTES

_CHUNK_BYTES = 1 << 20


def digest_file(path: Path) -> tuple[bytes, int]:
    """Return a file's digest (BLAKE2b, 16 bytes) and its size in bytes."""
    hasher, size = blake2b(digest_size=DIGEST_BYTES), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            hasher.update(chunk)
            size += len(chunk)
    return hasher.digest(), size


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, would survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
