"""Secrets: the reference travels, the value never does."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from fairtrial.errors import UserError
from fairtrial.model.secret import Secret, is_reference, references


class Parameters(BaseModel):
    """A system's parameters with a password."""

    model_config = ConfigDict(extra="forbid")
    password: Secret


def test_the_value_comes_from_the_environment_and_shows_nowhere(monkeypatch):
    """`reveal` reads the variable; text, JSON and representation give the reference."""
    monkeypatch.setenv("DB_PASSWORD", "hunter2")
    made = Parameters.model_validate({"password": {"secret": "DB_PASSWORD"}})
    assert made.password.reveal() == "hunter2"
    shown = f"{made} {made!r} {made.model_dump()} {made.model_dump_json()} {made.password}"
    assert "hunter2" not in shown
    assert made.model_dump(mode="json") == {"password": {"secret": "DB_PASSWORD"}}


def test_the_value_comes_from_a_file(tmp_path):
    """The last line break of the file is not part of the secret."""
    (tmp_path / "key").write_text("abc\n")
    assert Secret({"secret": {"file": str(tmp_path / "key")}}).reveal() == "abc"


def test_a_missing_secret_says_what_to_do(monkeypatch, tmp_path):
    """An unset variable and a missing file are the user's mistakes, named."""
    monkeypatch.delenv("NOT_SET", raising=False)
    with pytest.raises(UserError, match=r"NOT_SET.*export NOT_SET"):
        Secret({"secret": "NOT_SET"}).reveal()
    with pytest.raises(UserError, match="does not exist"):
        Secret({"secret": {"file": str(tmp_path / "none")}}).reveal()


def test_a_value_in_the_place_of_a_reference_is_refused():
    """A password written into a study is refused, and the refusal's own words do not repeat it."""
    with pytest.raises(ValidationError) as caught:
        Parameters.model_validate({"password": "hunter2"})
    assert "never as its value" in caught.value.errors()[0]["msg"]
    assert "hunter2" not in caught.value.errors()[0]["msg"]


def test_the_schema_of_a_secret_is_an_object():
    """Editors see a mapping."""
    assert Parameters.model_json_schema()["properties"]["password"]["type"] == "object"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"secret": "A"}, True),
        ({"secret": {"file": "a"}}, True),
        ({"secret": ""}, False),
        ({"secret": 1}, False),
        ({"secret": {"file": 1}}, False),
        ({"secret": "A", "more": 1}, False),
        ("A", False),
    ],
)
def test_what_is_a_reference(value, expected):
    """Only the two documented forms are references."""
    assert is_reference(value) is expected


def test_references_are_found_at_any_depth():
    """Every secret of a document is found, none is invented."""
    document = {"a": [{"b": {"secret": "X"}}, {"secret": {"file": "y"}}], "secret": {"other": 1}, "c": "X"}
    assert [secret.reference for secret in references(document)] == [{"secret": "X"}, {"secret": {"file": "y"}}]
    assert Secret({"secret": "X"}) == Secret({"secret": "X"}) != Secret({"secret": "Y"})
    assert json.dumps(Secret({"secret": "X"}).reference) == '{"secret": "X"}'
