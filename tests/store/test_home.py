"""The `.fairtrial` folder is found upwards and never made by looking for it."""

from __future__ import annotations

from fairtrial.store.home import find


def test_found_upwards(tmp_path):
    """The nearest folder counts, from any depth below it."""
    (tmp_path / ".fairtrial").mkdir()
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert find(deep) == tmp_path / ".fairtrial"
    (tmp_path / "a" / ".fairtrial").mkdir()
    assert find(deep) == tmp_path / "a" / ".fairtrial"


def test_absent_is_named_and_not_made(tmp_path, monkeypatch):
    """Without one, the folder to make here is returned, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    assert find() == tmp_path.resolve() / ".fairtrial"
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_that_name_is_no_book(tmp_path):
    """Only a folder counts."""
    (tmp_path / "sub").mkdir()
    (tmp_path / ".fairtrial").mkdir()
    (tmp_path / "sub" / ".fairtrial").write_text("")
    assert find(tmp_path / "sub") == tmp_path / ".fairtrial"
