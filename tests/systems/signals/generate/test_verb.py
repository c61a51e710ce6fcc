"""`fairtrial signals generate`: data sets that load, once each, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.errors import UnknownName, UserError
from fairtrial.systems.signals.generate.flow import flow
from fairtrial.systems.signals.generate.verb import Generate, GenerateArguments, settings
from fairtrial.systems.signals.lake.folder import Lake
from fairtrial.systems.signals.words import Grid, Synthetic


@pytest.fixture
def generate(tmp_path):
    """Words of the verb -> what it says, line by line."""

    def of(**words):
        given = {"lake": tmp_path / "lake", "bins": 120, "events_per_s": 60} | words
        return Generate().run(GenerateArguments.model_validate(given), None).splitlines()

    return of


def test_a_data_set_is_published(generate, tmp_path):
    """Bins, the whole grid, messages and a manifest that says how all of it was made."""
    said = generate(id="made", edge=0.3, seed=4, grid="c1=2,spectrum_windows=[5,10]")
    lake = Lake(tmp_path / "lake")
    assert said[0].startswith(f"{lake.immutable / 'made'}: 120 bins (0.003333 h) of ")
    market = lake.market("made", ["v_add", "spectrum_score", "perm_state5_code"])
    assert len(market) == 120
    assert market.bins.book_valid.all()
    manifest = lake.find("made").manifest
    asked = Synthetic(bins=120, events_per_s=60, edge=0.3)
    assert Synthetic.model_validate(manifest["synthetic"]) == asked
    assert (manifest["seed"], manifest["tick_size"], manifest["bins"]) == (4, 0.25, 120)
    assert Grid.model_validate(manifest["grid"]) == Grid(c1=2, spectrum_windows=(5, 10))
    events, again = lake.events("made"), flow(asked, np.random.default_rng([4, 1]))
    assert np.array_equal(events.ts_ns, again.ts_ns)
    assert np.array_equal(events.size, again.size)


def test_the_same_command_twice(generate, tmp_path):
    """The second time it says that it is there, and nothing is touched; elsewhere it gives the same bytes."""
    generate(id="twice")
    folder = tmp_path / "lake/research/vp_immutable/twice"
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert generate(id="twice") == [f"{folder}: it is there already"]
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    generate(id="twice", lake=tmp_path / "other")
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "other/research/vp_immutable/twice" / path.name).read_bytes()


@pytest.mark.parametrize("words", [{"edge": 0.1}, {"seed": 1}, {"grid": "c1=2"}, {"bins": 130}])
def test_other_content_needs_another_id(generate, words):
    """An id that has other content is refused, and stays what it is."""
    generate(id="taken")
    with pytest.raises(UserError, match=r"taken is there already, with another .*give another --id"):
        generate(id="taken", **words)
    assert "there already" in generate(id="taken")[0]


def test_days_differ(generate, tmp_path):
    """Several days are drawn each anew, and lie a day apart; more of them later keep the first."""
    generate(id="day", days=2)
    said = generate(id="day", days=3)
    assert [line.endswith("it is there already") for line in said] == [True, True, False]
    lake = Lake(tmp_path / "lake")
    assert lake.ids() == ["day-1", "day-2", "day-3"]
    one, two = (lake.market(f"day-{day}", []).bins for day in (1, 2))
    assert two.bin_start_ns[0] - one.bin_start_ns[0] == 86_400 * 10**9
    assert not np.array_equal(one.mid_price, two.mid_price)


def test_nothing_is_made_where_a_day_is_taken(generate, tmp_path):
    """One day with other content, and no day is written."""
    generate(id="day-3", seed=9)
    with pytest.raises(UserError, match="day-3 is there already, with another seed, day"):
        generate(id="day", days=3)
    assert Lake(tmp_path / "lake").ids() == ["day-3"]


def test_a_changed_data_set_is_noticed(generate, tmp_path):
    """What is there already is verified before it is called so."""
    generate(id="made")
    path = tmp_path / "lake/research/vp_immutable/made/bins.parquet"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match="made: checksum error"):
        generate(id="made")


def test_settings_of_the_grid():
    """Numbers and lists of numbers, by name."""
    assert settings("") == Grid()
    assert settings("c1=2, tau_velocity_s=1.5") == Grid(c1=2, tau_velocity_s=1.5)
    assert settings("spectrum_windows=[5,10],c2=0") == Grid(spectrum_windows=(5, 10), c2=0)


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("c9=1", UnknownName, "unknown setting of the grid 'c9'"),
        ("tau_veloctiy_s=1", UnknownName, "did you mean 'tau_velocity_s'"),
        ("c1", UserError, "'c1' is no setting"),
        ("c1=two", UserError, "c1=two: not a number"),
        ("c1=-1", UserError, "--grid: c1: Input should be greater than or equal to 0"),
        ("cell_width_ms=50", UserError, "cell_width_ms 50: the bins of a market that is made up last 100 ms"),
    ],
)
def test_bad_settings(generate, text, error, said):
    """One line says what is wrong with a setting."""
    with pytest.raises(error, match=said):
        generate(grid=text)
