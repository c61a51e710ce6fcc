"""`fairtrial signals import`: from a file to a data set that loads, and what it refuses."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from fairtrial.errors import UserError
from fairtrial.systems.signals.feed import bring
from fairtrial.systems.signals.feed.verb import Import, ImportArguments
from fairtrial.systems.signals.lake.folder import Lake
from fairtrial.systems.signals.record import LEVELS

HEAD = "ts_recv,action,side,price,size,order_id,flags"


@pytest.fixture
def imported(tmp_path):
    """Words of the verb -> what it says."""

    def of(*files, **words):
        given = {"files": files, "lake": tmp_path / "lake", "tick_size": 0.25} | words
        return Import().run(ImportArguments.model_validate(given), None)

    return of


@pytest.fixture
def day(tmp_path):
    """A small file of records: a snapshot, and an order every tenth of a second."""

    def of(count: int = 30, name: str = "day.csv"):
        start = 1_770_000_000 * 10**9
        snapshot = [f"{start},R,N,,0,0,32", f"{start},A,B,100.25,5,1,32", f"{start},A,A,100.5,5,2,160"]
        later = [f"{start + 10**8 * at},A,B,{99 + at % 4 / 4:.2f},1,{at + 2},128" for at in range(1, count)]
        path = tmp_path / name
        path.write_text("\n".join((HEAD, *snapshot, *later)) + "\n")
        return path

    return of


def test_a_real_book_becomes_a_data_set(imported, band, tmp_path):
    """Cells of a quarter dollar: bins, grid and messages are published, verified and described."""
    said = imported(band.messages, snapshot=band.begin, id="coinbase", tick_size=0.01, bucket_size=0.25)
    assert "5804 bins, 580.4 s from 2018-07-13 20:47:11 UTC, of 23005 messages of BTC-USD" in said.sentences[0]
    assert "valid in 100.00%" in said.sentences[0]
    assert said.sentences[1:] == ("No message was odd.",)
    lake = Lake(tmp_path / "lake")
    market = lake.market("coinbase", ["rest_depth", "bid_depth", "ask_depth", "spectrum_state_code"])
    assert (len(market), market.tick_size, market.bin_s) == (5804, 0.01, 0.1)
    assert market.columns["rest_depth"].shape == (5804, LEVELS)
    assert market.columns["spectrum_state_code"].dtype == np.int8
    assert market.columns["rest_depth"].min() >= 0
    assert market.columns["bid_depth"][:, :50].sum() > 0
    manifest = lake.find("coinbase").manifest
    assert manifest["bucket_size"] == 0.25
    assert manifest["grid"]["bucket_size"] == 0.25
    assert manifest["first"] == "2018-07-13T20:47:11.000000000Z"
    digest = hashlib.sha256(band.messages.read_bytes()).hexdigest()
    assert manifest["source"]["files"] == [{"name": "messages.jsonl.xz", "sha256": digest}]
    assert manifest["source"]["snapshot"][0]["name"] == "begin.json.xz"
    assert (manifest["source"]["messages"], manifest["source"]["gaps"], manifest["source"]["odd"]) == (23005, 0, {})
    assert str(tmp_path) not in json.dumps(manifest)
    assert len(lake.events("coinbase")) > 10_000


def test_the_same_again_is_nothing_and_other_content_is_refused(imported, day, tmp_path):
    """The same file gives the same bytes; an id is never overwritten."""
    imported(day())
    before = Lake(tmp_path / "lake").digests("day")
    imported(day())
    assert Lake(tmp_path / "lake").digests("day") == before
    with pytest.raises(UserError, match="is there already, with other content"):
        imported(day(31))
    with pytest.raises(UserError, match="is there already, with other content"):
        imported(day(), tick_size=0.05, bucket_size=0.25)
    assert Lake(tmp_path / "lake").digests("day") == before
    assert [path.name for path in Lake(tmp_path / "lake").immutable.iterdir()] == ["day"]


def test_start_and_end_cut_bins(imported, day, tmp_path):
    """What precedes the start builds the book."""
    said = imported(day(), start="2026-02-02T02:40:01Z", end="2026-02-02T02:40:02.5", bin_ms=500)
    assert "3 bins, 1.5 s from 2026-02-02 02:40:01 UTC" in said.sentences[0]
    market = Lake(tmp_path / "lake").market("day", ())
    assert market.bins.bin_event_count.tolist() == [5, 5, 5]
    assert market.bins.book_valid.all()
    for words, wrong in [
        ({"start": "noon"}, "--start: 'noon' is no time"),
        ({"start": "2026-02-02T03:00:00Z", "end": "2026-02-02T02:00:00Z"}, "--end is not after --start"),
        ({"start": "2026-02-03T00:00:00Z"}, "no bins"),
    ]:
        with pytest.raises(UserError, match=wrong):
            imported(day(), id="other", **words)


def test_odd_messages_are_shown_and_kept(imported, day, tmp_path):
    """In the table, most frequent first, and in the manifest."""
    path, start = day(), 1_770_000_010 * 10**9
    with path.open("a") as file:
        file.write(f"{start},C,B,99.25,1,777,128\n{start},C,B,99.25,1,778,128\n{start},A,N,99.25,1,9,128\n")
        file.write(f"{start},A,B,99.26,1,900,128\n{start},A,B,99.26,1,901,132\n")
    with pytest.raises(UserError, match=r"day\.csv:38: messages before it are missing"):
        imported(path)
    said = imported(path, gaps=True)
    assert said.tables[0].rows == (
        ("cancel of an unknown order", 2),
        ("price between ticks", 2),
        ("order without a side", 1),
    )
    assert "missing, gaps: 1" in said.sentences[1]
    source = Lake(tmp_path / "lake").find("day").manifest["source"]
    assert source["odd"] == dict(said.tables[0].rows)
    assert source["gaps"] == 1


def test_what_cannot_be_imported_is_refused_in_one_line(imported, day, band, monkeypatch):
    """Nothing is left behind."""
    for files, words, wrong in [
        ([day()], {"tick_size": None}, "--tick-size is missing"),
        ([day()], {"tick_size": 0.1}, r"prices, such as 100\.25, are no multiple of a tick of 0\.1"),
        ([day().with_name("no.csv")], {}, r"there is no file .*no\.csv"),
        ([day()], {"snapshot": band.begin}, "--snapshot does nothing"),
        ([band.messages], {"snapshot": None}, "needs --snapshot"),
        ([day(name="day.txt")], {}, "give --format"),
        ([day()], {"format": "coinbase", "snapshot": band.begin}, r"day\.csv:\d+: "),
        ([day()], {"id": "../day"}, "is no id"),
    ]:
        with pytest.raises(UserError, match=wrong) as caught:
            imported(*files, **words)
        assert "\n" not in str(caught.value)
        assert not list(Lake(day().with_name("lake")).immutable.glob("*"))
    monkeypatch.setattr(bring, "SHARE", 0.0)
    with pytest.raises(UserError, match=r"their grid needs .* GiB, and 0\.0 GiB can be used"):
        imported(day())
