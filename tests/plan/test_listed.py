"""The design that is told its conditions."""

from __future__ import annotations

import pytest

from fairtrial.errors import SpecError
from fairtrial.model.study import Design
from fairtrial.plan.listed import Listed
from fairtrial.plan.space import open_space


def opened(small, conditions):
    variants = (small.arm("p", {"c": "p"}), small.arm("q", {"c": "q"}))
    declared = small.study({"a": [1, 2]}, variants=variants, replicates=2, design=Design("listed"))
    return Listed().open(open_space(declared, small.Base(), identity=small.IDENTITY), {"conditions": conditions})


def test_every_replicate_of_the_conditions(small):
    """Also of levels that the study does not have: a winner may lie between them."""
    plan = opened(small, [{"variant": "q", "assignment": {"a": 2}}, {"variant": "p", "assignment": {"a": 7}}]).ask()
    made = [(trial.condition.variant, trial.condition.parameters["a"], trial.replicate) for trial in small.trials(plan)]
    assert made == [("q", 2, 0), ("p", 7, 0), ("q", 2, 1), ("p", 7, 1)]


@pytest.mark.parametrize(
    ("conditions", "says"),
    [
        (None, "design listed needs its conditions"),
        ([], "design listed needs its conditions"),
        ([{"a": 1}], "is no condition"),
        ([{"variant": "p", "assignment": 3}], "3 is no assignment"),
        ([{"variant": "p", "assignment": {"b": 1}}], "'b' is not a factor"),
    ],
)
def test_mistakes_are_named(small, conditions, says):
    """What is wrong, and the form."""
    with pytest.raises(SpecError, match=says):
        opened(small, conditions)
