"""A variant as parameters: assignments, conditional factors, contexts."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict, model_validator

from fairtrial.errors import UserError
from fairtrial.model.rule import parse
from fairtrial.model.study import Factor, Variant
from fairtrial.spec.arm import Arm, Refused


class Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid")
    x: int = 0
    y: int = 1
    z: int | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Parameters:
        if self.x >= self.y:
            raise ValueError("x must be below y")
        return self


class Clumsy(BaseModel):
    """A model whose validator breaks."""

    model_config = ConfigDict(extra="forbid")
    x: int = 0

    @model_validator(mode="after")
    def _broken(self) -> Clumsy:
        return {}["missing"]


def _factor(name, *levels, when=None):
    return Factor(name, (name,), tuple((level,) for level in levels), when=parse(when) if when else None)


def _arm(*factors, base=None, **more):
    return Arm(Parameters, base or {}, Variant("v", **more), factors)


def test_base_then_settings_then_factors():
    """Each goes over what is below it, and the base stays as it was."""
    base = {"x": 1, "y": 5}
    arm = _arm(_factor("x", 3), base=base, set={"y": 9, "x": 2})
    assert arm.resolve({}) == {"x": 2, "y": 9, "z": None}
    assert arm.resolve({"x": 3}) == {"x": 3, "y": 9, "z": None}
    assert base == {"x": 1, "y": 5}


def test_an_inactive_factor_is_set_nowhere():
    """`when` reads other factors, also those declared later, and the variant."""
    z = _factor("z", 1, when="x > 0 and variant == 'v'")
    arm = _arm(z, _factor("x", 0, 1), base={"y": 9})
    assert arm.assignment({"z": (1,), "x": (0,)}) == {"x": 0}
    assert arm.assignment({"z": (1,), "x": (1,)}) == {"z": 1, "x": 1}
    found = arm.where_active(z, arm.first())
    assert found is not None
    assert arm.assignment(found) == {"z": 1, "x": 1}
    assert _arm(z, _factor("x", 0)).where_active(z, {"z": (1,), "x": (0,)}) is None


def test_rules_in_a_circle():
    """Factors that wait for each other are named."""
    arm = _arm(_factor("x", 0, when="z > 0"), _factor("z", 1, when="x > 0"))
    with pytest.raises(UserError, match="x, z wait for each other"):
        arm.assignment(arm.first())


def test_a_valid_choice_is_looked_for():
    """Where the first levels do not fit together, others of one factor are tried; the first refusal is kept."""
    arm = _arm(_factor("x", 9, 1), _factor("y", 5, 20))
    assert arm.assignment(arm.valid()) == {"x": 1, "y": 5}
    with pytest.raises(Refused) as caught:
        _arm(_factor("x", 9, 8), _factor("y", 5, 6)).valid()
    assert caught.value.tree == {"x": 9, "y": 5}


def test_each_level_is_tried_beside_others():
    """A level that the first context refuses is resolved in another that has room for it."""
    arm = _arm(_factor("x", 0, 7), _factor("y", 5, 10))
    made = dict(arm.outcomes(arm.factors[0], arm.valid()))
    assert made == {0: {"x": 0, "y": 5, "z": None}, 1: {"x": 7, "y": 10, "z": None}}


def test_a_validator_that_breaks_is_the_systems_mistake():
    """A KeyError inside a user's model is a refusal in words, not a crash."""
    with pytest.raises(Refused, match="Parameters raised KeyError: 'missing'"):
        Arm(Clumsy, {}, Variant(), ()).resolve({})
