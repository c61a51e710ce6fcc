"""Mistakes with the verbs of judgement, and names that mean harm: one line each, nothing half done."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

STUDY = """
study: scores
system: {python: "model:measure"}
factors: {x: [1, 2, 3], y: [1, 2]}
replicates: 3
metrics: {score: maximize}
"""

NASTY = """
from random import Random

def f(a: object = 1, b: str = "x", c: object = None, *, seed: int) -> dict[str, float]:
    noise = Random(f"{seed} {a} {b} {c}").gauss(0, 0.1)
    return {"a|b <script>alert('x')</script>": 1 + noise, "n\\u00e4me\\nnew & \\"q\\"": 2 + noise}
"""
NASTY_STUDY = r"""
study: nasty
question: "Is <img src=http://evil.example/x.png onerror=alert(1)> | better?\n# heading\n```"
system: {python: "nasty:f"}
factors:
  a: [[1, 2], {"k": "<b>|"}]
  b: ["x|y", "<script>alert(2)</script>", "new\nline", ""]
  c: [null, "None", true]
replicates: 2
metrics: {"a|b <script>alert('x')</script>": maximize, "näme\nnew & \"q\"": {direction: minimize, unit: "<u>|"}}
"""


class Page(HTMLParser):
    """Tags that are left open, and everything that a browser would run or load."""

    VOID = frozenset({"meta", "br", "hr", "img", "link", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what runs or loads."""
        if tag not in self.VOID:
            self.open.append(tag)
        if tag in ("script", "img", "link", "iframe", "object", "base"):
            self.wrong.append(tag)
        for name, value in attrs:
            loads = name in ("src", "href", "xlink:href") and not (value or "").startswith(("#", "data:"))
            if name.startswith("on") or loads:
                self.wrong.append(f"{tag} {name}={value}")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what runs or loads; nothing stays open."""
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost tag, which must be this one."""
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}>")


@pytest.fixture
def scores(here: Path, fairtrial) -> None:
    """Run 1: three levels of x, two of y."""
    (here / "study.yaml").write_text(STUDY)
    assert fairtrial("run", "study.yaml", "-q")[0] == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("analyse", "99"), 2),
        (("analyse", "--of", "optimums"), 2),
        (("analyse", "--of", "threshold"), 2),
        (("analyse", "--of", "threshold", "--factor", "z"), 2),
        (("analyse", "--of", "optimum", "--metric", "scor"), 2),
        (("analyse", "--of", "crossover"), 2),
        (("analyse", "--of", "text"), 2),
        (("analyse", "--of", "text", "--keyword", "x"), 2),
        (("report", "99"), 2),
        (("report", "--of", "nothing"), 2),
        (("compare", "1", "1"), 2),
        (("compare", "1", "99"), 2),
        (("compare", "1"), 2),
        (("compare", "a", "b"), 2),
        (("compare", "--history", "nobody"), 2),
        (("gate",), 2),
        (("promote", "--to", "nowhere.yaml"), 2),
        (("undo",), 6),
        (("note", "999", "--note", "x"), 2),
        (("note", "1"), 2),
        (("selftest", "nothing"), 2),
    ],
)
def test_a_mistake_is_one_line(scores, fairtrial, words: tuple[str, ...], code: int) -> None:
    """Nothing on stdout, one line on stderr that ends in what to do."""
    got, out, err = fairtrial(*words)
    assert (got, out) == (code, "")
    assert re.fullmatch(r"fairtrial: [^\n]+\([^\n]+\)\n", err), err


@pytest.mark.parametrize("words", [("report", "1"), ("analyse", "1"), ("list", "--limit", "3")])
def test_asking_makes_no_book(here: Path, fairtrial, words: tuple[str, ...]) -> None:
    """Verbs that only read leave an empty folder as it is."""
    fairtrial(*words)
    assert not (here / ".fairtrial").exists()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("defaults: &d {x: 1}\nprod:\n  <<: *d\n", "x=defaults.x"),
        ("---\nx: 1\n---\nx: 2\n", "x=x"),
        ("x: 1\nx: 2\n", "x=x"),
        ("x: !!python/object:os.system x\n", "x=x"),
        ("- 1\n", "x=x"),
    ],
)
def test_a_file_that_cannot_be_edited_safely_stays(scores, here: Path, fairtrial, text: str, key: str) -> None:
    """An anchor that others use, several documents, keys that stand twice, tags: refused, byte for byte unchanged."""
    (here / "runtime.yaml").write_text(text)
    code, out, err = fairtrial("promote", "1", "--to", "runtime.yaml", "--map", key, "--force", "--why", "a test")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert (here / "runtime.yaml").read_text() == text
    assert not (here / "runtime.yaml.evidence.json").exists()


def test_names_that_mean_harm_stay_text(here: Path, fairtrial) -> None:
    """Markup in a question, metric, unit or level reaches neither the page nor the tables of the Markdown."""
    (here / "nasty.py").write_text(NASTY)
    (here / "nasty.yaml").write_text(NASTY_STUDY)
    assert fairtrial("run", "nasty.yaml", "-q")[0] == 0
    assert fairtrial("report", "1", "-o")[0] == 0
    page = Page()
    page.feed((here / "reports/1/report.html").read_text())
    assert (page.wrong, page.open) == ([], [])
    _, text, _ = fairtrial("report", "1")
    assert not re.search(r"(?<!\\)<(script|img|b|u)\b", text)
    assert "\n# heading" not in text
    table = text[text.index("| a") :].split("\n\n")[0].splitlines()
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table}) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "analyse 1 --of threshold --factor x --arm zz",
            "unknown variant 'zz': run 1 has no variants (ask without --arm)",
        ),
        ("analyse 1 --of crossover --arm a --arm b", "unknown variant 'a': run 1 has no variants (ask without --arm)"),
        (
            "analyse 1 --of text --keyword a --factor x",
            "the run has no tables of raw records (fairtrial show says what",
        ),
        ("analyse 1 --of effects --margin nan", "margin is nan, which is no amount (a number of 0 or more)"),
        ("analyse 1 --of effects --margin inf", "margin is inf, which is no amount (a number of 0 or more)"),
        (
            "analyse 1 --of threshold --factor x --change nan",
            "change is nan, which is no amount (a number of 0 or more)",
        ),
        (
            "gate 1 --against nobody",
            "unknown baseline 'nobody' (none was set: fairtrial baseline set RUN --name nobody)",
        ),
    ],
)
def test_what_is_not_there_is_said_with_what_to_do(words: str, said: str, scores: None, fairtrial) -> None:
    """Where nothing is near, the hint is no empty list."""
    code, _, err = fairtrial(*words.split())
    assert code == 2
    assert err.startswith(f"fairtrial: {said}")
    assert err.count("\n") == 1


def test_a_line_end_in_a_name_breaks_no_table(here: Path, fairtrial) -> None:
    """`show` has as many lines as rows."""
    (here / "nasty.py").write_text(NASTY)
    (here / "nasty.yaml").write_text(NASTY_STUDY)
    fairtrial("run", "nasty.yaml", "-q")
    for words in (("show", "1"), ("show", "1", "--trials")):
        lines = fairtrial(*words)[1].splitlines()
        heads = [line for line in lines if line.lstrip().startswith(("a ", "trial"))]
        assert len(heads) == 1
        assert 'näme new & "q"' in heads[0]


@pytest.mark.parametrize(
    "words",
    [
        "compare 1 2",
        "gate",
        "gate 1 --confirm",
        "report 1 -o",
        "confirm 1",
        "promote 1 --to model.py",
        "baseline set 1",
        "aa",
        "retry 1",
        "undo",
        "note 1 --note x",
        "analyse 1 --why x",
        "export 1",
    ],
)
def test_without_a_book_nothing_is_judged_and_none_is_made(words: str, here: Path, fairtrial) -> None:
    """One line, and the folder is as it was."""
    before = sorted(here.iterdir())
    code, _, err = fairtrial(*words.split())
    assert code in (2, 6)
    assert err.count("\n") == 1
    assert sorted(here.iterdir()) == before
