"""What an attempt left behind, made ready before the transaction that records it: output packed, files kept."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from pathlib import Path

from fairtrial.model.outcome import Captured, Outcome
from fairtrial.store.artifacts import Artifacts

PACK_FROM_BYTES = 1024
INLINE_BYTES = 64 * 1024
STDOUT, STDERR = 1, 2
"""Bits of `output.packed`."""


@dataclass(slots=True)
class Kept:
    """Rows to write for an attempt, and the files to remove once they are durable."""

    output: tuple[bytes | None, bytes | None, int, bytes | None, bytes | None] | None = None
    artifacts: list[tuple[str, str, bytes, int]] = field(default_factory=list)
    """Kind, name, digest, bytes."""
    sources: list[Path] = field(default_factory=list)
    cautions: list[str] = field(default_factory=list)


def keep(outcome: Outcome, artifacts: Artifacts, *, sync: bool) -> Kept | None:
    """Keep an outcome's output and files; None where it left nothing. Raises BookUnwritable."""
    captured = outcome.captured
    wrote = captured.stdout or captured.stderr or captured.stdout_path or captured.stderr_path
    if not (wrote or outcome.produced):
        return None
    kept = Kept()
    if wrote:
        _keep_output(captured, kept, artifacts, sync=sync)
    for produced in outcome.produced:
        stored = _keep_file(produced.path, produced.name, kept, artifacts, sync=sync)
        if stored:
            kept.artifacts.append((produced.kind, produced.name, *stored))
    return kept


def drop(kept: Kept, artifacts: Artifacts) -> None:
    """Remove the sources of what is durable now."""
    for source in kept.sources:
        artifacts.drop(source)


def unpack(blob: bytes | None, *, packed: bool) -> bytes:
    """Return output as it was written."""
    if blob is None:
        return b""
    return zlib.decompress(blob) if packed else blob


def _keep_output(captured: Captured, kept: Kept, artifacts: Artifacts, *, sync: bool) -> None:
    stdout, packed_out = _pack(captured.stdout)
    stderr, packed_err = _pack(captured.stderr)
    files = [
        _keep_file(path, name, kept, artifacts, sync=sync) if path else None
        for path, name in ((captured.stdout_path, "stdout"), (captured.stderr_path, "stderr"))
    ]
    digests = [stored[0] if stored else None for stored in files]
    packed = STDOUT * packed_out | STDERR * packed_err
    kept.output = (stdout, stderr, packed, digests[0], digests[1])


def _pack(data: bytes) -> tuple[bytes | None, bool]:
    if len(data) <= PACK_FROM_BYTES:
        return data or None, False
    packed = zlib.compress(data, 1)
    return (packed, True) if len(packed) < len(data) else (data, False)


def _keep_file(path: str, name: str, kept: Kept, artifacts: Artifacts, *, sync: bool) -> tuple[bytes, int] | None:
    source = Path(path)
    if not source.is_file():
        kept.cautions.append(f"file {name!r} was gone before it could be kept")
        return None
    kept.sources.append(source)
    return artifacts.keep(source, sync=sync)
