"""Which models let each level be resolved once: everything that can mix its parts is told apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    ValidationInfo,
    computed_field,
    create_model,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)
from typing_extensions import TypedDict

from fairtrial.model.study import ABSENT, is_absent
from fairtrial.plan.separable import separable

AB = [["a"], ["b"]]


class Plain(BaseModel):
    model_config = ConfigDict(extra="forbid")

    a: int = 0
    b: float = 0.0


def even(value: int) -> int:
    return value * 2


class Own(Plain):
    a: Annotated[int, AfterValidator(even)] = 0

    @field_validator("b")
    @classmethod
    def half(cls, value: float) -> float:
        return value / 2


class SeesOthers(Plain):
    @field_validator("b")
    @classmethod
    def follow(cls, value: float, info: ValidationInfo) -> float:
        return value + info.data["a"]


class ThirdSeesOthers(Plain):
    third: float = Field(0.0, validate_default=True)

    @field_validator("third")
    @classmethod
    def follow(cls, value: float, info: ValidationInfo) -> float:
        return info.data["a"] * info.data["b"]


class Whole(Plain):
    @model_validator(mode="before")
    @classmethod
    def swap(cls, data: Any) -> Any:
        return data


class After(Plain):
    def model_post_init(self, context: Any) -> None:
        self.b = self.a


class Init(Plain):
    def __init__(self, **data: Any) -> None:
        super().__init__(**data)


class Computed(Plain):
    @computed_field
    def total(self) -> float:
        return self.a + self.b


class Written(Plain):
    @model_serializer(mode="wrap")
    def write(self, handler: Any) -> Any:
        return handler(self)


class FieldWritten(Plain):
    @field_serializer("b")
    def write(self, value: float) -> float:
        return value + self.a


class Dumped(Plain):
    def model_dump(self, **words: Any) -> Any:
        return super().model_dump(**words)


class Factory(Plain):
    third: float = Field(default_factory=lambda data: data["a"])


class LeftOut(BaseModel):
    a: int = Field(0, exclude_if=lambda value: value == 0)
    b: float = 0.5


class Pair(RootModel[tuple[int, int]]):
    pass


class Typed(TypedDict):
    a: int
    b: float


@dataclass
class Data:
    a: int = 0
    b: float = 0.0


@dataclass
class DataAfter(Data):
    def __post_init__(self) -> None:
        self.b = self.a


class One(BaseModel):
    kind: Literal["one"] = "one"
    a: int = 0
    b: int = 0


class Two(BaseModel):
    kind: Literal["two"] = "two"
    a: float = 0


@pytest.mark.parametrize("model", [Plain, Own])
def test_models_that_keep_factors_apart(model):
    """Plain fields, and validators of one field that see nothing else."""
    assert separable(model, AB)


@pytest.mark.parametrize(
    "model",
    [SeesOthers, ThirdSeesOthers, Whole, After, Init, Computed, Written, FieldWritten, Dumped, Factory, LeftOut],
)
def test_models_that_mix_factors(model):
    """Whatever sees several fields at once can mix them; with one factor there is nothing to mix."""
    assert not separable(model, AB)
    if model is not Dumped:
        assert separable(model, AB[:1])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Plain, True),
        (Plain | None, True),
        (Typed, True),
        (Data, True),
        (dict[str, Any], True),
        (dict[str, int], True),
        (Any, True),
        (Whole, False),
        (DataAfter, False),
        (Plain | Own, False),
        (Annotated[One | Two, Field(discriminator="kind")], False),
        (dict[Annotated[str, AfterValidator(str.upper)], int], False),
        (Annotated[dict[str, int], AfterValidator(dict)], False),
    ],
)
def test_places_inside_a_model(kind, expected):
    """Two factors beneath a place are apart where the place keeps them apart; one on each side of it always are."""
    model = create_model("Outer", inner=(kind, ...), other=(int, 0))
    assert separable(model, [["inner.a"], ["inner.b"]]) is expected
    assert separable(model, [["inner.a"], ["other"]])
    assert separable(model, [["inner.a", "inner.b"], ["other"]])


def test_fields_that_a_dump_leaves_out():
    """Left out where nothing was given, a field stays apart; left out for what it holds, what is beneath it mixes."""

    def model(leaves_out):
        field = Field(default_factory=lambda: ABSENT, exclude_if=leaves_out)
        return create_model("Outer", inner=(Any, field), other=(Any, field), plain=(int, 0))

    for factors in ([["inner.a"], ["inner.b"]], [["inner"], ["other"]], [["inner"], ["plain"]]):
        assert separable(model(is_absent), factors)
        assert not separable(model(lambda value: value == {"a": 1, "b": 1}), factors)


def test_items_of_lists():
    """Items of a list are apart; a list that something checks as a whole is not."""
    assert separable(create_model("L", rows=(list[Plain], ...)), [["rows.0.a"], ["rows.1.a"]])
    assert separable(create_model("L", rows=(list[Plain], ...)), [["rows.0.a"], ["rows.0.b"]])
    checked = Annotated[list[int], AfterValidator(sorted)]
    assert not separable(create_model("L", rows=(checked, ...)), [["rows.0"], ["rows.1"]])
    assert not separable(create_model("L", rows=(set[int], ...)), [["rows.0"], ["rows.1"]])


def test_recursive_models_and_unknown_names():
    """A model may contain itself; a path that is no field is not understood."""

    class Node(BaseModel):
        value: int = 0
        size: int = 0
        next: Node | None = None

    assert separable(Node, [["next.next.value"], ["next.next.size"]])
    assert not separable(Plain, [["a"], ["alias"]])
    assert not separable(Pair, [["0"], ["1"]])


def test_what_is_no_model_is_not_understood():
    """Without a schema to look at, every condition is resolved in full."""
    assert not separable(object, AB)
