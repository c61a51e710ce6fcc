"""`fairtrial signals datasets`: every data set is really verified; what others brought can be published."""

from __future__ import annotations

import json

import pytest

from fairtrial.errors import UserError
from fairtrial.systems.signals.lake.verb import Datasets, DatasetsArguments


@pytest.fixture
def told(lake):
    """Words of the verb -> what it says."""
    return lambda **words: Datasets().run(DatasetsArguments(lake=lake.folder, **words), None)


def bare(folder) -> None:
    """Make it a folder that somebody else brought: two files, nothing about them."""
    for name in ("manifest.json", "checksums.json", "events.parquet"):
        (folder / name).unlink()


def test_the_table_tells_what_is_there(told, published, lake):
    """Id, root, bins, hours, columns, tick, and that it is what was published."""
    published("b", 36, root=lake.generated)
    published("a", 18)
    said = told()
    assert said.tables[0].columns == ("id", "root", "bins", "hours", "columns", "tick", "verified")
    assert said.tables[0].rows == (
        ("a", "research/vp_immutable", 18, pytest.approx(0.0005), 4, 0.25, "yes"),
        ("b", "research/vp_harness/generated_grids", 36, pytest.approx(0.001), 4, 0.25, "yes"),
    )
    assert said.sentences == ()


def test_an_empty_lake_names_its_roots(told, lake):
    """So that one knows where to put data sets."""
    said = told()
    assert said.tables == ()
    assert str(lake.immutable) in said.sentences[0]
    assert str(lake.generated) in said.sentences[0]


@pytest.mark.parametrize("name", ["bins.parquet", "grid_clean.parquet", "events.parquet"])
def test_a_changed_file_is_seen(told, published, name):
    """One flipped byte in any of the files; the others stay verified."""
    published("good")
    path = published("bad", seed=1) / name
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    rows = {row[0]: row[-1] for row in told().tables[0].rows}
    assert rows["good"] == "yes"
    assert rows["bad"].startswith("no: ")
    assert name in rows["bad"]
    assert "bad: cannot be loaded" in told().sentences[0]


def test_what_cannot_be_loaded_is_in_the_table(told, published):
    """A missing grid takes nothing from the other rows."""
    published("good")
    (published("half") / "grid_clean.parquet").unlink()
    rows = {row[0]: row[-1] for row in told().tables[0].rows}
    assert rows["good"] == "yes"
    assert "grid_clean.parquet is missing" in rows["half"]


def test_what_others_brought_is_published_in_place(told, published, lake):
    """Manifest and checksums are written, the files become read-only, and it loads; twice is refused."""
    folder = published("theirs")
    bare(folder)
    (folder / "manifest.json").write_text('{"symbol": "MNQH6"}')
    rows = told().tables[0].rows
    assert "does not say tick_size" in rows[0][-1]
    with pytest.raises(UserError, match=r"nothing says its tick .*--tick-size"):
        told(publish="theirs")
    with pytest.raises(UserError, match="no data set 'their'"):
        told(publish="their", tick_size=0.25)
    said = told(publish="theirs", tick_size=0.25)
    assert said.sentences[0].startswith("Published ")
    assert said.tables[0].rows[0][-1] == "yes"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["symbol"], manifest["tick_size"], manifest["bins"]) == ("MNQH6", 0.25, 20)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o444}
    assert len(lake.market("theirs", ["v_add"])) == 20
    with pytest.raises(UserError, match="was published already"):
        told(publish="theirs", tick_size=0.25)


def test_without_checksums_there_is_a_caution(told, published, lake):
    """It loads, and the table says that a change would not be noticed."""
    folder = published("theirs")
    (folder / "checksums.json").unlink()
    said = told()
    assert said.tables[0].rows[0][-1] == "no checksums"
    assert "Caution: theirs: without checksums" in said.sentences[0]
    assert len(lake.market("theirs", ())) == 20


def test_a_tick_that_contradicts_or_does_nothing_is_refused(told, published):
    """A manifest that says another tick; --tick-size without --publish."""
    (published("theirs") / "checksums.json").unlink()
    with pytest.raises(UserError, match=r"says tick_size 0\.25, not 0\.5"):
        told(publish="theirs", tick_size=0.5)
    with pytest.raises(UserError, match="does nothing without --publish"):
        told(tick_size=0.5)
