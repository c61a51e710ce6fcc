"""Text of a file, packed or not, and the line of a place in it."""

from __future__ import annotations

import gzip
import lzma
import zlib
from pathlib import Path

from fairtrial.errors import UserError


def content(path: Path) -> str:
    """Return the text of a file; one that ends in .gz or .xz is unpacked. Raises UserError where it cannot be read."""
    unpack = {".gz": gzip.decompress, ".xz": lzma.decompress}.get(path.suffix, bytes)
    try:
        return unpack(path.read_bytes()).decode("utf-8")
    except (OSError, UnicodeDecodeError, EOFError, zlib.error, lzma.LZMAError) as problem:
        raise UserError(f"cannot read {path}: {problem}") from problem


def line(text: str, at: int) -> int:
    """Return the number of the line, from 1, that a place lies in."""
    return text.count("\n", 0, at) + 1
