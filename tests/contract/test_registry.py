"""Names find plug-ins; what is missing is said with the command that brings it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fairtrial.contract import registry
from fairtrial.contract.registry import Registry
from fairtrial.errors import FairtrialError, MissingPart, UnknownName, UserError
from fairtrial.model.study import SystemRef
from fairtrial.testing.fakes import FakeSystem


def distribution(site: Path, *, name: str, module: str, text: str, extras: str = "") -> None:
    """Put a distribution with one system on the path."""
    info = site / f"{module}_dist-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}-dist\nVersion: 0.1\n{extras}")
    (info / "entry_points.txt").write_text(f"[fairtrial.systems]\n{name} = {module}:System\n")
    (site / f"{module}.py").write_text(text)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Give a folder on the path whose distributions are seen; forget them afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    registry._entries.cache_clear()
    yield tmp_path
    registry._entries.cache_clear()
    for module in ("lacking", "broken"):
        sys.modules.pop(module, None)


def test_a_missing_library_is_named_with_the_extra_that_brings_it(site: Path):
    """Exit 8; where the distribution has an extra of the system's name, that is the command."""
    extras = "Provides-Extra: lack\n"
    distribution(site, name="lack", module="lacking", text="import no_such_library_at_all", extras=extras)
    with pytest.raises(MissingPart, match=r"needs no_such_library_at_all \(pip install 'lacking-dist\[lack\]'\)"):
        Registry().load("system", "lack")


def test_a_plug_in_that_lacks_its_own_part_is_broken(site: Path):
    """No installation helps, so none is named."""
    distribution(site, name="broke", module="broken", text="from broken import nothing_like_that")
    with pytest.raises(FairtrialError, match="does not import") as caught:
        Registry().load("system", "broke")
    assert not isinstance(caught.value, MissingPart)


def test_an_unknown_name_says_the_nearest():
    """Of what is installed and what was passed in."""
    with pytest.raises(UnknownName, match="did you mean 'local'"):
        Registry().load("engine", "locl")
    with pytest.raises(UnknownName, match="did you mean 'fake'"):
        Registry({"system": {"fake": FakeSystem}}).load("system", "fak")


def test_what_is_no_system_is_refused():
    """With what it lacks."""
    with pytest.raises(UserError, match="lacks name, version, Parameters, metrics, run"):
        Registry({"system": {"x": object()}}).bind(SystemRef("x"))


def test_parameters_must_forbid_extra_keys():
    """A misspelt parameter would be accepted and ignored otherwise."""
    from pydantic import BaseModel

    class Open(BaseModel):
        x: int = 1

    class Loose(FakeSystem):
        Parameters = Open

    with pytest.raises(UserError, match="extra='forbid'"):
        Registry({"system": {"loose": Loose}}).bind(SystemRef("loose"))
