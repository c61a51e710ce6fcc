"""Verbs that systems bring: found by entry point, their arguments and options made from a pydantic model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fairtrial.contract import registry as plugins

Type = Callable[..., tuple[int, str, str]]

PLUGIN = """
from pathlib import Path
from typing import Literal
from pydantic import BaseModel, ConfigDict, Field
from fairtrial.errors import GateFailed
from fairtrial.model.figure import Grid, Section
from fairtrial.model.foreign import Converted, Foreign

class Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")
    file: Path = Field(description="What to look at.")
    times: int = Field(default=2, ge=1, description="How often.")
    scale: float | None = Field(default=None, description="By how much.")
    loud: bool = Field(default=False, description="In capitals.")
    tidy: bool = Field(default=True, description="Without blanks.")
    how: Literal["text", "section", "record", "none"] = Field(default="text", description="In which form.")
    word: list[str] = Field(default_factory=lambda: ["a"], description="May be repeated.")
    max_gap: float = Field(default=1.5, description="A name of two words.")

class Look:
    name = "look"
    help = "Look at a file."
    Arguments = Arguments

    def run(self, arguments, ledger):
        said = f"{arguments.file.name} {arguments.times} {arguments.scale} {arguments.word} {arguments.max_gap}"
        said += f" {arguments.tidy} {'no book' if ledger is None else len(ledger.runs())}"
        if arguments.how == "section":
            return Section("Seen", ("Once.",), (Grid(("what", "n"), (("it", 1),)),))
        if arguments.how == "record":
            return {"file": arguments.file, "nan": float("nan")}
        return None if arguments.how == "none" else said.upper() if arguments.loud else said

class Source(BaseModel):
    model_config = ConfigDict(extra="forbid")
    file: Foreign = Field(description="What to convert.")

class Turn:
    name = "turn"
    help = "Turn a document into a study."
    Arguments = Source

    def run(self, arguments, ledger):
        given = arguments.file
        if "old" not in given.document:
            raise given.wrong("new", "is new", "old: NAME")
        return Converted({"study": given.document["old"]}, (f"old stands in line {given.lines['old']}",))

class Nothing(BaseModel):
    model_config = ConfigDict(extra="forbid")

class Check:
    name = "check"
    help = "Say no."
    Arguments = Nothing

    def run(self, arguments, ledger):
        raise GateFailed("it is not so", hint="look again")
"""


@pytest.fixture(autouse=True)
def site(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A distribution on the path that brings verbs of a system `looking`, and one that does not import."""
    site = here / "site"
    info = site / "looking-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: looking\nVersion: 0.1\n")
    entries = (
        "looking.look = looking_verbs:Look\nlooking.check = looking_verbs:Check\n"
        "looking.turn = looking_verbs:Turn\nbroken.verb = broken_verbs:Verb\n"
    )
    (info / "entry_points.txt").write_text(f"[fairtrial.verbs]\n{entries}")
    (site / "looking_verbs.py").write_text(PLUGIN)
    (site / "broken_verbs.py").write_text("import no_such_library\n")
    monkeypatch.syspath_prepend(str(site))
    plugins._entries.cache_clear()
    yield site
    plugins._entries.cache_clear()


def test_the_overview_names_the_verbs_of_systems_without_importing_them(fairtrial: Type) -> None:
    """From the names of the entry points: one that cannot be imported stands there all the same."""
    code, out, _ = fairtrial("--help")
    assert code == 0
    assert "Of this system: check, look, turn." in out
    assert "Of this system: verb." in out


def test_a_system_alone_lists_its_verbs(fairtrial: Type) -> None:
    """With the line that each says of itself."""
    for words in (["looking"], ["looking", "--help"]):
        code, out, _ = fairtrial(*words)
        assert code == 0
        assert "Look at a file." in out
        assert "Say no." in out


def test_fields_become_arguments_and_options(fairtrial: Type) -> None:
    """Required ones arguments, others options with help and default; what is not given is the model's default."""
    help_ = " ".join(fairtrial("looking", "look", "--help")[1].split())
    for said in ("FILE", "What to look at.", "--times", "[default: 2]", "--max-gap", "--no-tidy", "text|section"):
        assert said in help_
    assert "--no-loud" not in help_
    assert fairtrial("looking", "look", "a/b.txt") == (0, "b.txt 2 None ['a'] 1.5 True no book\n", "")
    given = ["--times", "3", "--scale", "0.5", "--word", "x", "--word", "y", "--max-gap", "2", "--no-tidy", "--loud"]
    assert fairtrial("looking", "look", "b.txt", *given)[1] == "B.TXT 3 0.5 ['X', 'Y'] 2.0 FALSE NO BOOK\n"


def test_what_a_verb_says_is_printed(fairtrial: Type) -> None:
    """Text as it is, a section as a report shows it, anything else as JSON; and --json wraps all of them."""
    shown = fairtrial("looking", "look", "f", "--how", "section")[1]
    assert shown.startswith("Seen\n  Once.\n")
    assert "it     1" in shown
    assert json.loads(fairtrial("looking", "look", "f", "--how", "record")[1]) == {"file": "f", "nan": None}
    assert fairtrial("looking", "look", "f", "--how", "none") == (0, "", "")
    wrapped = json.loads(fairtrial("looking", "look", "f", "--how", "record", "--json")[1])
    assert wrapped["schema"] == "fairtrial.looking.look/1"
    assert wrapped["data"] == {"file": "f", "nan": None}


def test_a_verb_reads_the_book(fairtrial: Type, study: Callable[..., Path]) -> None:
    """Where there is one: without a book it is not made."""
    fairtrial("looking", "look", "f")
    assert not Path(".fairtrial").exists()
    study()
    fairtrial("run", "study.yaml", "-q")
    assert fairtrial("looking", "look", "f")[1].endswith(" 1\n")


def test_a_verb_takes_a_document_and_makes_a_study(fairtrial: Type) -> None:
    """It gets what a file holds, with lines; the study is printed as YAML after its notes, or as JSON."""
    Path("old.yaml").write_text("# a comment\nold: mine\n")
    assert fairtrial("looking", "turn", "old.yaml") == (0, "# old stands in line 2\n\nstudy: mine\n", "")
    data = json.loads(fairtrial("looking", "turn", "old.yaml", "--json")[1])["data"]
    assert data == {"document": {"study": "mine"}, "notes": ["old stands in line 2"]}
    Path("new.yaml").write_text("new: 1\n")
    Path("broken.yaml").write_text("a: [\n")
    for name, said in {
        "new.yaml": "new.yaml:1: new: is new (old: NAME)",
        "olt.yaml": "olt.yaml: no such file (did you mean 'old.yaml'?)",
        "broken.yaml": "broken.yaml:2: not valid YAML",
    }.items():
        code, out, err = fairtrial("looking", "turn", name)
        assert (code, out, len(err.splitlines())) == (2, "", 1)
        assert said in err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["looking", "lok"], 2, "unknown verb of looking 'lok' (did you mean 'look'?)"),
        (["lookin"], 2, "unknown verb 'lookin' (did you mean 'looking'?)"),
        (["looking", "look"], 2, "Missing argument 'FILE'"),
        (["looking", "look", "f", "--times", "0"], 2, "times: Input should be greater than or equal to 1"),
        (["looking", "look", "f", "--times", "many"], 2, "'many' is not a valid int"),
        (["looking", "look", "f", "--how", "tex"], 2, "'text'"),
        (["looking", "look", "f", "--tims", "2"], 2, "No such option: --tims"),
        (["looking", "check"], 4, "it is not so (look again)"),
        (["broken", "verb"], 8, "verb 'broken.verb' needs no_such_library (pip install no_such_library)"),
    ],
)
def test_what_goes_wrong_is_one_line(fairtrial: Type, words: list[str], code: int, said: str) -> None:
    """The user's mistakes exit 2, a check that says no 4, what is missing 8."""
    found, out, err = fairtrial(*words)
    assert (found, out) == (code, "")
    assert said in err
    assert len(err.splitlines()) == 1
