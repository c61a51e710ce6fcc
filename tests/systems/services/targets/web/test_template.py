"""Templates: fields are filled in, other braces stay, mistakes are named."""

from __future__ import annotations

import random

import pytest

from fairtrial.errors import UserError
from fairtrial.systems.services.targets.web.template import Template


def test_fields_are_filled():
    """The number, the client and random whole numbers between both bounds are put in."""
    template = Template("/items/{random:-2:2}?i={i}&c={client}", client=7)
    rng = random.Random(0)
    texts = [template.fill(number, rng) for number in range(200)]
    assert all(text.endswith(f"?i={number}&c=7") for number, text in enumerate(texts))
    assert {text.split("?")[0] for text in texts} == {f"/items/{value}" for value in range(-2, 3)}


@pytest.mark.parametrize("text", ["", "/plain", '{"a": {"b": 1}}', "{}", '{"x": [1, 2]}', "{1}"])
def test_other_braces_are_text(text):
    """Braces of JSON, and anything else that is no field, are left as they are."""
    template = Template(text)
    assert template.fixed
    assert template.fill(0, random.Random(0)) == text


def test_fields_inside_json():
    """A field inside JSON is filled in."""
    assert Template('{"id": {i}, "x": {"y": {random:5:5}}}').fill(3, random.Random(0)) == '{"id": 3, "x": {"y": 5}}'


@pytest.mark.parametrize("text", ["{rnd:1:2}", "{random}", "{random:1}", "{random:a:b}", "{random:2:1}", "{i:3}"])
def test_mistakes_are_named(text):
    """An unknown or malformed field is the user's mistake, and is shown."""
    with pytest.raises(UserError, match="field") as caught:
        Template(f"/x?{text}")
    assert text in str(caught.value)
