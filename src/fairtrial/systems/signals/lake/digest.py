"""SHA-256 of files; a file that this process has hashed and nobody has written since is not hashed again."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal. Raises OSError where it cannot be read."""
    found = path.stat()
    return _hashed(path, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@lru_cache(maxsize=256)
def _hashed(path: Path, *_: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
