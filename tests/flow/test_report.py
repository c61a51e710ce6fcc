"""`report` as a user types it: what it says, what it writes, the same bytes every time."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fairtrial import Run, Study

SECTIONS = ("Claims", "Design", "Completeness", "Conditions", "Null check", "Sensitivity", "Cautions", "Limits")


@pytest.fixture
def run(here: Path) -> Run:
    """A finished run with a claim and a failing condition."""
    return Study(
        study="scores",
        question="Does the score rise with x?",
        system={"python": "model:measure"},
        factors={"x": [-1.0, 1.0, 2.0, 3.0], "y": [1, 2]},
        replicates=3,
        metrics={"score": "maximize"},
        expect=["score increases with x"],
        completeness=0.7,
    ).run()


def digests(folder: Path) -> dict[str, str]:
    """Digest every file of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_markdown_goes_to_stdout(run: Run, fairtrial) -> None:
    """All parts stand in order, and nothing is written."""
    code, out, _ = fairtrial("report", "1")
    assert code == 0
    places = [out.index(f"## {name}") for name in SECTIONS]
    assert places == sorted(places)
    assert "Does the score rise with x?" in out
    assert not Path("reports").exists()


def test_what_is_claimed_and_shown_is_computed_once(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A claimed threshold and a claimed crossing are judged and drawn from one look at the data each."""
    from fairtrial.analyse.curve import crossover, threshold

    looked: list[str] = []
    for module, name in ((threshold, "step"), (crossover, "multipliers")):
        whole = getattr(module, name)

        def counted(*given, _whole=whole, _name=name, **more):
            looked.append(_name)
            return _whole(*given, **more)

        monkeypatch.setattr(module, name, counted)
    words = {"system": {"python": "model:measure"}, "replicates": 4, "metrics": {"score": "maximize"}}
    steps = {"factors": {"x": [1.0, 2.0, 3.0, 4.0]}, "expect": ["score has a threshold in x"]}
    run = Study(study="steps", **steps, **words).run()
    looked.clear()  # a run judges its claims when it ends
    said = run.report()
    assert (looked, "Threshold of score along x" in said) == (["step"], True)
    arms = {"variants": {"one": {"set": {"y": 1}}, "two": {"set": {"y": 2}}}}
    crossed = {"factors": {"x": [1.0, 2.0, 3.0, 4.0]}, "expect": ["one and two cross in x"], **arms}
    run = Study(study="arms", **crossed, **words).run()
    looked.clear()
    said = run.report()
    assert "Crossover" in said
    assert looked.count("multipliers") == 1


def test_service_levels_of_a_single_condition(here: Path, fairtrial) -> None:
    """A run in which nothing varies is asked whether it keeps its service levels; without any, nothing."""
    words = {"system": {"python": "model:measure"}, "base": {"x": 1.0}, "replicates": 3}
    Study(study="kept", metrics={"score": "maximize"}, slo={"score": {"min": 5}}, **words).run()
    Study(study="free", metrics={"score": "maximize"}, **words).run()
    assert (
        "**Answer.** Service levels (95 % confidence, 3 replicates): kept: score >= 5." in fairtrial("report", "1")[1]
    )
    assert "**Answer.** Nothing varies in this run, and it claims nothing." in fairtrial("report", "2")[1]


def test_a_book_that_can_only_be_read_is_reported_elsewhere(
    run: Run, fairtrial, monkeypatch: pytest.MonkeyPatch, here: Path
) -> None:
    """As it is exported: without an entry in its log."""
    from fairtrial.errors import BookUnwritable
    from fairtrial.flow import report

    def refused(home: Path | None) -> None:
        raise BookUnwritable("the book is read-only")

    monkeypatch.setattr(report, "writing", refused)
    code, _, err = fairtrial("report", "1", "--folder", "elsewhere")
    assert (code, (here / "elsewhere" / "report.html").exists()) == (0, True), err


def test_imported_results_are_told_as_such(here: Path, fairtrial) -> None:
    """Nothing is said of seeds, order and replicates that were never declared, and nothing is to be run again."""
    rows = [f"{x},{k},{x + k / 10}" for x in (1, 2) for k in range(3)]
    (here / "old.csv").write_text("\n".join(["x,rep,acc", *rows, "2,3,2.1"]))
    words = ("--study", "old", "--metric", "acc=maximize", "--map", "x=x", "--map", "replicate=rep")
    assert fairtrial("import", "old.csv", *words)[0] == 0
    said = fairtrial("report", "1")[1]
    assert "Imported: 3 to 4 trials a condition; in which order and where they were made is not known." in said
    assert "None was made: the results were imported." in said
    for wrong in (
        "1 replicate a condition",
        "One replicate a condition",
        "same seed",
        "reproduce 1",
        "confirm 1",
        " aa",
    ):
        assert wrong not in said


def test_the_null_check_tells_what_aa_found(run: Run, fairtrial) -> None:
    """Until then it names the command; afterwards it says how the same system came out against itself."""
    assert "None was made: fairtrial aa" in run.report()
    Path("aa.yaml").write_text("study: aa\nsystem: {python: 'model:measure'}\nfactors: {x: [1.0, 2.0]}\n"
                               "replicates: 5\nmetrics: {score: maximize}\n")  # fmt: skip
    assert fairtrial("aa", "aa.yaml", "-q")[0] == 0
    (said,) = [line for line in run.report().splitlines() if line.startswith("The same thing against itself, on ")]
    assert ": PASS. Run 3 is no worse than run 2" in said
    assert said.endswith("No two values differed.")
    assert "None was made" not in run.report()


def test_what_failed_is_said(run: Run) -> None:
    """Six trials of x = -1 raised: they are counted by class, and no number stands for them."""
    said = run.report()
    assert "18 of 24 planned trials have a result (75 %)" in said
    assert "exception" in said


def test_a_report_is_written_where_it_belongs(run: Run, fairtrial) -> None:
    """`-o` writes reports/RUN with Markdown, HTML, plots, data and the script that draws them."""
    code, out, _ = fairtrial("report", "1", "-o", "--why", "for the meeting")
    assert code == 0
    names = {path.relative_to("reports/1").as_posix() for path in Path("reports/1").rglob("*") if path.is_file()}
    assert {"report.md", "report.html", "plot.py"} <= names
    for kind in ("plots/*.png", "plots/*.svg", "data/*.csv"):
        assert list(Path("reports/1").glob(kind)), kind
    assert "reports/1/report.html" in out
    _, log, _ = fairtrial("log", "--json")
    assert [entry["reason"] for entry in json.loads(log)["data"] if entry["verb"] == "report"] == ["for the meeting"]


def test_the_same_book_gives_the_same_bytes(run: Run) -> None:
    """Two processes with different hash seeds write the same files."""
    made = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        words = [sys.executable, "-m", "fairtrial", "report", "1", "--folder", f"out{seed}"]
        subprocess.run(words, check=True, env=environment, capture_output=True)
        made.append(digests(Path(f"out{seed}")))
    assert made[0] == made[1]
    assert len(made[0]) > 8


def test_the_report_of_another_folder_is_not_overwritten(run: Run, fairtrial) -> None:
    """A folder that holds something else is refused in one line, and left as it is."""
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("years of work")
    code, _, err = fairtrial("report", "1", "--folder", "mine")
    assert code == 2
    assert "thesis.txt" in err
    assert Path("mine/thesis.txt").read_text() == "years of work"


def test_an_analysis_may_be_added(run: Run, fairtrial) -> None:
    """`--of` adds a section that the study did not ask for."""
    _, plain, _ = fairtrial("report", "1")
    _, more, _ = fairtrial("report", "1", "--of", "threshold", "--factor", "x")
    assert "## Threshold of score along x" not in plain
    assert "## Threshold of score along x" in more


def test_without_claims_a_report_describes(here: Path) -> None:
    """No verdict stands anywhere in it: nothing was claimed."""
    run = Study(
        study="plain",
        system={"python": "model:measure"},
        factors={"x": [1.0, 2.0, 3.0]},
        replicates=4,
        metrics={"score": "maximize"},
    ).run()
    said = run.report()
    assert "upported" not in said
    assert "## Claims" not in said


def test_imported_results_have_a_report(here: Path, fairtrial) -> None:
    """Nothing is known of their system; what was measured is judged all the same."""
    rows = "\n".join(f"{lr},{seed},{lr + 0.01 * seed}" for lr in (1, 2, 3) for seed in range(4))
    Path("rows.csv").write_text(f"lr,seed,loss\n{rows}\n")
    assert fairtrial("import", "rows.csv", "--study", "old", "--map", "lr=lr", "--metric", "loss")[0] == 0
    code, out, err = fairtrial("report", "1")
    assert code == 0, err
    assert "Effects on loss" in out


def test_a_run_without_results_has_none(here: Path, fairtrial) -> None:
    """Exit 6: nothing was measured."""
    Path("s.yaml").write_text("{study: s, system: {python: 'model:measure'}, factors: {x: [1.0]}}")
    assert fairtrial("report")[0] == 6
