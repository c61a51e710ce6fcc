"""Fresh folders of servers in the system's temporary folder: nobody else's folder or mode is ever touched."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from fairtrial.errors import MissingPart

LOCK = "lock"


def fresh(name: str, *, user: int | None = None, group: int | None = None, longest: int = 4096) -> Path:
    """Make a folder for one server, mode 0700, given to `user` (None: ours) where we are root.

    It lies in the temporary folder of the system; where that cannot be reached by `user`, or its path has more than
    `longest` characters, in the first of /tmp and /var/tmp that is better. Raises MissingPart where none is.
    """
    prefix = f"fairtrial-{name}-"
    for parent in dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp")):  # noqa: S108 mkdtemp is safe there
        if len(parent) + len(prefix) + 9 > longest or not _usable(Path(parent), user):
            continue
        made = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        if user is not None:
            os.chown(made, user, -1 if group is None else group)
        return made
    raise MissingPart(f"no temporary folder that {name} could use", hint="export TMPDIR=/tmp")


def _usable(parent: Path, user: int | None) -> bool:
    return os.access(parent, os.W_OK | os.X_OK) and (user is None or reachable(parent))


def reachable(path: Path) -> bool:
    """Say whether any user may pass through a path and everything above it, as far as modes tell."""
    try:
        return all(place.stat().st_mode & stat.S_IXOTH for place in (path, *path.parents))
    except OSError:
        return False


@contextmanager
def held(folder: Path) -> Iterator[int]:
    """Give a descriptor for the server to inherit: its folder counts as in use while any process has that open."""
    made = folder / f"{LOCK}.new"
    descriptor = os.open(made, os.O_CREAT | os.O_RDWR | os.O_EXCL, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        made.rename(folder / LOCK)  # it appears locked: nobody can find it free before the server has it
        yield descriptor
    finally:
        os.close(descriptor)


def sweep(name: str, *, beside: Path, users: Collection[int]) -> None:
    """Remove folders of servers that were killed together with whoever would have removed them."""
    for folder in beside.parent.glob(f"fairtrial-{name}-*"):
        if folder != beside and _abandoned(folder, users):
            shutil.rmtree(folder, ignore_errors=True)


def _abandoned(folder: Path, users: Collection[int]) -> bool:
    try:
        if folder.is_symlink() or folder.stat().st_uid not in users:
            return False
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
