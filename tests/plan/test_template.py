"""Identities from templates: the same bytes as in full, and no validation per condition."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, ConfigDict, Field, create_model

from fairtrial.model.identity import canonical_json
from fairtrial.model.study import ABSENT, is_absent
from fairtrial.plan.template import Template

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(
    rest=st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters=".")), JSON, max_size=4),
    values=st.data(),
)
def test_a_filled_template_is_canonical_json(rest, values):
    """Whatever stands around and in the holes, in whatever order keys sort, the digest is that of the whole."""
    from fairtrial.model.identity import digest_bytes

    names = values.draw(st.lists(st.sampled_from(["a", "z", "ö", "q0"]), min_size=1, unique=True))
    rows = [values.draw(st.lists(JSON, min_size=1, max_size=3)) for _ in names]
    whole = rest | {name: {"x": row[0]} for name, row in zip(names, rows, strict=True)}
    fragments = [[(canonical_json(value),) for value in row] for row in rows]
    template = Template(whole, {f"{name}.x": (j, 0) for j, name in enumerate(names)}, fragments)
    chosen = [values.draw(st.integers(0, len(row) - 1)) for row in rows]
    filled = whole | {name: {"x": row[i]} for name, row, i in zip(names, rows, chosen, strict=True)}
    assert template.digests([chosen], b"tail") == [digest_bytes(canonical_json(filled)) + b"tail"]


def test_a_hole_that_is_not_there_or_looks_like_a_value_is_refused():
    """A path that is not in the parameters, and a value that looks like a hole, make no template."""
    for whole, path in (({"a": 1}, "b"), ({"a": 1, "b": "\0a\0"}, "a")):
        with pytest.raises(KeyError):
            Template(whole, {path: (0, 0)}, [[(b"1",)]])


def test_conditions_are_not_validated_one_by_one(small):
    """10,000 digests of a plain model cost as many validations as there are levels, and a few."""
    validated = []

    class Counting(small.Plain):
        @classmethod
        def model_validate(cls, *args, **words):
            validated.append(1)
            return super().model_validate(*args, **words)

    wide = {"a": list(range(100)), "b": [i / 7 for i in range(100)]}
    plan = small.grid(small.study(wide), small.Base(Counting))
    assert len(set(small.digests(plan))) == 10_000
    assert len(validated) <= 210


def test_a_level_that_reaches_beyond_its_path_is_resolved_in_full(small):
    """A validator inside one factor's place that moves its neighbour is seen by what it does."""
    from pydantic import model_validator

    class Load(small.Load):
        @model_validator(mode="after")
        def follow(self):
            self.rate = self.clients * 10.0
            return self

    class Model(small.Plain):
        load: Load = Load()

    declared = small.study({"load.clients": [1, 2], "a": [1, 2]})
    plan = small.grid(declared, small.Base(Model))
    assert small.digests(plan) == small.oracle(declared, Model)
    assert [t.condition.parameters["load"]["rate"] for t in small.trials(plan)] == [10.0, 10.0, 20.0, 20.0]


def test_a_discriminated_union_is_resolved_in_full(small):
    """Which fields exist depends on another factor: `when` says it, and identities are right."""
    declared = small.study(
        [
            small.factor("pet.kind", ["cat", "dog"]),
            small.factor("pet.lives", [1, 9], "pet.kind == 'cat'"),
            small.factor("pet.tricks", [0, 1, 2], "pet.kind == 'dog'"),
        ]
    )
    plan = small.grid(declared, small.Base(small.Zoo))
    assert small.digests(plan) == small.oracle(declared, small.Zoo)
    assert plan.count().trials == 5


def test_optional_parents_and_inactive_factors(small):
    """A nested model that exists only where one of its factors is active."""
    declared = small.study(
        [
            small.factor("c", ["p", "q", "r"]),
            small.factor("extra.clients", [2, 3], "c != 'p'"),
            small.factor("extra.rate", [5.0, 6.0], "c == 'r'"),
        ]
    )
    plan = small.grid(declared)
    assert small.digests(plan) == small.oracle(declared)
    assert plan.trial(0).condition.parameters["extra"] is None


@pytest.mark.parametrize("fast", [True, False])
def test_what_is_not_given_is_left_out(small, fast):
    """What a dump leaves out for nothing but being absent may be in a template: the digests are those in full.

    The other rule drops `load` where both its factors are at 1: no template may miss that.
    """
    leaves_out = is_absent if fast else (lambda value: is_absent(value) or value == {"clients": 1, "rate": 1})
    validated = []

    def count(value):
        validated.append(value)
        return value

    anything = (Any, Field(default_factory=lambda: ABSENT, exclude_if=leaves_out))
    strict = ConfigDict(extra="forbid")
    counted = (Annotated[Any, AfterValidator(count)], 0)
    Model = create_model("Model", __config__=strict, load=anything, b=anything, c=anything, counted=counted)
    declared = small.study(
        [
            small.factor("load.clients", [1, 2, 3, 4]),
            small.factor("load.rate", [1, 2, 3, 4]),
            small.factor("b", [None, 0, "absent", 1]),
            small.factor("c", [1, 2, 3, 4], "b == 1", before=4),
        ],
        base={"counted": 0},
    )
    plan = small.grid(declared, small.Base(Model))
    found = small.digests(plan)
    resolved = len(validated)
    assert found == small.oracle(declared, Model)
    assert (resolved < len(found) / 2) is fast
