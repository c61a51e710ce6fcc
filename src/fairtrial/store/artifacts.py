"""Files of the book: content-addressed below `artifacts/`, so that the same bytes are kept once."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from fairtrial.store.failures import told
from fairtrial.store.files import digest_file
from fairtrial.store.files import sync as sync_path


class Artifacts:
    """The folder of artifacts of one book."""

    def __init__(self, folder: Path) -> None:
        self.home = folder
        self.folder = folder / "artifacts"

    def path(self, digest: bytes) -> Path:
        """Return where the file with this digest is kept."""
        name = digest.hex()
        return self.folder / name[:2] / name

    def keep(self, source: Path, *, sync: bool) -> tuple[bytes, int]:
        """Keep a file and return (digest, bytes). The source stays until `drop`: keeping it again is harmless.

        Raises BookUnwritable.
        """
        with told(source):
            digest, size = digest_file(source)
            target = self.path(digest)
            if not (target.exists() and target.stat().st_size == size):
                self._place(source, target, sync=sync)
            return digest, size

    def drop(self, source: Path) -> None:
        """Remove a file that is kept; one outside the book's folder is the user's own and stays."""
        if self._ours(source):
            source.unlink(missing_ok=True)

    def _place(self, source: Path, target: Path, *, sync: bool) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        made = target.with_name(f"{target.name}.{os.getpid()}.part")
        made.unlink(missing_ok=True)
        try:
            self._link(source, made)
            if sync:
                sync_path(made)
            made.replace(target)
        except OSError:
            made.unlink(missing_ok=True)
            raise
        if sync:
            sync_path(target.parent)

    def _link(self, source: Path, made: Path) -> None:
        """Link where nobody else can change the file afterwards (our scratch folders), else copy."""
        if self._ours(source):
            try:
                os.link(source, made)
            except OSError:
                pass  # another file system, or one without links
            else:
                return
        shutil.copyfile(source, made)

    def _ours(self, source: Path) -> bool:
        return not source.is_symlink() and source.resolve().is_relative_to(self.home.resolve() / "trials")
