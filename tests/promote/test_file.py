"""Replacing a configuration file: whole, with its mode and owner, and only while it is the one that was read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fairtrial.errors import MissingPart, UserError
from fairtrial.promote import file


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A file that only its owner and group may read."""
    path = tmp_path / "runtime.yaml"
    path.write_text("a: 1\n")
    path.chmod(0o640)
    return path


def test_write_keeps_the_mode_and_leaves_nothing_behind(config: Path) -> None:
    """The new file has the old one's mode; no temporary file stays."""
    file.write(file.read(config), "a: 2\n")
    assert config.read_text() == "a: 2\n"
    assert config.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in config.parent.iterdir()] == ["runtime.yaml"]


def test_links_are_followed(config: Path, tmp_path: Path) -> None:
    """The link stays a link, what it points at is replaced."""
    link = tmp_path / "folder" / "current.yaml"
    link.parent.mkdir()
    link.symlink_to("../runtime.yaml")
    file.write(file.read(link), "a: 2\n")
    assert link.is_symlink()
    assert config.read_text() == "a: 2\n"


def test_a_file_that_was_changed_meanwhile_is_not_overwritten(config: Path) -> None:
    """What somebody else wrote stays, and nothing is left behind."""
    original = file.read(config)
    config.write_text("a: 3\n")
    with pytest.raises(UserError, match="changed meanwhile"):
        file.write(original, "a: 2\n")
    assert config.read_text() == "a: 3\n"
    assert len(list(config.parent.iterdir())) == 1


def test_byte_order_marks_and_line_breaks_stay(config: Path) -> None:
    """Bytes outside of the text are as they were, and the digest is that of the bytes."""
    config.write_bytes(b"\xef\xbb\xbfa: 1\r\n")
    original = file.read(config)
    assert original.text == "a: 1\r\n"
    expected = file.digest(original, "a: 2\r\n")
    file.write(original, "a: 2\r\n")
    assert config.read_bytes() == b"\xef\xbb\xbfa: 2\r\n"
    assert file.read(config).digest == expected


def test_exchanged_puts_the_old_text_back_where_the_rest_fails(config: Path) -> None:
    """A file without its record in the book would be a promotion that nobody can explain."""
    seen = []

    def fail() -> None:
        with file.exchanged(file.read(config), "a: 2\n"):
            seen.append(config.read_text())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert seen == ["a: 2\n"]
    assert config.read_text() == "a: 1\n"


@pytest.mark.parametrize("data", [b"\xff\xfea\x00", b"caf\xe9"])
def test_text_that_is_not_utf8_is_refused(config: Path, data: bytes) -> None:
    """UTF-16 and Latin-1 are not guessed."""
    config.write_bytes(data)
    with pytest.raises(UserError, match="no UTF-8 text"):
        file.read(config)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    """Promotion edits, it makes no file."""
    with pytest.raises(UserError, match="does not exist"):
        file.read(tmp_path / "gone.yaml")
    with pytest.raises(UserError, match="is a folder"):
        file.read(tmp_path)


def test_a_folder_without_write_rights_is_told(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 8, one line, and the file is as it was."""
    if os.geteuid() == 0:  # root may write anywhere: let the file system refuse instead
        monkeypatch.setattr(Path, "replace", _refuse)
    else:
        config.parent.chmod(0o555)
    with pytest.raises(MissingPart, match="cannot be written"):
        file.write(file.read(config), "a: 2\n")
    config.parent.chmod(0o755)
    assert config.read_text() == "a: 1\n"
    assert len(list(config.parent.iterdir())) == 1


def _refuse(*_: object) -> None:
    raise OSError(30, "Read-only file system")


def test_an_owner_that_cannot_be_kept_is_told(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of somebody else does not silently become ours."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a file of another owner")
    os.chown(config, 12345, 12345)
    file.write(file.read(config), "a: 2\n")
    assert config.stat().st_uid == 12345

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    with pytest.raises(MissingPart, match="belongs to user 12345"):
        file.write(file.read(config), "a: 3\n")
    assert config.read_text() == "a: 2\n"
