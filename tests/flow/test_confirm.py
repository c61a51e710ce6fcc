"""`confirm`: the best of a run measured again on seeds that it has not seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairtrial import Run, Study
from fairtrial.contract.registry import Registry
from fairtrial.flow.confirm import confirm

NOISY = """
import random


def flat(x: int, *, seed: int) -> dict[str, float]:
    return {"score": random.Random(f"{seed}/{x}").gauss(0, 1)}


def peak(x: int, *, seed: int) -> dict[str, float]:
    return {"score": -abs(x - 3) + random.Random(f"{seed}/{x}").gauss(0, 0.1)}
"""


BRITTLE = """
import pathlib
import random


def late(x: int, *, seed: int) -> dict[str, float]:
    changed = pathlib.Path(__file__).with_name("late").exists()
    noise = random.Random(f"{seed}/{x}").gauss(0, 0.01)
    if changed and x == 2 and noise > 0:
        raise ValueError("too late")
    return {"score": {0: 0.0, 1: 2.0, 2: 1.0}[x] + noise if changed else 3.0 - x + noise}
"""
LATE = {"factors": {"x": [0, 1, 2]}, "replicates": 3, "metrics": {"score": "maximize"}, "completeness": 0.1}


@pytest.fixture
def noisy(here: Path) -> Path:
    """A folder with a flat system and a peaked one."""
    (here / "noisy.py").write_text(NOISY)
    return here


def searched(function: str, **more: object) -> Run:
    """Run a study of eight levels."""
    words = {"factors": {"x": list(range(8))}, "replicates": 3, "metrics": {"score": "maximize"}, **more}
    return Study(study="s", system={"python": f"noisy:{function}"}, **words).run()


def test_a_true_best_is_confirmed(noisy: Path, fairtrial) -> None:
    """Exit 0, in a run of its own, with fresh seeds, as often as asked."""
    first = searched("peak")
    code, out, err = fairtrial("confirm", "1", "--top", "3", "--replicates", "6", "-q")
    assert code == 0, err
    assert "run 2 measured the best of run 1 again: supported" in out
    again = Run(2)
    assert len(again.records()) == 18
    assert not {row.seed for row in first.trials()} & {row.seed for row in again.trials()}


def test_the_best_of_many_equals_is_not_confirmed(noisy: Path, fairtrial) -> None:
    """The first mean was too good: regression to the mean is reported, and nothing is supported."""
    searched("flat")
    code, out, _ = fairtrial("confirm", "1", "-q", "--json")
    said = json.loads(out)["data"]
    assert code in (4, 5)
    assert said["verdict"] in ("inconclusive", "not supported")
    assert said["again"][0]["regression"] == pytest.approx(
        said["again"][0]["first"]["mean"] - said["again"][0]["again"]["mean"]
    )
    assert said["again"][0]["regression"] > 0


def test_the_study_says_how_many(noisy: Path, fairtrial) -> None:
    """`confirm:` is what holds without options."""
    searched("peak", confirm={"top": 2, "replicates": 4})
    assert fairtrial("confirm", "-q")[0] == 0
    assert len(Run(2).records()) == 8


def test_the_same_command_again_measures_nothing(noisy: Path) -> None:
    """The confirmation is a run like any other: it continues, and says when all is done."""
    searched("peak")
    first = confirm(None, 1, registry=Registry(), top=2, replicates=4)
    second = confirm(None, 1, registry=Registry(), top=2, replicates=4)
    assert (first.ended.run.number, second.ended.run.number) == (2, 2)
    assert second.ended.survey.new == 0
    assert first.again == second.again


def test_the_report_shows_what_was_measured_again(noisy: Path, fairtrial) -> None:
    """The optimum's section has the second measurement beside the first."""
    searched("peak")
    fairtrial("confirm", "1", "-q", "--replicates", "4")
    assert "Measured again on fresh seeds" in fairtrial("report", "1")[1]


def test_the_verdict_outranks_a_failed_trial(noisy: Path, fairtrial) -> None:
    """Another condition is ahead on fresh seeds, where a trial of a third fails: 4 or 5 says more than 3."""
    (noisy / "brittle.py").write_text(BRITTLE)
    Study(study="s", system={"python": "brittle:late"}, **LATE).run()
    (noisy / "late").touch()
    code, out, _ = fairtrial("confirm", "1", "--top", "3", "--replicates", "6", "-q")
    assert Run(2).trials(status="failed")
    assert (code, "measured the best of run 1 again: not supported" in out) == (4, True)


ARMS = """
import pathlib
import random


def arm(which: str = "a", x: int = 0, *, seed: int) -> dict[str, float]:
    changed = pathlib.Path(__file__).with_name("late").exists()
    noise = random.Random(f"{seed}/{x}/{which}").gauss(0, 0.01)
    return {"score": ({"a": 0.0, "b": 2.0} if changed else {"a": 3.0, "b": 2.0})[which] + noise}
"""


def test_a_condition_of_another_arm_does_not_stand_for_the_best(noisy: Path, fairtrial) -> None:
    """The first best has fallen behind; that another arm is as good as the new one at its level says nothing of it."""
    (noisy / "arms.py").write_text(ARMS)
    arms = {"a": {"set": {"which": "a"}}, "b": {"set": {"which": "b"}}}
    factors = {"x": [0, 1]}
    Study(study="s", system={"python": "arms:arm"}, variants=arms, **{**LATE, "factors": factors}).run()
    (noisy / "late").touch()
    code, out, _ = fairtrial("confirm", "1", "--top", "4", "--replicates", "6", "-q")
    assert (code, "not supported" in out) == (4, True)
    assert "The best condition is not the best on fresh seeds." in out


def test_nothing_to_confirm(noisy: Path, fairtrial) -> None:
    """A run without a directed metric has no best condition: one line, and no run is opened."""
    searched("flat", metrics={"score": "none"})
    code, _, err = fairtrial("confirm", "1", "-q")
    assert code in (2, 6)
    assert len(err.splitlines()) == 1
    assert len(json.loads(fairtrial("list", "--json")[1])["data"]) == 1
