"""A configuration file on disk: read with its digest, and replaced whole while it is still the one that was read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from fairtrial.errors import MissingPart, UserError
from fairtrial.model.identity import digest_bytes

_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Original:
    """A file as it was read; links are followed."""

    path: Path
    text: str
    """Without a byte order mark; line breaks as they stand."""
    mark: str
    """The byte order mark, or ''."""
    digest: str
    """Of its bytes, hexadecimal."""

    def encoded(self, text: str) -> bytes:
        """Return the bytes of a text of this file."""
        return (self.mark + text).encode()


def read(path: Path) -> Original:
    """Read a file. Raises UserError where it is missing, no file, or no UTF-8 text."""
    real = Path(os.path.realpath(path))
    if real.is_dir():
        raise UserError(f"{path} is a folder", hint="name the configuration file")
    try:
        data = real.read_bytes()
        text = data.decode()
    except FileNotFoundError:
        raise UserError(f"{path} does not exist", hint="promotion edits a file that is there") from None
    except UnicodeDecodeError as problem:
        raise UserError(f"{path} is no UTF-8 text (byte {problem.start})") from problem
    except OSError as problem:
        raise MissingPart(f"{path} cannot be read: {problem.strerror}") from problem
    mark = _BOM if text.startswith(_BOM) else ""
    return Original(real, text.removeprefix(mark), mark, digest_bytes(data).hex())


def digest(original: Original, text: str) -> str:
    """Return the digest that the file will have with this text."""
    return digest_bytes(original.encoded(text)).hex()


def write(original: Original, text: str) -> None:
    """Replace a file by one with this text; its mode, owner and attributes stay.

    Raises UserError where it was changed since it was read (then nothing is written), MissingPart without the right.
    """
    with _told(original.path):
        made = original.path.with_name(f".{original.path.name}.{os.getpid()}.new")
        try:
            _fill(made, original.encoded(text))
            _dress(made, original.path)
            if read(original.path).digest != original.digest:
                raise UserError(f"{original.path} was changed meanwhile", hint="the same command again reads it anew")
            made.replace(original.path)
        finally:
            made.unlink(missing_ok=True)
        _sync_folder(original.path.parent)


@contextmanager
def exchanged(original: Original, text: str) -> Iterator[None]:
    """Write a file, then do what belongs to it; where that fails, the old text is put back."""
    write(original, text)
    try:
        yield
    except BaseException:
        write(replace(original, digest=digest(original, text)), original.text)
        raise


def put(path: Path, text: str) -> None:
    """Write a file of ours beside a configuration file, whole or not at all."""
    with _told(path):
        made = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            _fill(made, text.encode())
            made.replace(path)
        finally:
            made.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Remove a file of ours, where it is there."""
    with _told(path):
        path.unlink(missing_ok=True)


def _fill(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _dress(made: Path, like: Path) -> None:
    """Give the new file the mode, owner and attributes of the old one, and a time of its own."""
    old, new = like.stat(), made.stat()
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        try:
            os.chown(made, old.st_uid, old.st_gid)
        except PermissionError:
            raise MissingPart(
                f"{like} belongs to user {old.st_uid}, group {old.st_gid}, which a new file could not be given",
                hint="promote as its owner",
            ) from None
    shutil.copystat(like, made)
    os.utime(made)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        said = problem.strerror or str(problem)
        raise MissingPart(f"{path} cannot be written: {said}", hint="its folder must be writable") from problem
