"""Data sets are found in two roots, verified, and give back what was published."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import fields

import numpy as np
import polars as pl
import pytest

from fairtrial.errors import UserError
from fairtrial.systems.signals.lake import digest
from fairtrial.systems.signals.lake.folder import Lake
from fairtrial.systems.signals.record import LEVELS, REACH


def same(one, other) -> None:
    """Assert that two columnar records are equal, types and missing numbers included."""
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def rewritten(path, change) -> None:
    """Change a file that is read-only, as only somebody who means it does."""
    path.chmod(0o644)
    change(path)


def test_what_was_published_is_loaded(lake, published, content):
    """Bins, columns and messages: the same numbers of the same types; only columns that were asked for."""
    published()
    made, market = content(), lake.market("day1", ["v_add", "spectrum_state_code", "last_event_id"])
    same(market.bins, made.bins)
    same(lake.events("day1"), made.events)
    assert list(market.columns) == ["v_add", "spectrum_state_code", "last_event_id"]
    assert [values.dtype for values in market.columns.values()] == [np.float64, np.int8, np.int64]
    for name, values in market.columns.items():
        np.testing.assert_array_equal(values, made.grid[name])
    assert (market.name, market.tick_size, market.bin_s, len(market)) == ("day1", 0.25, 0.1, 20)
    assert lake.market("day1", ()).columns == {}
    np.testing.assert_array_equal(lake.market("day1", ["k"]).columns["k"], [range(-REACH, REACH + 1)] * 20)


def test_the_first_root_wins(lake, published):
    """Published data sets come before variants; both are listed, each id once, in order."""
    published("b", 20, 1, root=lake.generated)
    assert len(lake.market("b", ())) == 20
    published("b", 30, 1)
    published("a", 10)
    (lake.immutable / "empty").mkdir()
    assert lake.ids() == ["a", "b"]
    assert len(lake.market("b", ())) == 30
    assert lake.find("b").root == "research/vp_immutable"


def test_an_unknown_id_names_both_roots_and_the_nearest(lake, published):
    """One line."""
    published("gold-hour")
    with pytest.raises(UserError) as caught:
        lake.market("gold-hours", ())
    assert str(lake.immutable) in str(caught.value)
    assert str(lake.generated) in str(caught.value)
    assert "did you mean 'gold-hour'?" in str(caught.value)
    for wrong in ("../gold-hour", "", ".", "a/b"):
        with pytest.raises(UserError, match="no data set"):
            lake.find(wrong)
    with pytest.raises(UserError, match="no data set 'x' in"):
        Lake(lake.folder / "nowhere").find("x")


def test_a_grid_that_is_missing_is_an_error(lake, published):
    """Bins alone are no data set."""
    (published() / "grid_clean.parquet").unlink()
    for ask in (lambda: lake.market("day1", ()), lambda: lake.check("day1"), lambda: lake.digests("day1")):
        with pytest.raises(UserError, match=r"bins\.parquet, and grid_clean\.parquet is missing"):
            ask()


@pytest.mark.parametrize("name", ["bins.parquet", "grid_clean.parquet"])
def test_a_changed_byte_is_a_checksum_error(lake, published, name):
    """It names the file; the column that was asked for need not be the one that changed."""
    path = published() / name
    lake.market("day1", ["v_add"])
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    rewritten(path, lambda file: file.write_bytes(data))
    with pytest.raises(UserError, match=f"checksum error: .*{name} is not what was published"):
        lake.market("day1", ["rest_depth"])


def test_changed_messages_are_a_checksum_error(lake, published):
    """Of events.parquet, when they are read."""
    rewritten(published() / "events.parquet", lambda file: file.write_bytes(file.read_bytes()[:-1]))
    assert len(lake.market("day1", ())) == 20
    with pytest.raises(UserError, match=r"checksum error: .*events\.parquet"):
        lake.events("day1")


def test_a_data_set_without_messages_says_so(lake, published):
    """No other grid can be made of it."""
    published(events=False)
    with pytest.raises(UserError, match=r"has no events\.parquet"):
        lake.events("day1")
    assert sorted(lake.digests("day1")) == ["bins.parquet", "grid_clean.parquet"]


def test_digests_are_those_on_record(lake, published):
    """As checksums.json has them; where there is none, as the files are."""
    folder = published()
    recorded = json.loads((folder / "checksums.json").read_text())
    assert lake.digests("day1") == {
        "bins.parquet": recorded["bins_parquet_sha256"],
        "grid_clean.parquet": recorded["grid_clean_parquet_sha256"],
        "events.parquet": recorded["events_parquet_sha256"],
    }
    before = lake.digests("day1")
    (folder / "checksums.json").unlink()
    assert lake.digests("day1") == before
    assert lake.digests("day1").keys() == before.keys()


def test_a_file_is_hashed_once_unless_it_was_written(lake, published, monkeypatch):
    """The same process does not read 300 MB twice; a change is seen all the same, whatever its time stamp says."""
    path = published() / "grid_clean.parquet"
    hashed = []
    real = digest.hashlib.file_digest
    monkeypatch.setattr(digest.hashlib, "file_digest", lambda *given: hashed.append(1) or real(*given))
    lake.market("day1", ())
    assert len(hashed) == 2
    lake.market("day1", ["v_add"])
    assert len(hashed) == 2
    found, data = path.stat(), bytearray(path.read_bytes())
    data[-1] ^= 1
    rewritten(path, lambda file: file.write_bytes(data))
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    with pytest.raises(UserError, match="checksum error"):
        lake.market("day1", ())
    assert len(hashed) == 3


def test_a_column_that_is_not_there_names_those_that_are(lake, published):
    """With the nearest."""
    published()
    with pytest.raises(UserError, match=r"no column 'v_ad' .*did you mean 'v_add'.*rest_depth"):
        lake.market("day1", ["v_ad"])
    with pytest.raises(UserError, match=r"no column 'zzz' .*rest_depth"):
        lake.check("day1", ["zzz"])
    assert lake.check("day1", ["v_add"]) == 20


def resaved(path, change) -> None:
    """Write a changed table, and forget its checksum."""
    rewritten(path, lambda file: change(pl.read_parquet(file)).write_parquet(file))
    (path.parent / "checksums.json").unlink()


SHAPES = [
    (lambda grid: grid.head(grid.height - LEVELS), f"20 x {LEVELS} = {20 * LEVELS}"),
    (lambda grid: grid.head(grid.height - 1), "2019 rows"),
    (lambda grid: grid.sample(fraction=1.0, shuffle=True, seed=0), "in order"),
    (lambda grid: grid.with_columns(bin_seq=pl.col("bin_seq") + 1), "in order"),
    (lambda grid: grid.with_columns(k=-pl.col("k")), "in order"),
    (lambda grid: grid.drop("k"), "no column k"),
    (lambda grid: grid.with_columns(v_add=pl.lit("x")), "holds String, not numbers"),
    (lambda grid: grid.with_columns(spectrum_state_code=pl.lit(None, pl.Int8)), "missing values"),
]


@pytest.mark.parametrize(("change", "said"), SHAPES)
def test_a_grid_of_another_shape_is_refused(lake, published, change, said):
    """Rows are each bin with k = -50 .. 50, in order; cells are numbers."""
    resaved(published() / "grid_clean.parquet", change)
    with pytest.raises(UserError, match=said) as caught:
        lake.market("day1", ["v_add", "spectrum_state_code"])
    assert "\n" not in str(caught.value)


def test_the_shape_is_checked_before_anything_is_loaded(lake, published):
    """From the footers alone."""
    resaved(published() / "grid_clean.parquet", lambda grid: grid.head(7))
    with pytest.raises(UserError, match="7 rows for 20 bins"):
        lake.check("day1")


def test_missing_numbers_are_nan_and_small_numbers_stay_small(lake, published):
    """Of other people's files: nulls of fractions are NaN, truth values are int8."""

    def change(grid: pl.DataFrame) -> pl.DataFrame:
        return grid.with_columns(
            v_add=pl.when(pl.col("k") == 0).then(None).otherwise(pl.col("v_add")), flag=pl.col("k") > 0
        )

    resaved(published() / "grid_clean.parquet", change)
    columns = lake.market("day1", ["v_add", "flag"]).columns
    assert np.isnan(columns["v_add"]).sum() == 20
    assert columns["flag"].dtype == np.int8
    assert columns["flag"].sum() == 20 * REACH


BINS = [
    (lambda bins: bins.drop("mid_price", "event_id"), "no column mid_price, event_id"),
    (lambda bins: bins.with_columns(bin_seq=pl.lit(0)), "bin_seq is not a count up"),
    (lambda bins: bins.with_columns(ts_ns=-pl.col("ts_ns")), "ts_ns runs backwards at bin_seq 1"),
    (lambda bins: bins.with_columns(bin_event_count=pl.lit(None, pl.Int64)), "20 missing values"),
]


@pytest.mark.parametrize(("change", "said"), BINS)
def test_bins_that_are_none_are_refused(lake, published, change, said):
    """Columns that lack, numbers that do not count, time that runs backwards."""
    resaved(published() / "bins.parquet", change)
    with pytest.raises(UserError, match=said):
        lake.market("day1", ())


def test_files_that_cannot_be_read_are_refused_in_one_line(lake, published):
    """A manifest that is none, a Parquet file that is none, no tick."""
    folder = published()
    manifest = json.loads((folder / "manifest.json").read_text())
    for said, wrong in [
        ("{", "cannot be read"),
        ("[]", "not a JSON object"),
        (json.dumps(manifest | {"tick_size": 0}), "does not say tick_size .*--publish day1 --tick-size"),
    ]:
        rewritten(folder / "manifest.json", lambda file, said=said: file.write_text(said))
        with pytest.raises(UserError, match=wrong) as caught:
            lake.check("day1")
        assert "\n" not in str(caught.value)
    shutil.rmtree(folder)
    folder = published()
    (folder / "checksums.json").unlink()
    rewritten(folder / "bins.parquet", lambda file: file.write_text("no"))
    with pytest.raises(UserError, match="not a Parquet file"):
        lake.market("day1", ())
