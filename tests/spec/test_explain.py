"""A pydantic error in one line."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from fairtrial.spec.explain import Problem, explain
from fairtrial.spec.shape import Shape


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class A(_Closed):
    depth: int


class B(_Closed):
    width: int


class Small(_Closed):
    form: Literal["small"]
    depth: int = 1


class Large(_Closed):
    form: Literal["large"]
    width: int = 1


class Model(_Closed):
    rate: float = Field(default=1.0, gt=0)
    kind: Literal["fast", "slow"] = "fast"
    either: int | Literal["auto"] = Field(default="auto", description="A number or auto.")
    part: A | B | None = None
    items: list[A] = []
    one: Annotated[Small | Large, Field(discriminator="form")] | None = None
    even: int = 0
    needed: str = Field(description="What it is for.")

    @field_validator("even")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError(f"{value} is odd\nand that is that")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Model:
        if self.rate > 100:
            raise ValueError("too fast")
        return self


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"rat": 1, "needed": ""}, Problem("rat", "unknown parameter 'rat'", "did you mean 'rate'?")),
        ({"rte": 1}, Problem("rte", "unknown parameter 'rte'", "did you mean 'rate'?")),
        ({}, Problem("needed", "missing: this parameter is required", "What it is for.")),
        ({"needed": "", "rate": 0}, Problem("rate", "Input should be greater than 0, not 0")),
        ({"needed": "", "even": 3}, Problem("even", "3 is odd and that is that")),
        ({"needed": "", "rate": 200}, Problem("", "too fast")),
        (
            {"needed": "", "kind": "fsat"},
            Problem("kind", "Input should be 'fast' or 'slow', not 'fsat'", "did you mean 'fast'?"),
        ),
        ({"needed": "", "either": "atuo"}, Problem("either", "'atuo' is not understood", "did you mean 'auto'?")),
        ({"needed": "", "either": []}, Problem("either", "[] is not understood", "A number or auto.")),
        (
            {"needed": "", "part": {"dept": 1}},
            Problem("part.dept", "unknown parameter 'dept'", "did you mean 'depth'?"),
        ),
        (
            {"needed": "", "one": {"form": "smal"}},
            Problem("one.form", "unknown form 'smal'", "did you mean 'small'?"),
        ),
        ({"needed": "", "one": {}}, Problem("one.form", "missing: this parameter is required", "valid: large, small")),
        (
            {"needed": "", "one": {"form": "large", "depth": 1}},
            Problem("one.depth", "unknown parameter 'depth'", "did you mean 'width'?"),
        ),
        (
            {"needed": "", "items": [{"depth": 1}, {"depht": 1}]},
            Problem("items.1.depht", "unknown parameter 'depht'", "did you mean 'depth'?"),
        ),
        (
            {"needed": 1, "even": "x"},
            Problem(
                "even",
                "Input should be a valid integer, unable to parse string as an integer, not 'x' (1 more like this)",
            ),
        ),
    ],
)
def test_the_error_that_says_most_is_chosen(value: Any, expected: Problem):
    """Unknown names first, the deepest place of a union, one line, the nearest valid thing."""
    with pytest.raises(ValidationError) as caught:
        Model.model_validate(value)
    assert explain(caught.value, value, Shape(Model), "parameter") == expected


def test_long_values_are_cut():
    """A long value does not flood the line."""
    value = {"needed": "", "rate": "x" * 200}
    with pytest.raises(ValidationError) as caught:
        Model.model_validate(value)
    assert len(explain(caught.value, value, Shape(Model), "parameter").message) < 150
