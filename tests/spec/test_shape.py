"""Which paths a pydantic model has."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from fairtrial.spec.shape import Shape


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    rate: float = Field(default=0.1, description="How fast.")
    names: list[str] = []


class Other(BaseModel):
    model_config = ConfigDict(extra="forbid")
    depth: int


class Opaque:
    """A type that JSON Schema cannot describe."""


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    inner: Inner
    steps: list[Inner] = []
    pair: tuple[int, Inner] | None = None
    either: Inner | Other | None = None
    table: dict[str, Inner] = {}
    free: Any = None
    anything: dict[str, Any] = {}
    opaque: Opaque | None = None
    plain: int = Field(default=0, alias="plane")


@pytest.mark.parametrize(
    "path",
    [
        *("inner.rate", "steps.0.rate", "steps.7.names.1", "pair.0", "pair.1.rate", "either.rate", "either.depth"),
        *("either", "table.any.rate", "free", "free.what.ever.0", "anything.x.y", "opaque", "opaque.x", "plane"),
    ],
)
def test_paths_that_exist(path):
    """Nested models, lists, tuples, unions, mappings, free parts and aliases are walked."""
    assert Shape(Model).unknown(path) is None


@pytest.mark.parametrize(
    ("path", "key", "hint"),
    [
        ("iner.rate", "iner", "did you mean 'inner'?"),
        ("inner.rat", "rat", "did you mean 'rate'?"),
        ("steps.0.rte", "rte", "did you mean 'rate'?"),
        ("steps.first", "first", "a list is indexed by numbers from 0"),
        ("inner.rate.deep", "deep", "a plain value holds no parts"),
        ("either.dpth", "dpth", "did you mean 'depth'?"),
        ("table.any.rat", "rat", "did you mean 'rate'?"),
        ("plain", "plain", "did you mean 'plane'?"),
        ("inner.names.0.x", "x", "a plain value holds no parts"),
        ("pair.2", "2", "a list is indexed by numbers from 0"),
    ],
)
def test_paths_that_do_not(path, key, hint):
    """The first unknown key is named, with the nearest valid one."""
    assert Shape(Model).unknown(path) == (key, hint)


def test_names_and_descriptions():
    """Names below a path, and what the model says of it."""
    shape = Shape(Model)
    assert shape.names("inner") == ["names", "rate"]
    assert shape.names("either") == ["depth", "names", "rate"]
    assert shape.names("free") == []
    assert shape.description("steps.0.rate") == "How fast."


def test_free_parts():
    """A key is free where the model does not declare it by name."""
    shape = Shape(Model)
    assert [shape.free(path) for path in ("anything.x", "free.x", "table.x")] == [True, True, True]
    assert [shape.free(path) for path in ("inner.rate", "steps.0", "plane")] == [False, False, False]
