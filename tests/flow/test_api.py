"""Studies in Python: functions that workers can import, exceptions in one line, nothing left changed."""

from __future__ import annotations

import functools
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from fairtrial import Run, Study
from fairtrial.errors import SpecError, UserError
from fairtrial.model.study import Direction, Metric

SCRIPT = """
import fairtrial

def measure(x: float, *, seed: int) -> dict[str, float]:
    return {"score": x}

GUARD
    run = fairtrial.Study(study="s", system=measure, factors={"x": [1, 2]}).run()
    print(run, run.exit_code, len(run.records()), run.frame().height)
"""


def ran(here: Path, text: str, *, name: str = "script.py") -> subprocess.CompletedProcess[str]:
    """Run a script, or its text on stdin where it has no name."""
    if name:
        (here / name).write_text(text)
    words = [sys.executable, name or "-"]
    return subprocess.run(words, input="" if name else text, capture_output=True, text=True, check=False, cwd=here)


def words(**changes: Any) -> dict[str, Any]:
    """Return a small study."""
    return {"study": "s", "system": {"python": "model:measure"}, "factors": {"x": [1.0, 2.0]}, **changes}


def test_a_function_of_the_script_itself_is_measured(here: Path) -> None:
    """Below the guard, as with multiprocessing."""
    done = ran(here, SCRIPT.replace("GUARD", "if __name__ == '__main__':"))
    assert done.stdout == "Run(1) 0 2 2\n", done.stderr


def test_a_script_without_a_guard_is_refused_in_one_line(here: Path) -> None:
    """Workers import it: it would run itself again."""
    done = ran(here, SCRIPT.replace("GUARD", "if True:"))
    assert done.returncode == 1
    assert "if __name__ == '__main__'" in done.stderr.splitlines()[-1]
    assert not (here / ".fairtrial").exists()


class Square:
    """A system that no entry point names."""

    name = "square"
    version = "1"
    metrics: Mapping[str, Metric] = {"area": Metric("area", Direction.MAXIMIZE)}

    class Parameters(BaseModel):
        """One number."""

        model_config = ConfigDict(extra="forbid")
        size: int = 1

    def run(self, parameters: Any, context: Any) -> dict[str, float]:
        """Return the area."""
        return {"area": float(parameters.size**2)}


def test_a_base_may_be_the_winner_of_a_system_passed_in(here: Path) -> None:
    """The earlier run's system is looked up where this study's is."""
    Study(study="s", system=Square(), factors={"size": [1, 3, 2]}).run(engine="inline")
    declared = Study(study="t", system=Square(), base={"winner": 1}).declare()
    assert declared.study.base == {"size": 3}


def test_a_function_that_stands_in_no_file_is_refused(here: Path) -> None:
    """As in a notebook or on stdin: the last line says where to put it."""
    done = ran(here, SCRIPT.replace("GUARD", "if True:"), name="")
    assert "measure stands in no file" in done.stderr.splitlines()[-1]
    assert "model.py" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("system", "said"),
    [
        (lambda x: {"score": x}, "no name that workers could import"),
        (functools.partial(print, "x"), "no name that workers could import"),
        (3, "3 is not understood"),
        ("nope", "unknown system 'nope'"),
    ],
)
def test_what_cannot_be_a_system_is_refused(here: Path, system: Any, said: str) -> None:
    """With the user's mistake as the exception, and no cause behind it."""
    with pytest.raises(UserError, match=said) as refused:
        Study(**words(system=system)).run()
    assert refused.value.__cause__ is None


def test_a_function_inside_a_function_is_refused(here: Path) -> None:
    """It has no name that another process could look up."""

    def inner(x: float) -> dict[str, float]:
        return {"score": x}

    with pytest.raises(UserError, match="defined inside another function"):
        Study(**words(system=inner))


def test_mistakes_are_exceptions_and_failures_are_data(here: Path) -> None:
    """SpecError for the study; a failing trial raises nothing and is in the run."""
    with pytest.raises(SpecError, match="did you mean 'x'"):
        Study(**words(factors={"xx": [1.0]})).run()
    run = Study(**words(factors={"x": [-1.0, 1.0]})).run()
    assert run.exit_code == 3
    assert [row.failure.message for row in run.trials(status="failed") if row.failure] == ["ValueError: x is negative"]
    assert [row["score"] is None for row in run.records()] == [True, False]


def test_it_runs_twice_and_in_a_thread_and_leaves_the_handlers(here: Path) -> None:
    """The second run finds all done; signal handlers are those from before."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    study = Study(**words())
    numbers = [study.run().number, study.run().number]
    thread = threading.Thread(target=lambda: numbers.append(Study(**words(study="other")).run().number))
    thread.start()
    thread.join()
    assert numbers == [1, 1, 2]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert Run(2).records()[0]["x"] == 1.0


class Broken:
    """An engine that must not be opened."""

    def open(self, *anything: Any) -> Any:
        """Refuse."""
        raise AssertionError("an engine was started, and nothing was left to run")


def test_nothing_is_started_where_nothing_is_left(here: Path) -> None:
    """A finished study answers from the book, and still retires what it dropped and takes over what others finished."""
    first = Study(**words(factors={"x": [1.0, 2.0, 3.0]})).run()
    plugins = {"engine": {"broken": Broken}}
    again = Study(**words(), plugins=plugins).run(engine="broken")
    assert (again.number, again.state, len(again.records())) == (first.number, "finished", 2)
    other = Study(**words(study="other"), plugins=plugins).run(engine="broken")
    assert (other.number, other.state, len(other.records())) == (2, "finished", 2)


NOISY = """
import random

def measure(x: float, *, seed: int) -> dict[str, float]:
    return {"score": x + random.Random(f"{seed} {x}").gauss(0, 0.1)}
"""


def test_the_best_is_confirmed_from_python_and_from_the_command_line(here: Path, fairtrial: Any) -> None:
    """Also where the function stands in a module of another folder, which only this process had on its path."""
    away = here / "away"
    away.mkdir()
    (away / "noisy.py").write_text(NOISY)
    script = f"""
import sys
sys.path.insert(0, {str(away)!r})
import fairtrial, noisy

if __name__ == "__main__":
    run = fairtrial.Study(study="n", system=noisy.measure, factors={{"x": [1.0, 2.0, 3.0]}}, replicates=5,
                          metrics={{"score": "maximize"}}).run()
    made = run.confirm(top=2, replicates=6, why="to see")
    print(made.of, made.ended.run.number, made.verdict.value, len(made.again), [one.again.n for one in made.again])
"""
    done = ran(here, script)
    assert done.stdout == "1 2 supported 2 [6, 6]\n", done.stderr
    code, out, err = fairtrial("confirm", "1", "--top", "2", "--replicates", "7", "-q")
    assert code == 0, err
    assert "measured the best of run 1 again: supported" in out


def test_a_system_passed_in_is_confirmed(here: Path) -> None:
    """The run knows the plug-ins of its study."""
    made = Study(study="q", system=Square(), factors={"size": [1, 2, 3]}, replicates=3).run(engine="inline")
    found = made.confirm(top=2, replicates=3, engine="inline")
    assert (found.of, found.ended.state, found.ended.run.done) == (1, "finished", 6)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda run: run.table("z"), "unknown factor 'z'"),
        (lambda run: run.effects(margin=float("nan")), "margin is nan, which is no amount"),
        (lambda run: run.report("model.py"), "model.py"),
        (lambda run: run.export("there", formats=["xml"]), "unknown format 'xml'"),
        (lambda run: run.threshold(factor="x", arm="a"), "unknown variant 'a'"),
        (lambda run: Run(99), "unknown run '99'"),
    ],
)
def test_errors_show_no_line_of_ours_below_the_call(here: Path, ask: Any, said: str) -> None:
    """A traceback ends in the method that was called."""
    made = Study(**words(metrics={"score": "maximize"}, replicates=2)).run()
    with pytest.raises(UserError, match=said) as problem:
        ask(made)
    frames = [Path(str(entry.path)).name for entry in problem.traceback]
    assert frames[-1] == "api.py"
    assert not {"analyse.py", "keep.py", "evidence.py"} & set(frames)
