"""Publication: whole and read-only, or not at all; twice the same is once."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from fairtrial.errors import UserError
from fairtrial.systems.signals.lake import publish as module
from fairtrial.systems.signals.lake.publish import publish

FILES = ["bins.parquet", "checksums.json", "events.parquet", "grid_clean.parquet", "manifest.json"]


def names(folder) -> list[str]:
    """Return what lies in a folder, sorted."""
    return sorted(path.name for path in folder.iterdir())


def test_a_data_set_is_whole_read_only_and_described(published, lake):
    """Files, manifest, checksums; nothing of this machine or of today in them."""
    folder = published()
    assert names(folder) == FILES
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o444}
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["id"] == "day1"
    assert (manifest["bins"], manifest["bin_s"], manifest["tick_size"]) == (20, 0.1, 0.25)
    assert manifest["first"] == "2026-02-02T02:40:00.000000000Z"
    assert manifest["last"] == "2026-02-02T02:40:02.000000000Z"
    assert manifest["columns"] == ["rest_depth", "v_add", "spectrum_state_code", "last_event_id"]
    assert set(manifest["versions"]) == {"fairtrial", "numpy", "polars"}
    assert str(lake.folder) not in (folder / "manifest.json").read_text()


def test_the_same_content_has_the_same_bytes(published, lake):
    """Twice under one id it is a no-op; under two ids only the id differs."""
    folder = published()
    before = {name: ((folder / name).read_bytes(), (folder / name).stat().st_ino) for name in FILES}
    assert published() == folder
    assert {name: ((folder / name).read_bytes(), (folder / name).stat().st_ino) for name in FILES} == before
    other = published("day2")
    assert (other / "checksums.json").read_bytes() == before["checksums.json"][0]
    assert names(lake.immutable) == ["day1", "day2"]


def test_what_made_it_may_be_newer(published, monkeypatch):
    """Versions are told, and are no content."""
    published()
    monkeypatch.setattr(module, "version", lambda package: "99")
    published()


def test_other_content_is_refused(published, lake, content):
    """Other bins, or another manifest: nothing is overwritten, nothing left behind."""
    folder = published()
    before = lake.digests("day1")
    with pytest.raises(UserError, match="is there already, with other content"):
        published(seed=1)
    made = content()
    with pytest.raises(UserError, match="is there already, with other content"):
        publish(
            lake.immutable,
            "day1",
            bins=made.bins,
            grid=made.grid,
            manifest=made.manifest | {"tick_size": 0.5},
            events=made.events,
        )
    assert lake.digests("day1") == before
    assert names(lake.immutable) == [folder.name]


def test_what_is_no_data_set_is_refused(lake, content):
    """Another shape, an id that is no folder's name, a manifest with what JSON lacks: nothing is left behind."""
    made = content()
    for name, grid, manifest, said in [
        ("day1", made.grid | {"v_add": np.zeros((20, 100))}, {}, r"v_add of the grid has shape \(20, 100\)"),
        ("../day1", made.grid, {}, "is no id"),
        (".day1", made.grid, {}, "is no id"),
    ]:
        with pytest.raises(UserError, match=said):
            publish(lake.immutable, name, bins=made.bins, grid=grid, manifest=made.manifest | manifest)
    with pytest.raises(UserError, match="there are no bins"):
        publish(lake.immutable, "day1", bins=made.bins.cut(0, 0), grid={}, manifest=made.manifest)
    for manifest, kind, said in [
        ({"source": object(), "tick_size": 1.0}, TypeError, "no place in a manifest"),
        ({"source": "made up"}, ValueError, "says source and tick_size"),
    ]:
        with pytest.raises(kind, match=said):
            publish(lake.immutable, "day1", bins=made.bins, grid=made.grid, manifest=manifest)
    assert not lake.immutable.exists() or names(lake.immutable) == []


RACE = """
import sys, time
import numpy as np
from pathlib import Path
from fairtrial.systems.signals.lake.publish import publish
from fairtrial.systems.signals.record import Bins
root, seed, start = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
number = np.arange(50, dtype=np.int64)
flat = np.full(50, 10**9, np.int64)
bins = Bins(number, number + 1, number, number + 1, flat / 1e9, number, number, number >= 0, flat, flat, flat)
grid = {"v_add": np.random.default_rng(seed).normal(size=(50, 101))}
time.sleep(max(0.0, start - time.time()))
for day in range(20):
    publish(root, f"day{day}", bins=bins, grid=grid, manifest={"source": "race", "tick_size": 1.0})
"""


@pytest.mark.parametrize("seeds", [(0, 0), (0, 1)])
def test_two_processes_at_once_make_one_data_set(lake, seeds):
    """The same content: both succeed. Other content: one of them is refused, and what is there is whole."""
    import time

    start = str(time.time() + 1.5)
    command = [sys.executable, "-c", RACE, str(lake.immutable)]
    running = [subprocess.Popen([*command, str(seed), start], stderr=subprocess.PIPE, text=True) for seed in seeds]
    ended = [(process.communicate(timeout=60)[1], process.returncode) for process in running]
    there = names(lake.immutable)
    assert all(lake.market(name, ["v_add"]).columns["v_add"].shape == (50, 101) for name in there)
    assert not [name for name in there if name.startswith(".")]
    if seeds[0] == seeds[1]:
        assert [code for _, code in ended] == [0, 0], ended
        assert len(there) == 20
    else:
        assert sum(code == 0 for _, code in ended) <= 1
        assert "with other content" in "".join(said for said, _ in ended)


def test_a_lake_that_is_a_file(lake, published) -> None:
    """Where no folder can be made, one line says so."""
    lake.folder.write_text("")
    with pytest.raises(UserError, match=r"cannot write .*vp_immutable: Not a directory"):
        published()
