"""A new SQLite database for MLflow, whole or not there: one whose making was broken off could never be opened again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from fairtrial.errors import UserError


def sqlite_file(uri: str) -> Path | None:
    """Return the file of an SQLite address (relative ones as they are); None for anything else."""
    parts = urlsplit(uri)
    if parts.scheme.partition("+")[0] != "sqlite" or parts.netloc:
        return None
    path = unquote(parts.path[1:])
    return None if path in ("", ":memory:") else Path(path)


def make(uri: str) -> None:
    """Make the database of an SQLite address where there is none: beside its place, then moved there.

    MLflow makes its tables by dozens of migrations, one after the other. Another mirror, or a server, may be quicker:
    then its database stays. Raises UserError where its folder is not there.
    """
    path = sqlite_file(uri)
    if path is None or path.exists():
        return
    if not path.parent.is_dir():
        raise UserError(f"tracking.mlflow.uri: {path.parent} is no folder", hint=f"mkdir -p {path.parent}")
    from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    store: Any = SqlAlchemyStore  # without types
    for left in _left(path):
        left.unlink(missing_ok=True)
    made = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        store(f"sqlite:///{made}", DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH).engine.dispose()
        with suppress(FileExistsError):
            os.link(made, path)
    finally:
        made.unlink(missing_ok=True)


def _left(path: Path) -> Iterator[Path]:
    """Find what makers left that were killed."""
    for other in path.parent.glob(f".{path.name}.*.new*"):
        pid = other.name.removeprefix(f".{path.name}.").partition(".")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            yield other
