"""The book under attack: a full disk, a read-only folder, a newer version, a truncated file; nothing is overwritten."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

TALKS = """
    import base64, os

    def f(x: int):
        with open("calls.txt", "a") as calls:
            calls.write(f"{x}\\n")
        print(base64.b64encode(os.urandom(30_000)).decode())
        return {"y": x}
"""


@pytest.fixture
def done(shop):
    """A workshop whose book holds a finished run of three trials."""
    shop.write("def f(x: int):\n    return {'y': x}\n")
    shop.type("run", "study.yaml")
    return shop


def book(shop) -> Path:
    """Return the book's file."""
    return shop.folder / ".fairtrial/book.db"


@pytest.mark.root
def test_disk_full(shop, mount):
    """A disk that fills up ends the run with exit 8 and one line; with room again, the same command finishes it."""
    home = shop.folder / ".fairtrial"
    home.mkdir()
    mount("-t", "tmpfs", "-o", "size=4m", "tmpfs", str(home))
    shop.write(TALKS, factors={"x": {"range": [1, 60, 1]}})
    ballast = home / "ballast"
    ballast.write_bytes(b"\0" * 3_000_000)
    said = shop.type("run", "study.yaml", "--quiet", code=8)
    assert "disk" in said.stderr.lower() or "space" in said.stderr.lower()
    assert len(said.stderr.splitlines()) == 1
    ballast.unlink()
    settled = {row["assignment"]["x"] for row in shop.trials() if row["status"] == "done"}
    assert 0 < len(settled) < 60
    before = (shop.folder / "calls.txt").read_text().split()
    mount("-o", "remount,size=64m", str(home))
    shop.type("run", "study.yaml")
    again = (shop.folder / "calls.txt").read_text().split()[len(before) :]
    assert not settled & set(map(int, again))
    assert sorted(row["metrics"]["y"] for row in shop.trials()) == list(range(1, 61))
    shop.type("verify")
    assert shop.processes() == []


@pytest.mark.root
def test_read_only(done, mount):
    """On a read-only file system reading verbs work, and `run` is refused with exit 8 and one line."""
    place = str(done.folder)
    mount("--bind", place, place)
    mount("-o", "remount,ro,bind", place)
    with pytest.raises(OSError, match="Read-only"):
        (done.folder / "probe").touch()
    assert [run["done"] for run in done.data("list")] == [3]
    assert len(done.trials()) == 3
    done.type("verify")
    assert "read-only" in done.refuse("run", "study.yaml", "x=1,2,3,4", code=8).lower()


def test_newer_book(done):
    """A book of a newer version is refused by every verb in one line, and left as it is."""
    with sqlite3.connect(book(done)) as connection:
        connection.execute("PRAGMA user_version = 9999")
    connection.close()
    before = book(done).read_bytes()
    for words in (["run", "study.yaml"], ["list"], ["show", "1"]):
        assert "newer" in done.refuse(*words, code=2)
    assert book(done).read_bytes() == before


@pytest.mark.parametrize("keep", [0.5, 0.02], ids=["half", "header"])
def test_truncated_book(done, keep):
    """A truncated book is refused in one line, and no byte of it is overwritten."""
    os.truncate(book(done), int(book(done).stat().st_size * keep))
    before = book(done).read_bytes()
    line = done.refuse("run", "study.yaml", "x=1,2,3,4", code=2)
    assert "book" in line
    assert book(done).read_bytes() == before


def test_not_a_book(shop):
    """A file that is no book is refused in one line, and left as it is."""
    shop.write("def f(x: int):\n    return {'y': x}\n")
    book(shop).parent.mkdir()
    book(shop).write_text("dear diary " * 1000)
    shop.refuse("run", "study.yaml", code=2)
    assert book(shop).read_text().startswith("dear diary")
