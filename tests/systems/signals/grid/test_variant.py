"""Variants of a grid: one for each content and set of parameters, whoever makes it, however often."""

from __future__ import annotations

import json
import stat
import subprocess
import sys

import numpy as np
import pytest

from fairtrial.errors import UserError
from fairtrial.systems.signals.grid.columns import NAMES
from fairtrial.systems.signals.grid.make import make
from fairtrial.systems.signals.grid.variant import check, variant, variant_id
from fairtrial.systems.signals.lake.folder import Lake
from fairtrial.systems.signals.lake.publish import publish
from fairtrial.systems.signals.words import Grid

OWN = Grid(spectrum_windows=(3, 6), spectrum_z_bins=60, spectrum_min_bins=20)
OTHER = OWN.model_copy(update={"c1": 2.0, "spectrum_z_bins": 50})


def changed(**values):
    return OWN.model_copy(update=values)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Make a lake with one data set, with or without its messages; later calls see the same folder name anew."""

    def made(events, *, messages=True, grid=OWN, says=OWN, columns=None, **more):
        lake = Lake(tmp_path_factory.mktemp("lake"))
        whole = make(events, tick_size=0.25, grid=grid, columns=columns)
        manifest = {"source": "a test", "tick_size": 0.25} | more
        if says is not None:
            manifest["grid"] = says.model_dump(mode="json")
        publish(lake.immutable, "day", bins=whole.bins, grid=whole.columns, manifest=manifest,
                events=events if messages else None)  # fmt: skip
        return lake

    return made


def folders(lake):
    """What lies below the root of variants, hidden leftovers too."""
    return sorted(path.name for path in lake.generated.iterdir()) if lake.generated.exists() else []


@pytest.mark.parametrize(
    "grid",
    [OTHER, changed(cell_width_ms=250), changed(bucket_size=1.0), changed(tau_velocity_s=0.3, tau_mass_s=2.0)],
    ids=["weights", "bins", "buckets", "taus"],
)
def test_made_of_messages(flow, published, grid):
    """A variant has the columns that messages give with its parameters, from the data set's first bin to its last."""
    events = flow(31, 500)
    lake = published(events)
    name = variant(lake, "day", grid)
    told = make(events, tick_size=0.25, grid=grid)
    market = lake.market(name, NAMES)
    assert (len(market), market.bin_s) == (len(told.bins), grid.cell_width_ms / 1000)
    for column in NAMES:
        np.testing.assert_array_equal(market.columns[column], told.columns[column])
        assert market.columns[column].dtype == told.columns[column].dtype


def test_idempotent(flow, published):
    """The second time nothing is written; id, manifest and read-only files say what it is."""
    lake = published(flow(31, 300))
    name = variant(lake, "day", OTHER)
    before = {path: path.stat().st_mtime_ns for path in (lake.generated / name).iterdir()}
    assert variant(lake, "day", OTHER) == check(lake, "day", OTHER) == name
    assert {path: path.stat().st_mtime_ns for path in (lake.generated / name).iterdir()} == before
    assert folders(lake) == [name]
    assert name == variant_id(lake.digests("day"), OTHER)
    manifest = json.loads((lake.generated / name / "manifest.json").read_text())
    assert (manifest["parent"], manifest["parent_sha256"]) == ("day", lake.digests("day"))
    assert Grid.model_validate(manifest["grid"]) == OTHER
    assert not any(path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) for path in before)


def test_ids():
    """Every parameter, and the data set's content, makes another id; 12 hexadecimal digits."""
    base = variant_id({"bins.parquet": "a"}, OWN)
    assert len(base) == 12
    assert int(base, 16)
    assert base == variant_id({"bins.parquet": "a"}, Grid.model_validate(OWN.model_dump()))
    others = {variant_id({"bins.parquet": "b"}, OWN)}
    for name in Grid.model_fields:
        value = {"bucket_size": 0.5, "spectrum_windows": (7,), "spectrum_weights": (1.0, 1.0, 1.0)}.get(name)
        others.add(variant_id({"bins.parquet": "a"}, changed(**{name: value or getattr(OWN, name) + 1})))
    assert len(others | {base}) == len(Grid.model_fields) + 2


def test_its_own_grid(flow, published):
    """The grid that a data set has is the data set: nothing is made; a cell of one tick may be said or not."""
    lake = published(flow(31, 300))
    assert variant(lake, "day", OWN) == variant(lake, "day", changed(bucket_size=0.25)) == "day"
    assert folders(lake) == []


def test_a_variant_of_a_variant(flow, published):
    """It is made of the origin; the width of its cells is the variant's, unless said; back again is the origin."""
    lake = published(flow(31, 300))
    wide = variant(lake, "day", changed(bucket_size=1.0))
    assert variant(lake, wide, OTHER) == variant(lake, "day", OTHER.model_copy(update={"bucket_size": 1.0}))
    assert variant(lake, wide, changed(bucket_size=0.25)) == "day"


MAKE = """
import sys
from fairtrial.systems.signals.grid.variant import variant
from fairtrial.systems.signals.lake.folder import Lake
from fairtrial.systems.signals.words import Grid
print("ready", flush=True)
sys.stdin.readline()
print(variant(Lake(sys.argv[1]), "day", Grid.model_validate_json(sys.argv[2])))
"""


def test_two_processes(flow, published):
    """Two processes that make the same variant at once leave one whole data set, and both know its id."""
    lake = published(flow(31, 300))
    command = [sys.executable, "-c", MAKE, str(lake.folder), OTHER.model_dump_json()]
    makers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [maker.stdout.readline() for maker in makers] == ["ready\n"] * 2
    for maker in makers:
        maker.stdin.write("go\n")
        maker.stdin.flush()
    names = [maker.communicate(timeout=120)[0].strip() for maker in makers]
    assert [maker.returncode for maker in makers] == [0, 0]
    assert folders(lake) == [names[0]]
    assert names[0] == names[1]
    assert len(lake.market(names[0], NAMES)) > 10


def test_without_messages(flow, published):
    """Weights and spectrum are made anew of the stored derivatives, and equal what messages would give."""
    events = flow(31, 500)
    lake = published(events, messages=False)
    name = variant(lake, "day", OTHER)
    told = make(events, tick_size=0.25, grid=OTHER)
    market = lake.market(name, NAMES)
    for column in NAMES:
        np.testing.assert_array_equal(market.columns[column], told.columns[column], err_msg=column)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tau_mass_s": 5.0}, "grid.tau_mass_s stays 30.0; 5.0 is asked for"),
        ({"tau_jerk_s": 5.0}, "grid.tau_jerk_s stays 10.0; 5.0 is asked for"),
        ({"cell_width_ms": 200}, "grid.cell_width_ms stays 100; 200 is asked for"),
        ({"bucket_size": 0.5}, "grid.bucket_size stays None; 0.5 is asked for"),
    ],
)
@pytest.mark.parametrize("says", [OWN, None], ids=["says its grid", "says nothing"])
def test_what_needs_messages_is_refused(flow, published, values, message, says):
    """Without messages, bins, cells and decay stay as they are: one line says so, before and when it is made."""
    lake = published(flow(31, 200), messages=False, says=says)
    for refuse in (check, variant):
        with pytest.raises(UserError, match=message):
            refuse(lake, "day", changed(**values))
    assert folders(lake) == []


def test_cells_of_somebody_else(flow, published):
    """A manifest that says how wide cells are, and no more of its grid, is believed; nonsense in it is named."""
    wide = changed(bucket_size=1.0)
    lake = published(flow(31, 200), messages=False, grid=wide, says=None, bucket_size=1.0)
    assert variant(lake, "day", OTHER) == variant(lake, "day", OTHER.model_copy(update={"bucket_size": 1.0}))
    with pytest.raises(UserError, match=r"grid.bucket_size stays 1.0; 0.5 is asked for"):
        variant(lake, "day", changed(bucket_size=0.5))
    lake = published(flow(31, 200), says=None, bucket_size="wide")
    with pytest.raises(UserError, match=r"manifest.json: bucket_size 'wide' is no width"):
        variant(lake, "day", OTHER)


def test_columns_that_are_missing(flow, published):
    """A grid without the derivatives cannot be varied without messages: those that lack are named."""
    lake = published(flow(31, 200), messages=False, columns=["v_add", "v_pull", "a_add", "perm_state5_code"])
    with pytest.raises(UserError, match="lacks a_pull, v_fill, v_rest_depth"):
        variant(lake, "day", OTHER)


def test_a_changed_data_set(flow, published):
    """A data set that was changed since it was published makes no variant."""
    lake = published(flow(31, 200))
    path = lake.immutable / "day" / "events.parquet"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b"!")
    with pytest.raises(UserError, match="checksum"):
        variant(lake, "day", OTHER)
    assert folders(lake) == []


@pytest.mark.parametrize("make_or_check", [check, variant])
def test_mistakes(flow, published, make_or_check):
    """A data set that is not there, a cell that prices cannot have: one line each."""
    lake = published(flow(31, 200))
    with pytest.raises(UserError, match="day"):
        make_or_check(lake, "dya", OTHER)
    with pytest.raises(UserError, match="whole multiple"):
        make_or_check(lake, "day", changed(bucket_size=0.1234567891))
    assert folders(lake) == []


def test_a_manifest_that_says_no_grid(flow, published):
    """A grid in the manifest that is none is the data set's mistake: file and key are named."""
    lake = published(flow(31, 200))
    path = lake.immutable / "day" / "manifest.json"
    said = json.loads(path.read_text())
    path.chmod(0o644)
    path.write_text(json.dumps(said | {"grid": {"c1": "much"}}))
    with pytest.raises(UserError, match=r"manifest.json: grid.c1: "):
        variant(lake, "day", OTHER)
