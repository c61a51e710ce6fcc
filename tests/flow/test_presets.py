"""Studies that systems bring: listed, printed and run by SYSTEM/NAME as if they were files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fairtrial.contract import registry as plugins
from fairtrial.contract.registry import Registry
from fairtrial.errors import MissingPart, UnknownName
from fairtrial.flow.presets import presets, study_file

Type = Callable[..., tuple[int, str, str]]

PLUGIN = """
from pathlib import Path
from pydantic import BaseModel, ConfigDict
from fairtrial.model.study import Direction, Metric

class Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int = 1

class Brings:
    name = "brings"
    version = "1"
    Parameters = Parameters
    metrics = {"area": Metric("area", Direction.MAXIMIZE)}
    studies = Path(__file__).parent / "presets"

    def run(self, parameters, context):
        return {"area": float(parameters.size ** 2)}
"""

SQUARES = """\
study: squares
question: How does the area grow?
system: brings
factors: {size: [1, 2, 3]}
replicates: 2
"""


@pytest.fixture
def site(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A distribution on the path whose system brings two studies."""
    site = here / "site"
    info = site / "brings-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brings\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[fairtrial.systems]\nbrings = brings_system:Brings\n")
    (site / "brings_system.py").write_text(PLUGIN)
    (site / "presets").mkdir()
    (site / "presets" / "squares.yaml").write_text(SQUARES)
    arms = "study: arms\nsystem: brings\nvariants: {a: {factors: {size: [1, 5]}}, b: {}}\n"
    adaptive = "replicates: {min: 3, max: 9, until: {metric: area, half_width: 5%}}\n"
    (site / "presets" / "arms.yaml").write_text(arms + adaptive)
    monkeypatch.syspath_prepend(str(site))
    plugins._entries.cache_clear()
    yield site
    plugins._entries.cache_clear()


def test_presets_are_listed_with_what_they_ask(site: Path, fairtrial: Type) -> None:
    """Name, question, factors (of arms too) and replicates, as they are written; as JSON with the file."""
    code, out, _ = fairtrial("studies")
    assert code == 0
    assert "brings/squares" in out
    assert "How does the area grow?" in out
    assert "size = 1, 2, 3" in out
    assert "a: size = 1, 5" in out
    assert "3 to 9" in out
    listed = {row["name"]: row for row in json.loads(fairtrial("studies", "--json")[1])["data"]["presets"]}
    assert listed["brings/squares"]["factors"] == {"size": [1, 2, 3]}
    assert listed["brings/squares"]["replicates"] == 2
    assert Path(listed["brings/squares"]["file"]).read_text() == SQUARES


def test_a_name_prints_the_file(site: Path, fairtrial: Type) -> None:
    """Byte for byte, so that `> study.yaml` starts one's own."""
    assert fairtrial("studies", "brings/squares") == (0, SQUARES, "")
    assert json.loads(fairtrial("studies", "brings/squares", "--json")[1])["data"]["text"] == SQUARES


def test_a_preset_is_checked_planned_and_run_as_a_file_is(
    site: Path, fairtrial: Type, data: Callable[..., Any]
) -> None:
    """Overrides work, and the same command again says that all is done."""
    assert "squares: well formed, 6 trials" in fairtrial("check", "brings/squares")[1]
    assert data("plan", "brings/squares", "replicates=3")["new"] == 9
    ran = data("run", "brings/squares", "size=1,4", "-q")
    assert [row["estimates"]["area"]["mean"] for row in ran["conditions"]] == [16.0, 1.0]
    assert "all is done already" in fairtrial("run", "brings/squares", "size=1,4", "-q")[1]
    said = fairtrial("run", "brings/squares", "size=9", "-q")[1]  # two are retired, one is new
    assert "finished, 2 done, 0 failed" in said  # the study repeats each size


@pytest.mark.parametrize(("word", "near"), [("brings/sqares", "brings/squares"), ("brngs/arms", "brings/arms")])
def test_an_unknown_preset_names_the_nearest(site: Path, fairtrial: Type, word: str, near: str) -> None:
    """Exit 2 and one line, whether the system or the study is misspelt, and whatever asks for it."""
    for verb in ("run", "check", "plan", "studies"):
        code, out, err = fairtrial(verb, word)
        assert (code, out) == (2, "")
        assert err == f"fairtrial: unknown study {word!r} (did you mean {near!r}?)\n"


def test_a_file_goes_before_a_preset(site: Path, here: Path, fairtrial: Type) -> None:
    """What exists here is meant; and a missing file in a folder that exists is a missing file."""
    (here / "brings").mkdir()
    (here / "brings" / "squares").write_text(SQUARES.replace("[1, 2, 3]", "[1]"))
    assert "squares: well formed, 2 trials" in fairtrial("check", "brings/squares")[1]
    assert "no such file" in fairtrial("check", "brings/sqare")[2]


class Lacking:
    """A system of an extra that is not installed."""

    def __init__(self) -> None:
        raise MissingPart("system 'lacking' needs nothing_here", hint="pip install nothing_here")


def test_a_system_that_lacks_a_part_is_said_and_passed_over(here: Path) -> None:
    """The presets of the others are listed; its own say what is missing."""
    folder = here / "presets"
    folder.mkdir()
    (folder / "one.yaml").write_text("study: one\nsystem: bringing\n")
    bringing = type("Bringing", (), {"studies": folder})
    registry = Registry({"system": {"bringing": bringing, "lacking": Lacking}})
    found = presets(registry)
    assert "bringing/one" in [preset.name for preset in found.presets]
    assert "system 'lacking' needs nothing_here (pip install nothing_here)" in found.missing
    assert study_file(Path("bringing/one"), registry) == folder / "one.yaml"
    with pytest.raises(MissingPart):
        study_file(Path("lacking/one"), registry)
    with pytest.raises(UnknownName, match="did you mean 'bringing/one'"):
        study_file(Path("bringing/on"), registry)
