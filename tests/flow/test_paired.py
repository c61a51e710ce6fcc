"""Two studies run side by side: the order, looks, a kill and what goes on after it, `aa`, `gate --confirm`."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairtrial.flow.book import reading
from fairtrial.flow.turns import leads

Type = Callable[..., tuple[int, str, str]]
Write = Callable[..., Path]

MODULE = """
import os
import random
import time

def measure(x: float, slow: float = 1.0, wait: float = 0.0, *, seed: int) -> dict[str, float]:
    with open(os.environ["CALLS"], "a") as file:
        file.write(f"{x} {slow} {seed}\\n")
    time.sleep(wait)
    noise = random.Random(f"{seed} {x} {slow}")
    return {"latency_s": x * slow * noise.lognormvariate(0, float(os.environ.get("NOISE", "0.02")))}
"""
STUDY: dict[str, Any] = {
    "study": "old",
    "system": {"python": "service:measure"},
    "factors": {"x": [1.0, 2.0]},
    "replicates": 6,
    "metrics": {"latency_s": {"direction": "minimize", "unit": "s"}},
    "parallel": {"jobs": 2, "engine": "inline"},
}


@pytest.fixture
def sides(here: Path) -> Write:
    """Write a study; `a.yaml` unless named."""
    (here / "service.py").write_text(MODULE)

    def write(name: str = "a.yaml", **changes: Any) -> Path:
        path = here / name
        path.write_text(json.dumps({key: value for key, value in (STUDY | changes).items() if value is not None}))
        return path

    return write


@pytest.fixture
def two(sides: Write) -> Callable[..., None]:
    """Write `a.yaml` and `b.yaml`, which is `slow` times as slow."""

    def write(slow: float, **changes: Any) -> None:
        sides(**changes)
        sides("b.yaml", **{"study": "new", **changes, "base": {**changes.get("base", {}), "slow": slow}})

    return write


def measured() -> list[tuple[int, float, int]]:
    """Return (run, level of x, replicate) of every counted attempt of the book, in the order they were started."""
    with reading() as book:
        runs = [run.number for run in book.ledger.runs()]
        rows = {row.digest: row for run in runs for row in book.ledger.trials(run)}
        attempts = [attempt for run in runs for attempt in book.ledger.attempts(run=run)]
    counted = sorted((one for one in attempts if one.role.value == "trial"), key=lambda one: one.started)
    return [(one.run, rows[one.trial].assignment["x"], rows[one.trial].replicate) for one in counted]


def test_a_shift_fails_and_trials_alternate(two: Callable[..., None], fairtrial: Type) -> None:
    """Each pair of neighbours is one condition of one round on both sides; each side is first half of the time."""
    two(1.3)
    code, out, err = fairtrial("compare", "--paired", "a.yaml", "b.yaml", "-q")
    assert code == 4, err
    assert "⚠ RESULT: REGRESSIONS DETECTED (FAIL)" in out
    assert "differs: base.slow: nothing != 1.3" in out
    order = measured()
    assert len(order) == 24
    pairs = list(zip(order[::2], order[1::2], strict=True))
    assert all(one[1:] == other[1:] and {one[0], other[0]} == {1, 2} for one, other in pairs)
    assert [one[2] for one, _ in pairs] == sorted(one[2] for one, _ in pairs)
    assert Counter((one[0], one[1]) for one, _ in pairs) == {(side, x): 3 for side in (1, 2) for x in (1.0, 2.0)}


def test_who_is_first_turns_within_every_two_rounds() -> None:
    """ABBA: of two rounds each side leads one; which one is drawn anew for every condition and two rounds."""
    drawn = [leads(("", f"x={x}"), k, seed=0) for x in range(20) for k in range(20)]
    assert all(one != other for one, other in zip(drawn[::2], drawn[1::2], strict=True))
    assert 60 < sum(drawn[::2]) < 140
    assert drawn == [leads(("", f"x={x}"), k, seed=0) for x in range(20) for k in range(20)]
    assert drawn != [leads(("", f"x={x}"), k, seed=1) for x in range(20) for k in range(20)]


def test_runs_made_side_by_side_are_known_as_such(two: Callable[..., None], fairtrial: Type) -> None:
    """Each is recorded under its own study; compared again they may fail, and a third time measures both afresh."""
    two(1.3)
    fairtrial("compare", "--paired", "a.yaml", "b.yaml", "-q")
    with reading() as book:
        runs = [(run.number, run.study, run.state, run.done) for run in reversed(book.ledger.runs())]
        details = [action["detail"] for action in book.ledger.actions()]
    assert runs == [(1, "old", "finished", 12), (2, "new", "finished", 12)]
    assert any(detail.get("interleaved") == [1, 2] for detail in details)
    assert fairtrial("compare", "1", "2")[0] == 4
    fairtrial("compare", "--paired", "a.yaml", "b.yaml", "-q")
    with reading() as book:
        assert sorted(run.number for run in book.ledger.runs()) == [1, 2, 3, 4]
    assert fairtrial("compare", "1", "4")[0] == 2


def test_a_run_leaves_what_was_made_side_by_side_alone(two: Callable[..., None], fairtrial: Type) -> None:
    """`plan`, `run` and `retry` of one of the studies neither amend nor retire a trial of the pair."""
    two(1.3)
    fairtrial("compare", "--paired", "a.yaml", "b.yaml", "--rounds", "8", "-q")
    before = json.loads(fairtrial("compare", "1", "2", "--json")[1])["data"]["changes"]
    planned = json.loads(fairtrial("plan", "a.yaml", "--json")[1])["data"]
    assert planned["run"] is None
    code, out, err = fairtrial("run", "a.yaml")
    assert code == 0, err
    assert "run 3 of old: all is done already: 12 done (12 reused), 0 failed" in out
    assert json.loads(fairtrial("compare", "1", "2", "--json")[1])["data"]["changes"] == before
    assert "all is done already" in fairtrial("run", "a.yaml", "-q")[1]
    with reading() as book:
        assert [(run.number, run.done, run.retired) for run in reversed(book.ledger.runs())] == [
            (1, 16, 0),
            (2, 16, 0),
            (3, 12, 0),
        ]
    code, _, err = fairtrial("retry", "1")
    assert code == 2
    assert "run 1 was made side by side with another run, and is not changed alone" in err
    assert fairtrial("reproduce", "1", "-q")[:1] == (0,)
    assert json.loads(fairtrial("compare", "1", "2", "--json")[1])["data"]["changes"] == before


def test_looks_go_on_only_while_it_is_open(
    two: Callable[..., None], fairtrial: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clear shift ends at the first look; noise goes on to the last, under the same numbers."""
    two(1.5)
    code, out, _ = fairtrial("compare", "--paired", "a.yaml", "b.yaml", "--rounds", "5", "--looks", "2", "-q")
    assert code == 4
    assert len(measured()) == 20
    monkeypatch.setenv("NOISE", "0.8")
    words = ("compare", "--paired", "a.yaml", "b.yaml", "--rounds", "5", "--looks", "2", "--most", "8", "-q", "--json")
    code, out, _ = fairtrial(*words)
    data = json.loads(out)["data"]
    assert (code, data["looks"], data["alpha"]) == (5, 2, 0.025)
    assert (data["baseline"]["run"], data["current"]["run"]) == (3, 4)
    assert {change["rounds"] for change in data["changes"]} == {8}
    assert len(measured()) == 20 + 32


def test_studies_of_one_name_get_two(sides: Write, fairtrial: Type) -> None:
    """The second is recorded with `.current` after its name; overrides are of both."""
    sides()
    sides("b.yaml", base={"slow": 1.01})
    code, _, err = fairtrial("compare", "--paired", "a.yaml", "b.yaml", "x=1.0", "--rounds", "5", "-q")
    assert code == 0, err
    with reading() as book:
        assert [run.study for run in reversed(book.ledger.runs())] == ["old", "old.current"]
    assert len(measured()) == 10


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"factors": {"x": [1.0, 3.0]}}, "old and new measure different things: factors.x"),
        ({"seed": 3}, "old and new measure different things: seed: 0 != 3"),
        ({"metrics": {"latency_s": "maximize"}}, "metrics.latency_s"),
        ({"metrics": {"latency_s": "none"}}, "metrics.latency_s"),
    ],
)
def test_what_could_not_be_judged_is_refused_before_it_runs(
    sides: Write, fairtrial: Type, calls: Callable[[], list[str]], changes: dict[str, Any], said: str
) -> None:
    """Exit 2 in one line, and nothing was measured."""
    sides()
    sides("b.yaml", study="new", **changes)
    code, _, err = fairtrial("compare", "--paired", "a.yaml", "b.yaml", "-q")
    assert code == 2
    assert said in err
    assert err.count("\n") == 1
    assert calls() == []


def test_a_failing_side_is_invalid(sides: Write, here: Path, fairtrial: Type) -> None:
    """Its failures are told, and the verdict is exit 6."""
    sides()
    (here / "broken.py").write_text(MODULE.replace("time.sleep(wait)", 'raise RuntimeError("down")'))
    sides("b.yaml", study="new", system={"python": "broken:measure"})
    code, out, err = fairtrial("compare", "--paired", "a.yaml", "b.yaml", "--rounds", "2", "-q")
    assert code == 6
    assert "RuntimeError: down" in err
    assert "(2 exception)" in out


def test_timing_studies_take_turns(sides: Write, fairtrial: Type) -> None:
    """Neither side keeps the machine from the other; both are warmed up and end with a sentinel."""
    words: dict[str, Any] = {"timing": True, "order": {"randomise": "blocked", "warmup": 1}, "parallel": None}
    sides(**words)
    sides("b.yaml", study="new", base={"slow": 1.4}, **words)
    code, _, err = fairtrial("compare", "--paired", "a.yaml", "b.yaml", "--rounds", "3", "-q")
    assert code in (4, 5), err
    with reading() as book:
        roles = Counter(attempt.role.value for run in (1, 2) for attempt in book.ledger.attempts(run=run))
    assert roles == {"warmup": 2, "trial": 12, "sentinel": 2}


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.timeout(120)
def test_whoever_is_first_has_the_machine(sides: Write, fairtrial: Type, seed: int) -> None:
    """Two timing studies of one condition end, whichever of the two is drawn to begin."""
    names = (sides("a.yaml"), sides("b.yaml", study="new"))
    for name, slow in zip(names, (1.0, 1.5), strict=True):
        made = json.loads(name.read_text()) | {"factors": {}, "base": {"x": 1.0, "slow": slow}, "seed": seed}
        made |= {"timing": True, "parallel": {"jobs": 1}}
        name.write_text(json.dumps({key: value for key, value in made.items() if value != {}}))
    code, shown, said = fairtrial("compare", "--paired", *map(str, names), "--rounds", "2", "--quiet")
    assert code in (4, 5), said
    assert "2 rounds" in shown


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT], ids=["kill", "ctrl-c"])
def test_what_was_broken_off_goes_on(
    sides: Write, here: Path, fairtrial: Type, calls: Callable[[], list[str]], ending: signal.Signals
) -> None:
    """The same command continues both runs under their numbers; what was measured is not measured again."""
    words = {"base": {"wait": 0.15}, "factors": {"x": [1.0]}, "parallel": None}
    sides(**words)
    sides("b.yaml", study="new", **{**words, "base": {"wait": 0.15, "slow": 1.3}})
    command = ["compare", "--paired", "a.yaml", "b.yaml", "-q"]
    driver = subprocess.Popen(
        [sys.executable, "-m", "fairtrial", *command], cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while len(calls()) < 5 and driver.poll() is None:
        time.sleep(0.02)
    os.kill(driver.pid, ending)
    said, _ = driver.communicate(timeout=30)
    if ending is signal.SIGINT:
        assert driver.returncode == 130
        assert b"the same command again continues it" in said
    before = len(calls())
    code, _, err = fairtrial(*command)
    assert code == 4, err
    with reading() as book:
        runs = [(run.number, run.done, run.state) for run in reversed(book.ledger.runs())]
    assert runs == [(1, 6, "finished"), (2, 6, "finished")]
    assert 5 <= before < 12
    assert len(calls()) - len(set(calls())) <= (1 if ending is signal.SIGKILL else 0)


def test_a_study_against_itself_keeps_its_differences(
    sides: Write, here: Path, fairtrial: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`aa` prints the gate's false-alarm rate here; later comparisons of this system and machine know it."""
    sides()
    unseeded = MODULE.replace('random.Random(f"{seed} {x} {slow}")', "random.Random(time.perf_counter_ns())")
    (here / "service.py").write_text(unseeded)
    code, out, err = fairtrial("aa", "a.yaml", "--rounds", "8", "-q")
    assert code == 0, err
    assert "empirical false-alarm rate of this gate here: " in out
    assert "kept 16 differences of latency_s on " in out
    with reading() as book:
        kept = [action["detail"]["nulls"] for action in book.ledger.actions() if "nulls" in action["detail"]]
        assert [run.study for run in reversed(book.ledger.runs())] == ["old.aa-1", "old.aa-2"]
    assert [len(null["differences"]) for null in kept[0]] == [16]
    monkeypatch.setenv("NOISE", "0.01")
    code, out, _ = fairtrial("compare", "--paired", "a.yaml", "a.yaml", "-q", "--json")
    alarms = json.loads(out)["data"]["false_alarms"]
    assert alarms["pairs"] == 16
    assert alarms["repeats"] == 1000


def test_a_null_without_any_difference_is_called_degenerate(sides: Write, fairtrial: Type) -> None:
    """Equal seeds make a deterministic system equal: that says nothing of noise."""
    sides()
    code, out, _ = fairtrial("aa", "a.yaml", "-q")
    assert code == 0
    assert "latency_s: no two values differed, so this null is degenerate" in out
    assert "false-alarm rate" not in out


def test_confirm_measures_both_again(sides: Write, fairtrial: Type) -> None:
    """Two programs at different times are not settled; measured again side by side they are."""
    sides()
    fairtrial("run", "a.yaml", "-q")
    sides("b.yaml", study="new", base={"slow": 1.4})
    fairtrial("run", "b.yaml", "-q")
    code, _, err = fairtrial("gate", "2", "--against", "1")
    assert code == 2
    assert "base.slow" in err
    code, out, err = fairtrial("gate", "2", "--against", "1", "--confirm", "-q")
    assert code == 4, err
    assert "measured again side by side, 6 rounds" in out
    with reading() as book:
        assert [run.study for run in reversed(book.ledger.runs())][2:] == ["old.baseline", "new.current"]
        last = book.ledger.actions()[-1]
    assert (last["verb"], last["detail"]["mode"], last["detail"]["of"]) == ("gate", "confirmed", [1, 2])


def test_confirm_of_what_is_gone_or_the_same_is_refused(sides: Write, here: Path, fairtrial: Type) -> None:
    """A changed function is not the baseline any more, and two runs of one thing cannot differ now."""
    sides()
    fairtrial("run", "a.yaml", "-q")
    fairtrial("run", "a.yaml", "--fresh", "-q")
    code, _, err = fairtrial("gate", "2", "--against", "1", "--confirm")
    assert code == 2
    assert "declare one and the same thing" in err
    (here / "service.py").write_text(MODULE + "\nMORE = 1\n")
    code, _, err = fairtrial("gate", "2", "--against", "1", "--confirm")
    assert code == 2
    assert "the system of run 1 has changed since" in err
    assert "--paired" in err


def test_an_open_pairing_names_the_rounds_it_needs(
    two: Callable[..., None], fairtrial: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What settles it is the same command with more rounds, also when the runs are compared again later."""
    monkeypatch.setenv("NOISE", "0.3")
    two(1.02)
    code, out, _ = fairtrial("compare", "--paired", "a.yaml", "b.yaml", "--rounds", "5", "-q", "--why", "a try")
    assert code == 5
    last = out.splitlines()[-1]
    assert re.fullmatch(r"next: fairtrial compare --paired a.yaml b.yaml --rounds \d+", last)
    assert int(last.split()[-1]) > 5
    assert fairtrial("compare", "1", "2")[1].splitlines()[-1] == last


def test_a_confirmation_that_is_open_names_the_runs_it_is_about(
    sides: Write, fairtrial: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not those that measured them again."""
    sides()
    fairtrial("run", "a.yaml", "-q")
    sides("b.yaml", study="new", base={"slow": 1.02})
    fairtrial("run", "b.yaml", "-q")
    monkeypatch.setenv("NOISE", "0.3")
    code, out, err = fairtrial("gate", "2", "--against", "1", "--confirm", "--rounds", "5", "-q")
    assert code == 5, err
    assert re.fullmatch(r"next: fairtrial gate 2 --against 1 --confirm --rounds \d+", out.splitlines()[-1])


def test_runs_of_two_folders_are_measured_again_where_they_lie(
    sides: Write, here: Path, fairtrial: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both systems still are what they were: `gate --confirm` is named, and it is not refused."""
    sides()
    fairtrial("run", "a.yaml", "-q")
    (here / "there").mkdir()
    (here / "there" / "service.py").write_text(MODULE.replace("x * slow", "1.5 * x * slow"))
    (here / "there" / "a.yaml").write_text((here / "a.yaml").read_text())
    assert fairtrial("run", "there/a.yaml", "-q")[0] == 0
    code, out, err = fairtrial("compare", "1", "2")
    assert (code, out.splitlines()[-1]) == (5, "next: fairtrial gate 2 --against 1 --confirm"), err
    assert fairtrial("gate", "2", "--against", "1", "--confirm", "-q")[0] == 4
