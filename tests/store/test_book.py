"""Opening a book: made once, refused when it is not ours to use, and never overwritten."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
import subprocess
import time
from pathlib import Path

import pytest

from fairtrial.errors import BookError, BookUnwritable, FairtrialError, NothingMeasured, StudyHeld
from fairtrial.store.book import open_book
from fairtrial.store.home import FILE
from fairtrial.store.schema import VERSION


def one_line(problem):
    """Say whether an error is a single line that names the book."""
    return "\n" not in str(problem.value) and FILE in str(problem.value)


def test_reading_makes_nothing(kit):
    """Without a book, reading says so and writes nothing."""
    with pytest.raises(NothingMeasured, match="run a study first"):
        kit.book(write=False)
    assert not kit.folder.exists()


def test_writing_makes_a_book(kit):
    """The book has our mark, the newest version, a write-ahead log, strict tables and a .gitignore."""
    kit.book().close()
    raw = sqlite3.connect(kit.folder / FILE)
    assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert raw.execute("PRAGMA application_id").fetchone()[0] != 0
    assert raw.execute("PRAGMA user_version").fetchone() == (VERSION,)
    tables = raw.execute("SELECT strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite%'")
    assert {strict for (strict,) in tables} == {1}
    raw.close()
    assert (kit.folder / ".gitignore").read_text() == "*\n"
    assert not list(kit.folder.glob("*.new"))


def test_a_book_that_was_never_finished(kit):
    """What a process left that died while it made the book is made again."""
    kit.folder.mkdir()
    (kit.folder / f"{FILE}.new").write_bytes(b"half")
    assert kit.book().ledger.verify() == []


def test_a_book_keeps_its_id(kit):
    """The id is drawn once, and differs between books."""
    first = kit.book().id
    assert kit.book().id == first == kit.book(write=False).id
    other = open_book(kit.folder.parent / "other" / ".fairtrial", write=True)
    assert other.id != first
    other.close()


def test_closing_twice(kit):
    """A second close does nothing."""
    book = kit.book()
    book.close()
    book.close()


@pytest.mark.parametrize("write", [True, False])
@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"x" * 8192, b"SQLite format 3\0" + b"\0" * 200],
    ids=["empty", "short", "text", "header"],
)
def test_not_a_book(kit, content, write):
    """A file that is no book is refused in one line and left as it is."""
    kit.folder.mkdir()
    path = kit.folder / FILE
    path.write_bytes(content)
    with pytest.raises(BookError) as problem:
        kit.book(write=write)
    assert one_line(problem)
    assert problem.value.exit_code == 2
    assert path.read_bytes() == content


@pytest.mark.parametrize("write", [True, False])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_truncated(kit, share, write):
    """A truncated book is refused in one line; what is left of it is not touched."""
    book = kit.book()
    journal = kit.begin(book)
    for trial in kit.trials(40):
        kit.done(journal, trial)
    journal.close("finished", planned=40)
    book.close()
    path = kit.folder / FILE
    content = path.read_bytes()[: int(path.stat().st_size * share)]
    path.write_bytes(content)
    with pytest.raises(BookError, match="damaged or truncated") as problem:
        kit.book(write=write)
    assert one_line(problem)
    assert path.read_bytes() == content


@pytest.mark.parametrize("write", [True, False])
def test_newer_version(kit, write):
    """A book of a newer version is refused, saying both versions, and left as it is."""
    kit.book().close()
    raw = sqlite3.connect(kit.folder / FILE)
    raw.execute("PRAGMA user_version=99")
    raw.close()
    with pytest.raises(BookError, match=f"has version 99, this fairtrial knows up to {VERSION}") as problem:
        kit.book(write=write)
    assert one_line(problem)


@pytest.mark.parametrize("write", [True, False])
def test_another_database(kit, write):
    """Somebody else's SQLite database is not a book."""
    kit.folder.mkdir()
    raw = sqlite3.connect(kit.folder / FILE)
    raw.execute("CREATE TABLE theirs (x)")
    raw.close()
    before = (kit.folder / FILE).read_bytes()
    with pytest.raises(BookError, match="something else"):
        kit.book(write=write)
    assert (kit.folder / FILE).read_bytes() == before


def test_read_only_books_refuse_to_write(kit, book):
    """A book that was opened to read begins no run and logs no action."""
    reading = kit.book(write=False)
    with pytest.raises(BookUnwritable, match="to read only"):
        kit.begin(reading)
    with pytest.raises(BookUnwritable, match="to read only"):
        reading.act("note")


def test_readers_see_what_is_committed_and_block_nobody(kit, book, journal):
    """A reader that has the book open sees each append at once, and the writer goes on."""
    reading = kit.book(write=False).ledger
    for count, trial in enumerate(kit.trials(5), 1):
        kit.done(journal, trial)
        assert reading.run().done == count


def test_hold_names_the_holder(kit, book):
    """A study has one driver: the second is told who has it; another study is free; afterwards it is free again."""
    import os

    with book.hold("digits"):
        held = pytest.raises(StudyHeld, match=f"process {os.getpid()} on .* since 2023-11-14 .*Z")
        with held as problem, kit.book().hold("digits"):
            pass
        assert problem.value.exit_code == 75
        with book.hold("other"):
            pass
    with book.hold("digits"):
        pass


def test_hold_is_free_after_an_error(book):
    """A driver that fails lets go of its study."""
    with pytest.raises(RuntimeError), book.hold("digits"):
        raise RuntimeError
    with book.hold("digits"):
        pass


def test_a_lock_does_not_leak_into_children(book):
    """A child that outlives its driver does not hold the study."""
    with book.hold("digits"):
        child = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        with book.hold("digits"):
            pass
    finally:
        child.kill()
        child.wait()


def test_a_fork_may_not_write(kit, book, journal):
    """A forked child is refused: SQLite's locks do not survive a fork. The parent's book goes on."""
    import os

    trial = kit.trial()
    child = os.fork()
    if not child:
        try:
            kit.start(journal, trial)
        except FairtrialError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    kit.done(journal, trial)
    assert book.ledger.verify() == []


def test_read_only_folder(kit, root, tmp_path):
    """In a read-only file system a book can be read, and writing is refused in one line."""
    book = kit.book()
    journal = kit.begin(book)
    kit.done(journal, kit.trial())
    journal.close("finished", planned=1)
    book.close()
    for log in kit.folder.glob("*-wal"):
        assert log.stat().st_size == 0
    mount = tmp_path / "mount"
    mount.mkdir()
    subprocess.run(["mount", "--bind", kit.folder.parent, mount], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", mount], check=True)
        with contextlib.closing(open_book(mount / ".fairtrial", write=False)) as reading:
            assert reading.ledger.run().done == 1
        with pytest.raises(BookUnwritable, match="read-only") as problem:
            open_book(mount / ".fairtrial", write=True)
        assert problem.value.exit_code == 8
    finally:
        subprocess.run(["umount", mount], check=True)


def test_disk_full(root, kit, tmp_path):
    """On a full disk an append raises, nothing of it is written, and the same call succeeds once there is room."""
    mount = tmp_path / "small"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mount], check=True)
    try:
        kit.folder = mount / ".fairtrial"
        book = kit.book()
        journal = kit.begin(book)
        stuffing = mount / "stuffing"
        trials = iter(kit.trials(5000))
        kit.done(journal, next(trials))
        _stuff(stuffing)
        acknowledged = 1 + _until_full(kit, journal, trials)
        assert book.ledger.run().done == acknowledged
        stuffing.unlink()
        kit.done(journal, next(trials))
        assert book.ledger.run().done == acknowledged + 1
        assert book.ledger.verify() == []
    finally:
        for opened in kit.opened:
            opened.close()
        subprocess.run(["umount", mount], check=True)


def _until_full(kit, journal, trials):
    """Run trials until the disk is full; return how many were acknowledged."""
    for count, trial in enumerate(trials):
        try:
            kit.done(journal, trial)
        except BookUnwritable as problem:
            return count if "the disk is full" in str(problem) else pytest.fail(str(problem))
    pytest.fail("the disk was never full")


def _stuff(path):
    """Fill a file system but for 128 kB."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096) == 4096:
                pass
        except OSError:
            pass
        file.truncate(max(0, file.tell() - 128 * 1024))


def test_a_clock_that_jumps_changes_nothing(kit, book, journal):
    """With a clock set back by a year, a running driver's attempts are still its own."""
    trial = kit.trial()
    attempt = kit.start(journal, trial)
    kit.clock.now -= 365 * 86400
    assert kit.end(journal, attempt) == ()
    assert book.ledger.settled(journal.run) == {trial.digest: "done"}


def test_times_are_unix_seconds_in_utc(kit, monkeypatch):
    """Times do not depend on the zone of the process that writes or reads them."""
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        book = kit.book()
        journal = kit.begin(book)
        kit.done(journal, kit.trial())
        run, (attempt,) = book.ledger.run(), book.ledger.attempts(run=1)
        assert 1_700_000_000 < run.created < attempt.started < attempt.ended < 1_700_000_100
    finally:
        monkeypatch.undo()
        time.tzset()


def test_network_file_systems_get_a_rollback_journal(kit, monkeypatch):
    """Where a write-ahead log cannot work, the book does without, syncs in full, and says so."""
    monkeypatch.setattr("fairtrial.store.book.shared", lambda folder: "nfs4")
    book = kit.book()
    assert "nfs4" in book.cautions[0]
    kit.done(kit.begin(book), kit.trial())
    raw = sqlite3.connect(kit.folder / FILE)
    assert raw.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    raw.close()
    assert book.ledger.verify() == []


def test_odd_folder_names(tmp_path):
    """A folder's name may hold what URIs treat as special."""
    folder = tmp_path / "100% of it? #1 é" / ".fairtrial"
    book = open_book(folder, write=True)
    book.close()
    assert (folder / FILE).exists()
    open_book(folder, write=False).close()


def test_modes(kit):
    """Locks and book are readable by others, so that they can look."""
    book = kit.book()
    with book.hold("digits"):
        (lock,) = [path for path in (kit.folder / "locks").iterdir() if path.name != "book.lock"]
        assert stat.S_IMODE(Path(lock).stat().st_mode) & 0o400
