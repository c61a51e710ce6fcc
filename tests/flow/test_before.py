"""Factors that came later: what was measured before they existed is found again, whichever way it was measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairtrial.contract.strategy import Block
from fairtrial.errors import SpecError
from fairtrial.flow.before import LOOKED, WAYS, absent
from fairtrial.model.study import Factor, Study, SystemRef

Type = Callable[..., tuple[int, str, str]]
Data = Callable[..., Any]
Write = Callable[..., Path]
Calls = Callable[[], list[str]]
Define = Callable[[str], None]

X = [1.0, 2.0]
Y = {"levels": [3, 5], "before": 3}
Z = {"levels": [7, 9], "before": 7}


@pytest.fixture
def define(here: Path) -> Define:
    """Write the function with these arguments; each call is one line in `calls.txt`."""

    def write(arguments: str) -> None:
        names = [part.partition(":")[0].strip() for part in arguments.split(",")]
        written = ", ".join(f"{name}={{{name}}}" for name in names)
        lines = [
            "import os",
            f"def measure({arguments}) -> dict[str, float]:",
            "    with open(os.environ['CALLS'], 'a') as file:",
            f"        file.write(f'{written}\\n')",
            "    if x < 0:",
            "        raise ValueError('x is negative')",
            "    return {'score': float(x)}",
        ]
        (here / "model.py").write_text("\n".join(lines) + "\n")

    return write


@pytest.fixture
def run(study: Write, fairtrial: Type) -> Callable[..., None]:
    """Run a study with these factors, code left out of the identity."""

    def go(factors: dict[str, Any], *words: str, code: int = 0, **changes: Any) -> None:
        study(**{"factors": factors, "replicates": 1, "code": "version", "parallel": {"jobs": 1}} | changes)
        ended, _, err = fairtrial("run", "study.yaml", *words)
        assert ended == code, err

    return go


def test_a_parameter_that_is_new_with_its_factor(define: Define, run: Any, data: Data, calls: Calls) -> None:
    """At `before`, trials of the function without the parameter count; the choice stands, for other verbs too."""
    define("x: float")
    run({"x": X})
    define("x: float, y: int = 3")
    run({"x": X, "y": Y})
    assert calls()[2:] == ["x=1.0, y=5", "x=2.0, y=5"]
    run({"x": X, "y": Y})
    assert len(calls()) == 4
    survey = data("plan", "study.yaml")
    assert (survey["new"], survey["done"]) == (0, 4)
    assert {tuple(sorted(row["assignment"].items())) for row in data("show")["findings"]} == {
        (("x", x), ("y", y)) for x in X for y in (3, 5)
    }


def test_a_parameter_that_existed_and_was_no_factor(define: Define, run: Any, calls: Calls) -> None:
    """At `before`, trials of the function with the parameter at its default count."""
    define("x: float, y: int = 3")
    run({"x": X})
    run({"x": X, "y": Y})
    run({"x": X, "y": Y})
    assert calls()[2:] == ["x=1.0, y=5", "x=2.0, y=5"]


def test_the_choice_stands_when_the_study_grows(define: Define, run: Any, calls: Calls) -> None:
    """Levels that are added later, and more of them than were measured before, change nothing of what was chosen."""
    define("x: float")
    run({"x": X})
    define("x: float, y: int = 3")
    run({"x": [*X, 3.0, 4.0, 5.0], "y": Y})
    assert len(calls()) == 2 + 8
    run({"x": [*X, 3.0, 4.0, 5.0, 6.0], "y": Y}, "--only", "x == 6")
    run({"x": [*X, 3.0, 4.0, 5.0, 6.0], "y": {"levels": [3], "before": 3}})
    run({"x": [*X, 3.0, 4.0, 5.0, 6.0], "y": Y})
    assert len(calls()) == len(set(calls())) == 2 + 10


def test_a_part_of_the_plan_is_chosen_as_the_whole(define: Define, run: Any, calls: Calls) -> None:
    """What `--only` narrows to was never measured: how the rest was measured decides, now and afterwards."""
    define("x: float")
    run({"x": X})
    define("x: float, y: int = 3")
    run({"x": [*X, 3.0], "y": Y}, "--only", "x == 3 and y == 3")
    run({"x": [*X, 3.0], "y": Y})
    assert len(calls()) == len(set(calls())) == 2 + 4


def test_trials_of_another_study_decide_where_the_run_is_new(define: Define, run: Any, calls: Calls) -> None:
    """What the book has finished elsewhere is found; the study's own trials count more from then on."""
    define("x: float")
    run({"x": X}, study="other")
    define("x: float, y: int = 3")
    run({"x": X, "y": Y})
    assert calls()[2:] == ["x=1.0, y=5", "x=2.0, y=5"]
    run({"x": [*X, 3.0, 4.0, 5.0]}, study="third")  # as many of the other kind as the book likes
    count = len(calls())
    run({"x": X, "y": Y})
    assert len(calls()) == count


def test_failures_that_were_settled_decide_too(define: Define, run: Any, fairtrial: Type, calls: Calls) -> None:
    """A run whose trials all failed continues as it was measured; `retry` runs the same trials again."""
    define("x: float")
    run({"x": [-1.0, -2.0]}, code=3)
    define("x: float, y: int = 3")
    run({"x": [-1.0, -2.0], "y": Y}, code=3)
    assert calls()[2:] == ["x=-1.0, y=5", "x=-2.0, y=5"]
    assert fairtrial("retry", "1")[0] == 3
    assert len(calls()) == 8
    run({"x": [-1.0, -2.0], "y": Y}, code=3)
    assert len(calls()) == 8


def test_of_two_parameters_one_is_new(define: Define, run: Any, calls: Calls) -> None:
    """Each factor is judged on its own: one parameter was there at its default, the other was not."""
    define("x: float, z: int = 7")
    run({"x": X})
    define("x: float, z: int = 7, y: int = 3")
    run({"x": X, "y": Y, "z": Z})
    assert len(calls()) == 2 + 6
    assert not {f"x={x}, z=7, y=3" for x in X} & set(calls())
    run({"x": X, "y": Y, "z": Z})
    assert len(calls()) == 2 + 6


def test_two_parameters_that_are_new_one_after_the_other(define: Define, run: Any, calls: Calls) -> None:
    """Each amendment runs only what is new."""
    define("x: float")
    run({"x": X})
    define("x: float, y: int = 3")
    run({"x": X, "y": Y})
    define("x: float, y: int = 3, z: int = 7")
    run({"x": X, "y": Y, "z": Z})
    assert len(calls()) == 2 + 2 + 4
    assert [line for line in calls() if "z=7" in line] == []


def test_fresh_measures_all_and_is_found_again(define: Define, run: Any, data: Data, calls: Calls) -> None:
    """A fresh run knows of nothing before it, and continues as it began."""
    define("x: float")
    run({"x": X})
    define("x: float, y: int = 3")
    run({"x": X, "y": Y})
    run({"x": X, "y": Y}, "--fresh")
    assert len(calls()) == 4 + 4
    run({"x": X, "y": Y})
    assert len(calls()) == 4 + 4
    assert [row["number"] for row in data("list")] == [2, 1]


class Keys:
    """A plan of which only the digests matter; `walked` counts them."""

    def __init__(self, keys: Any) -> None:
        self.keys, self.walked = keys, 0

    def blocks(self, size: int = 4096) -> Any:
        for start in range(0, len(self.keys), size):
            part = self.keys[start : start + size]
            self.walked += len(part)
            yield Block(start, part)


def later(*names: str) -> Study:
    factors = tuple(Factor(name, (name,), ((1,), (2,)), before=1) for name in names)
    return Study(name="s", system=SystemRef("s"), factors=(*factors, Factor("x", ("x",), ((1,),))))


def test_nothing_is_opened_where_nothing_can_be_chosen() -> None:
    """Without `before`, and with a book that knows nothing, no plan is opened."""

    def plans(way: frozenset[str]) -> Any:
        raise AssertionError

    assert absent(later(), plans, settled={b"a": "done"}, finished={b"a"}) == frozenset()
    assert absent(later("y"), plans, settled={}, finished=set()) == frozenset()


def test_what_is_settled_goes_before_what_is_finished_and_none_before_all() -> None:
    """A study's own trials outweigh any number of others; where both ways are known alike, the plain one stands."""
    plain, other = Keys([b"a", b"b", b"c"]), Keys([b"a", b"d", b"e"])

    def chosen(settled: str, finished: str) -> bool:
        known = {bytes([letter]): "done" for letter in settled.encode()}
        keys = {bytes([letter]) for letter in finished.encode()}
        return bool(absent(later("y"), lambda way: [other if way else plain], settled=known, finished=keys))

    assert chosen("d", "dbc")
    assert chosen("a", "de")
    assert not chosen("b", "de")
    assert not chosen("a", "")
    assert not chosen("bd", "be")


def test_a_way_under_which_conditions_coincide_is_none() -> None:
    """What cannot be opened under it is not chosen, and not an error."""

    def plans(way: frozenset[str]) -> Any:
        if way:
            raise SpecError("it changes nothing")
        return [Keys([b"a", b"b"])]

    assert absent(later("y"), plans, settled={b"b": "done"}, finished=set()) == frozenset()


def test_of_a_large_plan_a_beginning_is_looked_at_and_the_part_that_was_asked_for() -> None:
    """Neither is walked to its end; a smaller plan is looked at alone."""
    large = {way: Keys([b"%d-%d" % (way, i) for i in range(3 * LOOKED)]) for way in (0, 1)}
    part = {way: Keys([b"part-%d" % way]) for way in (0, 1)}
    settled = {b"part-1": "done"}
    chosen = absent(later("y"), lambda way: [large[len(way)], part[len(way)]], settled=settled, finished=set())
    assert chosen == {"y"}
    assert all(LOOKED <= plan.walked < 2 * LOOKED for plan in large.values())
    assert not absent(later("y"), lambda way: [Keys([b"a"]), part[len(way)]], settled=settled, finished=set())


def test_of_many_factors_some_combinations_are_tried() -> None:
    """All of them at once is among the first; the number is bounded."""
    names = [f"f{i}" for i in range(12)]
    tried = []

    def plans(way: frozenset[str]) -> Any:
        tried.append(way)
        return [Keys([",".join(sorted(way)).encode(), b"?"])]

    wanted = ",".join(sorted(names)).encode()
    assert absent(later(*names), plans, settled={wanted: "done"}, finished=set()) == set(names)
    assert len(tried) == len(set(tried)) == WAYS
    assert absent(later(*names), plans, settled={b"f4": "done"}, finished=set()) == {"f4"}
