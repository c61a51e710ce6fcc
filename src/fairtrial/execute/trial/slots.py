"""Slot files: where the processes of one slot write stdout and stderr, kept open and used again."""

# ruff: noqa: PTH103, PTH104
# (no pathlib in what the parent of trials loads: every fork would copy its pages)

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from fairtrial.execute.trial.wire import private

INLINE_BYTES = 65_536
"""Up to this much goes into the book; more stays in a file."""
OPEN_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


class Slot:
    """Two files and the descriptors on them. O_APPEND, so that emptying them leaves no hole behind a late writer."""

    def __init__(self, root: str, name: str) -> None:
        os.makedirs(f"{root}/slots", exist_ok=True)
        os.makedirs(f"{root}/kept", exist_ok=True)
        self.name = name
        self._root = root
        self.paths = slot_paths(root, name)
        self.descriptors = [os.open(path, OPEN_FLAGS | os.O_TRUNC, 0o600) for path in self.paths]

    def attach(self) -> None:
        """Make these files this process's stdout and stderr, and /dev/null its stdin."""
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(self.descriptors[0], 1)
        os.dup2(self.descriptors[1], 2)
        os.close(null)

    def tail(self, count: int = INLINE_BYTES) -> bytes:
        """Return the end of stdout."""
        size = os.fstat(self.descriptors[0]).st_size
        return os.pread(self.descriptors[0], count, max(0, size - count))

    def collect(self, label: int | str) -> tuple[list[bytes], list[str]]:
        """Empty both files: their bytes where they are few, else the path under which the file was kept."""
        inline, kept = [b"", b""], ["", ""]
        for index in (0, 1):
            descriptor = self.descriptors[index]
            size = os.fstat(descriptor).st_size
            if 0 < size <= INLINE_BYTES:
                inline[index] = os.pread(descriptor, size, 0)
                os.ftruncate(descriptor, 0)
            elif size:
                kept[index] = self._keep(index, label)
        return inline, kept

    def copy(self, label: int | str) -> tuple[list[bytes], list[str]]:
        """Like `collect`, for a process that goes on writing: what is large is copied, so that its files stay."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        inline, kept = [b"", b""], ["", ""]
        for index, descriptor in enumerate(self.descriptors):
            size = os.fstat(descriptor).st_size
            if 0 < size <= INLINE_BYTES:
                inline[index] = os.pread(descriptor, size, 0)
            elif size:
                kept[index] = self._copy(index, label)
            if size:
                os.ftruncate(descriptor, 0)
        return inline, kept

    def _copy(self, index: int, label: int | str) -> str:
        import shutil

        path = self._kept(index, label)
        with open(self.paths[index], "rb") as source, open(path, "wb", opener=private) as target:
            shutil.copyfileobj(source, target)
        return path

    def _kept(self, index: int, label: int | str) -> str:
        return f"{self._root}/kept/{label}.{('out', 'err')[index]}"

    def _keep(self, index: int, label: int | str) -> str:
        path = self._kept(index, label)
        os.rename(self.paths[index], path)
        os.close(self.descriptors[index])
        self.descriptors[index] = os.open(self.paths[index], OPEN_FLAGS, 0o600)
        return path


def slot_paths(root: str, name: str) -> tuple[str, str]:
    """Say where a slot's stdout and stderr lie."""
    return f"{root}/slots/{name}.out", f"{root}/slots/{name}.err"


def drop(folder: str) -> None:
    """Remove a folder and everything below, where it exists; what cannot be removed stays for `gc`."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            drop(entry.path)
        else:
            _quietly(os.unlink, entry.path)
    _quietly(os.rmdir, folder)


def prune(root: str) -> None:
    """Remove the folders of kept files that the journal has emptied, and the root itself where it is empty too."""
    try:
        entries = list(os.scandir(f"{root}/kept"))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            _quietly(os.rmdir, entry.path)
    _quietly(os.rmdir, f"{root}/kept")
    _quietly(os.rmdir, root)


def _quietly(remove: Callable[[str], None], path: str) -> None:
    try:
        remove(path)
    except OSError:
        return
