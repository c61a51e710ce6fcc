"""Where the book lives: a `.fairtrial` folder, found upwards from the current one."""

from __future__ import annotations

from pathlib import Path

NAME = ".fairtrial"
FILE = "book.db"


def find(start: Path | None = None) -> Path:
    """Return the nearest `.fairtrial` folder from `start` upwards; where there is none, the one to make in `start`."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / NAME).is_dir():
            return folder / NAME
    return here / NAME
