"""The folder of this user on this machine: control sockets and the capacity file, private, gone after a boot."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from fairtrial.errors import MissingPart


def private(base: Path | None = None) -> Path:
    """Return `<temp folder>/fairtrial-<uid>`, made with mode 0700. Raises MissingPart where another user owns it.

    It is under the temp folder, not XDG_RUNTIME_DIR: that one is absent from cron and removed at log-out, and drivers
    must find each other whoever started them.
    """
    place = (base or Path(tempfile.gettempdir())) / f"fairtrial-{os.getuid()}"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        seen = place.lstat()
    except OSError as problem:
        raise MissingPart(f"cannot make {place}: {problem.strerror}", hint="set TMPDIR to a folder of yours") from None
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.getuid():
        raise MissingPart(f"{place} is not a folder of this user", hint="set TMPDIR to a folder of yours")
    if seen.st_mode & 0o077:
        place.chmod(0o700)
    return place
