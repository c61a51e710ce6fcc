"""Migrations: numbered, one transaction each way, with a backup before."""

from __future__ import annotations

import sqlite3

import pytest

from fairtrial.errors import BookError, BookUnwritable
from fairtrial.store.connection import bare
from fairtrial.store.home import FILE
from fairtrial.store.schema import APPLICATION_ID, VERSION, create, migrate, scripts

SECOND = "CREATE TABLE later (x INTEGER) STRICT;\nINSERT INTO later SELECT number FROM run;\n"


@pytest.fixture
def old(kit, book, journal):
    """The connection to a book of version 1 with a run in it."""
    kit.done(journal, kit.trial())
    book.close()
    connection = bare(kit.folder / FILE)
    yield connection
    connection.close()


def test_a_script_for_every_version():
    """As many migrations as versions, each ending its last statement."""
    assert len(scripts()) == VERSION
    assert all(script.endswith(";\n") for script in scripts())


def test_nothing_to_do(old, kit):
    """A book of this version is left alone."""
    assert migrate(old) is None
    assert list(kit.folder.glob("*.backup")) == []


def test_migrated_with_a_backup(old, kit):
    """The new version has what the old one had; the backup is the old book, whole."""
    backup = migrate(old, [*scripts(), SECOND], stamp="20240101T000000Z")
    assert backup == kit.folder / f"{FILE}.v{VERSION}.20240101T000000Z.backup"
    assert old.rows("PRAGMA user_version") == [(VERSION + 1,)]
    assert old.rows("SELECT x FROM later") == [(1,)]
    raw = sqlite3.connect(backup)
    assert raw.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert raw.execute("SELECT count(*) FROM attempt WHERE status = 'done'").fetchone() == (1,)
    assert raw.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'later'").fetchone() == (0,)
    raw.close()


def test_a_migration_that_fails_changes_nothing(old, kit):
    """Half a migration is rolled back, version included."""
    with pytest.raises(Exception, match="no such table"):
        migrate(old, [*scripts(), SECOND, "DELETE FROM nowhere;\n"])
    assert old.rows("PRAGMA user_version") == [(VERSION,)]
    assert old.rows("SELECT count(*) FROM sqlite_schema WHERE name = 'later'") == [(0,)]


def test_an_older_book_is_migrated_to_write_and_refused_to_read(kit, book, monkeypatch):
    """Readers never change a book; the first writer brings it up to date."""
    from fairtrial.store import schema

    steps = [*scripts(), SECOND]
    monkeypatch.setattr(schema, "VERSION", VERSION + 1)
    monkeypatch.setattr(schema, "scripts", lambda: steps)
    with pytest.raises(BookError, match="older version"):
        kit.book(write=False)
    kit.book()
    assert kit.book(write=False).ledger.runs() == []
    assert len(list(kit.folder.glob("*.backup"))) == 1


def test_a_backup_that_cannot_be_written_stops_the_migration(old, kit):
    """Without its backup nothing is migrated."""
    (kit.folder / f"{FILE}.v{VERSION}.now.backup").mkdir()
    with pytest.raises(BookUnwritable):
        migrate(old, [*scripts(), SECOND], stamp="now")
    assert old.rows("PRAGMA user_version") == [(VERSION,)]


def test_a_book_of_every_earlier_version_becomes_a_new_one(tmp_path):
    """Step by step, with the same tables and indexes in the end as a new book has."""
    for version in range(1, VERSION):
        path = tmp_path / f"{version}.db"
        raw = sqlite3.connect(path, isolation_level=None)
        for step in scripts()[:version]:
            raw.executescript(step)
        raw.execute(f"PRAGMA application_id={APPLICATION_ID}")
        raw.execute(f"PRAGMA user_version={version}")
        raw.close()
        connection = bare(path)
        assert migrate(connection) is not None
        create(tmp_path / "new.db", now=0.0)
        new = bare(tmp_path / "new.db")
        names = "SELECT name, sql FROM sqlite_schema ORDER BY name"
        assert connection.rows(names) == new.rows(names)
        connection.close()
        new.close()
