"""The experiment log: every acting verb leaves an entry, failures too; the programme is computed, never typed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairtrial.flow.book import reading, writing

Type = Callable[..., tuple[int, str, str]]
Data = Callable[..., Any]
Write = Callable[..., Path]

QUICK = ("--engine", "inline", "-q")

PROGRAMME = """\
programme: Label budgets
phases:
  - name: Phase 0 — Protocol
    goal: freeze what is compared
    items:
      - {text: Search, studies: [small], stage: search, source: synthetic, priority: low}
      - {text: Check twice, studies: [second, third], priority: high}
  - name: Phase 1 — Scaling
    items: [Fit the curves]
baselines:
  - {name: inference, category: Inference, note: still to come}
criteria:
  - {text: runs(state=finished) >= 1, label: At least one run}
  - conditions(study=small) >= 7
  - baselines(category=Storage) >= 1
"""


def verbs() -> list[str]:
    """Return the verbs of the action log."""
    with reading() as book:
        return [str(action["verb"]) for action in book.ledger.actions()]


def newest(data: Data) -> Any:
    """Return the newest entry that is not only planned."""
    return [entry for entry in data("log") if entry["number"] is not None][-1]


def test_an_entry_says_what_was_run_why_and_what_came_of_it(study: Write, fairtrial: Type, data: Data) -> None:
    """Command, configuration, reason, best condition with interval, counts; place from the study's `plan`."""
    study(plan={"phase": "Phase 2", "item": 1, "stage": "evaluation", "source": "manual"})
    fairtrial("run", "study.yaml", *QUICK, "--why", "to see")
    entry = newest(data)
    assert (entry["title"], entry["status"], entry["reason"]) == ("run small (run 1)", "completed", "to see")
    assert entry["command"][1:] == ["run", "study.yaml", *QUICK, "--why", "to see"]
    assert (entry["config"], entry["outputs"], entry["run"]) == ("study.yaml", ["run 1"], 1)
    assert entry["place"] == {"phase": "Phase 2", "item": 1, "stage": "evaluation", "source": "manual"}
    assert entry["result"].startswith("best score 32")
    assert entry["result"].endswith("(n = 2) at x = 3, y = 2; 12 done")


def test_earlier_sessions_keep_the_result_they_had(study: Write, fairtrial: Type, data: Data) -> None:
    """What a later one measured, or measured again, does not change it."""
    study(factors={"x": [-1.0, 1.0]})
    fairtrial("run", "study.yaml", *QUICK)
    study(factors={"x": [1.0, 2.0, 3.0]})
    fairtrial("run", "study.yaml", *QUICK)
    results = [entry["result"] for entry in data("log")]
    assert results[0] == "2 done, 2 failed"
    assert results[1].endswith("; 6 done")


def test_every_acting_verb_leaves_an_entry(study: Write, fairtrial: Type, here: Path) -> None:
    """And no reading verb does."""
    study(factors={"x": [-1.0, 1.0]})
    assert fairtrial("run", "study.yaml", *QUICK)[0] == 3
    fairtrial("retry", "1", "-q")
    fairtrial("reproduce", "1", "-q")
    fairtrial("export", "1", "--why", "for Bob")
    (here / "old.csv").write_text("lr,acc\n0.1,0.9\n")
    fairtrial("import", "old.csv", "--study", "old", "--metric", "acc", "--map", "lr=lr")
    fairtrial("gc")
    fairtrial("note", "1", "--note", "odd")
    expected = ["run", "retry", "reproduce", "export", "import", "gc", "note"]
    assert verbs() == expected
    for words in (["list"], ["show"], ["log"], ["why", "1.1"], ["verify"], ["plan", "study.yaml"], ["gc", "--dry-run"]):
        assert fairtrial(*words)[0] == 0
    assert verbs() == expected


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["run", "studdy.yaml"], "studdy.yaml: no such file (did you mean 'study.yaml'?)"),
        (["run", "study.yaml", "z=1,2"], "unknown parameter 'z'"),
        (["retry", "1"], "run 1 has no failed trials"),
        (["retry", "9"], "unknown run '9'"),
        (["export", "9"], "unknown run '9'"),
        (["pause"], "small"),
        (["import", "gone.csv", "--study", "x", "--metric", "y"], "gone.csv"),
        (["promote", "1", "--to", "gone.yaml"], "gone.yaml does not exist"),
        (["undo"], "there is no promotion to take back"),
        (["note", "7", "--note", "x"], "there is no entry 7"),
    ],
)
def test_a_verb_that_ends_in_an_error_is_a_failed_entry(
    study: Write, fairtrial: Type, data: Data, words: list[str], error: str
) -> None:
    """With its error line, its command and its reason; the exit code and the message are what they were."""
    study()
    fairtrial("run", "study.yaml", *QUICK)
    reason = ("--why", "because")
    code, _, err = fairtrial(*words, *reason)
    assert code not in (0, 1)
    entry = newest(data)
    assert (entry["status"], entry["verb"], entry["reason"]) == ("failed", words[0], "because")
    assert error in entry["error"]
    assert entry["error"] == err.removeprefix("fairtrial: ").strip()
    assert entry["command"][1:] == [*words, *reason]


def test_nothing_is_logged_where_there_is_no_book_or_no_command(study: Write, fairtrial: Type, here: Path) -> None:
    """A typing error makes no book; words that are no command are no action; a dry run is none."""
    study()
    assert fairtrial("run", "studdy.yaml")[0] == 2
    assert not (here / ".fairtrial").exists()
    fairtrial("run", "study.yaml", *QUICK)
    for words in (
        ["run", "--no-such-option"],
        ["rnu"],
        ["promote", "1", "--to", "gone.yaml", "--dry-run"],
        ["show", "9"],
    ):
        assert fairtrial(*words)[0] == 2
    assert verbs() == ["run"]


def test_an_answer_is_no_error(study: Write, fairtrial: Type, data: Data, here: Path) -> None:
    """`reproduce` that disagrees exits 4 and is completed; failed trials are an outcome of a run."""
    (here / "model.py").write_text(
        "import time\ndef measure(x: float, y: int = 1):\n    return {'score': time.time()}\n"
    )
    study()
    fairtrial("run", "study.yaml", *QUICK)
    assert fairtrial("reproduce", "1", "-q")[0] == 4
    assert [(entry["verb"], entry["status"]) for entry in data("log")] == [
        ("run", "completed"),
        ("reproduce", "completed"),
    ]


def test_a_killed_driver_is_a_failed_entry_that_another_one_continues(
    study: Write, fairtrial: Type, data: Data, here: Path, calls: Callable[[], list[str]]
) -> None:
    """A kill leaves no time to say anything; the log says it all the same."""
    (here / "model.py").write_text(
        "import os, time\nfrom pathlib import Path\n"
        "def measure(x: float, y: int = 1, *, seed: int):\n"
        "    open(os.environ['CALLS'], 'a').write('called\\n')\n"
        "    while not Path(os.environ['CALLS'] + '.go').exists(): time.sleep(0.02)\n"
        "    return {'score': x}\n"
    )
    study()
    driver = subprocess.Popen([sys.executable, "-m", "fairtrial", "run", "study.yaml", "-q"], cwd=here)
    while not calls():
        time.sleep(0.02)
    assert newest(data)["status"] == "running"
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert (newest(data)["status"], newest(data)["error"]) == ("failed", "interrupted")
    (here / "calls.txt.go").touch()
    assert fairtrial("run", "study.yaml", "-q")[0] == 0
    first, second = data("log")
    assert (first["status"], first["error"]) == ("failed", "its driver died")
    assert first["notes"] == ["entry 2 went on with it"]
    assert (second["status"], second["result"].endswith("12 done")) == ("completed", True)


def test_notes_say_what_people_think(study: Write, fairtrial: Type, data: Data) -> None:
    """The newest conclusion counts, notes add up; a note on a note names the entry."""
    study()
    fairtrial("run", "study.yaml", *QUICK)
    assert fairtrial("note", "1", "--conclusion", "flat", "--note", "one")[0] == 0
    code, out, _ = fairtrial("note", "1", "--conclusion", "rises", "--resolution", "none needed", "--note", "two")
    assert (code, "conclusion: rises" in out) == (0, True)
    (entry,) = data("log")
    assert (entry["conclusion"], entry["resolution"], entry["notes"]) == ("rises", "none needed", ["one", "two"])
    code, _, err = fairtrial("note", "2", "--note", "x")
    assert code == 2
    assert "entry 2 only says more about entry 1 (fairtrial note 1)" in err
    assert fairtrial("note", "1")[0] == 2
    with reading() as book:
        assert book.ledger.verify() == []


def test_the_table_and_its_limits(study: Write, fairtrial: Type, data: Data) -> None:
    """Newest last; --limit says how many there are; --run picks."""
    study()
    fairtrial("run", "study.yaml", *QUICK)
    fairtrial("export", "1")
    fairtrial("run", "study.yaml", "study=other", *QUICK)
    lines = fairtrial("log")[1].splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["1", "2", "3"]
    assert "12 done" in lines[2]
    out = fairtrial("log", "--limit", "1")[1]
    assert "run other (run 2)" in out
    assert "… the newest 1 of 3 entries" in out
    assert [entry["number"] for entry in data("log", "--run", "1")] == [1, 2]
    assert fairtrial("log", "--run", "9")[0] == 2


def test_the_programme_is_computed(study: Write, fairtrial: Type, data: Data, here: Path) -> None:
    """Statuses, planned entries, pending work by priority, criteria and baselines follow from the book."""
    (here / "programme.yaml").write_text(PROGRAMME)
    planned = data("log")
    assert [entry["title"] for entry in planned] == [
        "Search: small",
        "Check twice: second",
        "Check twice: third",
        "Fit the curves",
    ]
    assert {entry["status"] for entry in planned} == {"planned"}
    assert "- [ ] At least one run: `runs(state=finished) >= 1` (now 0)" in fairtrial("list", "--markdown")[1]
    study()
    fairtrial("run", "study.yaml", *QUICK)
    fairtrial("run", "study.yaml", "study=second", *QUICK)
    with writing() as book:
        book.act("baseline", run=2, detail={"run": 2, "name": "storage", "category": "Storage", "note": "4 clients"})
    out = fairtrial("list", "--markdown")[1]
    assert "| 1 | small | model:measure | x: 1.0, 2.0, 3.0; y: 1, 2; 2 replicates |" in out
    assert "\n|" + " --- |" * 8 + "\n| 2 | second |" in out
    assert "| Storage | storage | 2 | model:measure | second | 4 clients |" in out
    assert "| Inference | inference | pending |" in out
    assert [(row["name"], row["run"]) for row in data("baseline", "list")] == [("inference", None), ("storage", 2)]
    assert "pending" in fairtrial("baseline", "list")[1]
    pending = out.split("## Pending")[1].splitlines()
    assert [line.split("|")[2].strip() for line in pending if line.startswith("| Phase")][1:] == [
        "2: Check twice",
        "1: Fit the curves",
    ]
    assert "- [x] At least one run: `runs(state=finished) >= 1` (now 2)" in out
    assert "- [ ] `conditions(study=small) >= 7` (now 6)" in out
    assert "- [x] `baselines(category=Storage) >= 1` (now 1)" in out


def test_markdown_has_the_form_of_a_hand_written_log(study: Write, fairtrial: Type, here: Path) -> None:
    """Rules, plan tracking map, actions by phase and item; fields without content are left out."""
    (here / "programme.yaml").write_text(PROGRAMME)
    study()
    fairtrial("run", "study.yaml", *QUICK, "--why", "first *look*")
    fairtrial("run", "study.yaml", "nonsense=1", *QUICK)
    out = fairtrial("log", "--markdown")[1]
    assert out.startswith("# Label budgets\n\n## Logging Rules\n\n- ")
    plan = out.split("## Plan Tracking Map\n\n")[1].split("\n\n---")[0]
    assert plan.splitlines() == [
        "- **Phase 0 — Protocol**",
        "  - Goal: freeze what is compared",
        "  - Item 1: Search",
        "  - Item 2: Check twice",
        "  - Status: item 1 completed; item 2 not started.",
        "- **Phase 1 — Scaling**",
        "  - Item 1: Fit the curves",
        "  - Status: not started.",
    ]
    action = out.split("### Item 1: Search\n\n")[1].split("\n\n###")[0]
    assert [line.split(":")[0] for line in action.splitlines()[1:]] == [
        "- **Status",
        "- **Plan phase",
        "- **Plan item",
        "- **Stage",
        "- **Source",
        "- **Command",
        "  ```console",
        "  fairtrial run study.yaml --engine inline -q --why 'first *look*'",
        "  ```",
        "- **Config",
        "- **Outputs",
        "- **Reason",
        "- **Result summary",
    ]
    assert "- **Reason:** first \\*look\\*" in action
    assert "### [planned] Check twice: second\n- **Status:** planned" in out
    failed = out.split("## Outside of the plan\n\n")[1]
    assert "- **Error:** `" in failed
    assert out.index("## Phase 0") < out.index("## Phase 1") < out.index("## Outside of the plan")


def test_a_broken_programme_is_told_with_its_line(study: Write, fairtrial: Type, here: Path) -> None:
    """In every verb that reads it; `list` without --markdown does not."""
    (here / "programme.yaml").write_text("phases:\n  - nme: x\n")
    study()
    fairtrial("run", "study.yaml", *QUICK)
    for words in (["log"], ["list", "--markdown"]):
        code, _, err = fairtrial(*words)
        assert (code, "programme.yaml:2: phases.0.nme: unknown key 'nme'" in err) == (2, True)
    assert fairtrial("list")[0] == 0


def test_without_book_and_programme_there_is_no_log(fairtrial: Type, here: Path) -> None:
    """Reading makes no book."""
    code, _, err = fairtrial("log")
    assert (code, "no book and no programme" in err) == (6, True)
    assert not (here / ".fairtrial").exists()


def test_a_book_that_can_only_be_read_is_exported_all_the_same(
    study: Write, fairtrial: Type, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are what was asked for."""
    from fairtrial.errors import BookUnwritable
    from fairtrial.flow import keep

    study()
    fairtrial("run", "study.yaml", *QUICK)

    def refuse(*_: Any) -> None:
        raise BookUnwritable("read-only")

    monkeypatch.setattr(keep, "writing", refuse)
    assert fairtrial("export", "1", "-o", "out")[0] == 0
    assert json.loads((here / "out" / "trials.json").read_text())
    assert verbs() == ["run"]


def test_a_detached_run_that_fails_is_one_entry(study: Write, fairtrial: Type, data: Data, here: Path) -> None:
    """The launcher and the run in the background are one command."""
    study()
    fairtrial("run", "study.yaml", *QUICK)
    study(parallel={"engine": "nowhere", "jobs": 1})
    assert os.environ.get("FAIRTRIAL_DETACHED") is None
    assert fairtrial("run", "study.yaml", "--detach", "--limit", "1", "--fresh")[0] == 2
    failed = [entry for entry in data("log") if entry["status"] == "failed"]
    assert len(failed) == 1
    assert "nowhere" in failed[0]["error"]


def test_failed_trials_leave_their_error_line(study: Write, fairtrial: Type, data: Data) -> None:
    """The line that the first one ended in, whether others had results or not; the outcome is still told."""
    study(factors={"x": [-1.0, 1.0]})
    fairtrial("run", "study.yaml", *QUICK)
    fairtrial("run", "study.yaml", "study=worse", "x=-1.0,-2.0", *QUICK)
    some, none = data("log")
    assert (some["status"], some["error"]) == ("completed", "1.1: exception: ValueError: x is negative")
    assert "done" in some["result"]
    assert none["status"] == "failed"
    assert none["error"].endswith("every trial failed; 2.1: exception: ValueError: x is negative")
    assert "x is negative" in fairtrial("log", "--markdown")[1]
    assert "done, 2 failed" in fairtrial("log", "--limit", "2")[1].splitlines()[2]
