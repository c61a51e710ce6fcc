"""The catalogue: ours by name, users' by entry point, and one line for what is none."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from fairtrial.errors import MissingPart, UnknownName, UserError
from fairtrial.systems.signals import catalogue
from fairtrial.systems.signals.signal import Signal

OURS = [*catalogue.FORMULAS, *catalogue.LEARNED]
HEAVY = ("numba", "sklearn", "lightgbm", "xgboost", "scipy", "polars")
MINE = '''
import numpy as np
from pydantic import BaseModel, ConfigDict
from fairtrial.systems.signals.plain import declare

@declare(window=lambda lag: lag + 1, thresholds=(2.0, 1.0))
def momentum(market, *, lag: int = 3):
    """How far the mid came."""
    mid = market.mid_ticks
    return np.concatenate((np.full(lag, np.nan), mid[lag:] - mid[:-lag]))[: len(mid)]

class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

class Nothing:
    name, help, mode, Parameters, columns = "nothing", "Always 0.", "state", Settings, ()
    def batch(self, market, parameters, *, seed): return np.zeros(len(market))
    def stream(self, parameters, *, tick_size, bin_s, seed): return self
    def step(self, now): return 0.0
    def thresholds(self, values): return (1.0,)

instance = Nothing()

class Renamed(Nothing):
    name = "else"

class Loose(Nothing):
    name = "loose"
    class Parameters(BaseModel): pass

class Half:
    name = "half"
'''


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Function (lines of entry points) -> a distribution that has them is installed, with the module `mine`."""

    def install(*lines: str) -> None:
        info = tmp_path / "mine-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("\n".join(["[fairtrial.signals]", *lines]))
        (tmp_path / "mine.py").write_text(MINE)
        (tmp_path / "needy.py").write_text("import a_module_that_nobody_has\n")
        monkeypatch.syspath_prepend(tmp_path)
        catalogue._entries.cache_clear()

    yield install
    catalogue._entries.cache_clear()
    sys.modules.pop("mine", None)


@pytest.mark.parametrize("name", OURS)
def test_ours(name):
    """Each of the fifteen loads under its name, is a signal, and its parameters forbid what they do not know."""
    found = catalogue.signal(name)
    assert isinstance(found, Signal)
    assert found.name == name
    assert found.Parameters.model_config["extra"] == "forbid"
    assert catalogue.settings(found, {}) == found.Parameters()


def test_there_are_fifteen():
    """Names are listed, ours first, each once."""
    assert catalogue.names()[:15] == OURS
    assert len(set(OURS)) == 15


def test_nothing_heavy_is_loaded():
    """To check a study's signals loads no compiler, no learner, no scipy and no polars."""
    code = (
        "import sys; from fairtrial.systems.signals.catalogue import names, signal;"
        "[signal(name).Parameters() for name in names()];"
        f"print([module for module in {HEAVY!r} if module in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_unknown():
    """A name that nothing answers to is refused with the nearest one."""
    with pytest.raises(UnknownName, match=r"unknown signal 'perm_derivate' .*did you mean 'perm_derivative'"):
        catalogue.signal("perm_derivate")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"noise_flor": 1}, r"unknown parameter of signal 'iirc' 'noise_flor' \(did you mean 'noise_floor'\?\)"),
        ({"noise_floor": -1}, "signal 'iirc': noise_floor: Input should be greater than or equal to 0"),
        ({"blend": [1.0]}, "signal 'iirc': blend has 1 weights, slope_windows 2 windows: give one each"),
    ],
)
def test_settings(given, message):
    """Settings that a signal does not take are refused in one line, with the nearest name."""
    with pytest.raises(UserError, match=message) as refused:
        catalogue.settings(catalogue.signal("iirc"), given)
    assert "\n" not in str(refused.value)


def test_function_from_an_entry_point(installed):
    """A plain function is a signal: its keyword arguments are its parameters."""
    installed("momentum = mine:momentum")
    found = catalogue.signal("momentum")
    assert isinstance(found, Signal)
    assert catalogue.names() == [*OURS, "momentum"]
    assert catalogue.settings(found, {"lag": 5}).lag == 5
    assert (found.help, found.mode, found.thresholds(np.zeros(3))) == ("How far the mid came.", "state", (1.0, 2.0))


@pytest.mark.parametrize("what", ["Nothing", "instance"])
def test_class_or_instance_from_an_entry_point(what, installed):
    """A class is made, an instance taken as it is."""
    installed(f"nothing = mine:{what}")
    assert catalogue.signal("nothing").thresholds(np.zeros(1)) == (1.0,)


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("half = mine:Half", UserError, "'half' .mine:Half. is no signal: it lacks help, mode, Parameters"),
        ("other = mine:Renamed", UserError, "'other' .mine:Renamed. calls itself 'else'"),
        ("loose = mine:Loose", UserError, "its Parameters must forbid extra keys"),
        ("gone = mine:gone", UserError, "'gone' .mine:gone. is not there"),
        ("absent = mine_is_not_here:f", UserError, "does not import"),
        ("needy = needy:f", MissingPart, r"needs a_module_that_nobody_has .pip install a_module_that_nobody_has"),
        ("ads = mine:Nothing", UserError, "'ads' is there 2 times: fairtrial, mine:Nothing .rename all but one"),
    ],
)
def test_refused_entry_points(line, error, message, installed):
    """What is no signal, does not import or takes a name of ours is refused in one line when it is asked for."""
    installed(line)
    with pytest.raises(error, match=message) as refused:
        catalogue.signal(line.partition(" ")[0])
    assert "\n" not in str(refused.value)
    assert catalogue.signal("msd").name == "msd"
