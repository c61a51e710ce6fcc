"""Advisory locks: one driver a study, one process at a time that makes or migrates the book."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fairtrial.errors import StudyHeld
from fairtrial.model.identity import digest_bytes
from fairtrial.store.failures import told
from fairtrial.store.process import this


@contextmanager
def study_lock(folder: Path, study: str, *, now: float) -> Iterator[None]:
    """Hold a study as its only driver, until the process ends at the latest. Raises StudyHeld naming the holder."""
    path = folder / "locks" / f"{digest_bytes(study.encode()).hex()}.lock"
    descriptor = _open(path)
    try:
        _seize(descriptor, study)
        _write(descriptor, path, now)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


@contextmanager
def mirror_lock(folder: Path, run: int, *, now: float) -> Iterator[None]:
    """Hold a run as its only mirror, until the process ends at the latest. Raises StudyHeld naming the holder."""
    path = folder / "locks" / f"mirror-{run}.lock"
    descriptor = _open(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StudyHeld(f"run {run} is being mirrored by {_holder(descriptor)}") from None
        _write(descriptor, path, now)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def book_lock(folder: Path) -> Iterator[None]:
    """Wait for the right to make or migrate the book, and hold it."""
    descriptor = _open(folder / "locks" / "book.lock")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    with told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _seize(descriptor: int, study: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StudyHeld(
            f"study {study!r} is being run by {_holder(descriptor)}", hint=f"fairtrial watch {study}"
        ) from None


def _holder(descriptor: int) -> str:
    try:
        said = json.loads(os.pread(descriptor, 4096, 0))
        since = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(said["since"]))
        return f"process {said['pid']} on {said['host']} since {since}"
    except (ValueError, KeyError):
        return "another process"


def _write(descriptor: int, path: Path, now: float) -> None:
    me = this()
    said = json.dumps({"pid": me.pid, "host": me.host, "started": me.started, "since": now})
    with told(path):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, said.encode(), 0)
