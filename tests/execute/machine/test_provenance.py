"""Where, with what and from which code a driver runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fairtrial.execute.machine.provenance import DIFF_BYTES, code, collect


def git(folder, *words):
    name = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *name, *words], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    """Give a repository with one committed file."""
    git(tmp_path, "init", "-q")
    (tmp_path / "model.py").write_text("x = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "one")
    return tmp_path


def test_a_clean_commit_is_named(repository):
    """The commit, nothing dirty."""
    found = code(repository)
    assert len(found.commit) == 40
    assert (found.dirty, found.diff, found.untracked) == (False, "", ())


def test_what_was_changed_is_kept(repository):
    """The diff of staged and unstaged changes, and the names of untracked files, also from a folder inside."""
    (repository / "model.py").write_text("x = 2\n")
    (repository / "new ü.py").write_text("y = 1\n")
    (repository / "inside").mkdir()
    found = code(repository / "inside")
    assert found.dirty
    assert "+x = 2" in found.diff
    assert found.untracked == ("new ü.py",)


def test_a_long_diff_is_cut_and_says_so(repository):
    """At most 1 MB, the last line saying that it was cut."""
    (repository / "model.py").write_text("line\n" * 400_000)
    found = code(repository)
    assert len(found.diff.encode()) <= DIFF_BYTES
    assert found.diff.splitlines()[-1].startswith("[cut")


def test_many_untracked_files_are_cut_and_say_so(repository):
    """A thousand names and how many more there are."""
    for number in range(1003):
        (repository / f"data{number}").touch()
    found = code(repository)
    assert (len(found.untracked), found.untracked[-1]) == (1001, "… and 3 more")


def test_no_repository_and_no_git_are_fine(tmp_path, monkeypatch):
    """Without a repository, or without git, there is simply no code version."""
    assert code(tmp_path).commit == ""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert code(tmp_path).commit == ""


def test_everything_is_there_but_the_environment(repository, monkeypatch):
    """Packages, Python, machine, command and inputs are recorded; no value of an environment variable is."""
    monkeypatch.setenv("SOME_TOKEN", "planted-7f3a")
    found = collect(repository, ["fairtrial", "run"], {"labels": "ab"})
    assert found.packages["pydantic"].split(".")[0].isdigit()
    assert found.fairtrial == found.packages["fairtrial"]
    assert found.python == sys.version
    assert found.machine.cpus >= 1
    assert (found.command, found.inputs, found.folder) == (("fairtrial", "run"), {"labels": "ab"}, str(repository))
    assert "planted-7f3a" not in str(found.as_dict())
