"""Which parameter goes to which key."""

from __future__ import annotations

from typing import Any

import pytest

from fairtrial.errors import UnknownName, UserError
from fairtrial.promote.mapping import read, read_file, refuse_other_kinds, wanted

PARAMETERS: dict[str, Any] = {
    "lr": 0.1,
    "net": {"dims": [8, 4], "act": "relu"},
    "key": {"secret": "TOKEN"},
    "db": {"password": {"secret": {"file": "/run/key"}}, "pool": 3},
}


def test_without_a_mapping_parameters_go_to_keys_of_their_names() -> None:
    """A factor that is a list goes whole; what the file lacks, and every secret, stays out."""
    tree = {"lr": 1, "net": {"dims": [1]}, "key": "x", "db": {"password": {"file": "y"}, "pool": 1}}
    assert wanted({}, PARAMETERS, ["lr", "net.dims"], tree) == {
        "lr": ("lr", 0.1),
        "net.dims": ("net.dims", [8, 4]),
        "db.pool": ("db.pool", 3),
    }


def test_a_mapping_is_taken_as_it_is() -> None:
    """Nothing else is promoted beside it."""
    assert wanted({"net.act": "model.act"}, PARAMETERS, ["lr"], {"lr": 1}) == {"model.act": ("net.act", "relu")}


@pytest.mark.parametrize(
    "name", ["key", "key.secret", "db", "db.password", "db.password.secret", "db.password.secret.file"]
)
def test_secrets_are_never_written(name: str) -> None:
    """Neither whole, nor a part of their reference, nor inside a mapping that holds one."""
    with pytest.raises(UserError, match="is a secret, which is never written"):
        wanted({name: "k"}, PARAMETERS, [], {})


def test_mistakes_are_told_in_one_line() -> None:
    """Unknown parameters with the nearest one; keys that two parameters claim; words that are no pair."""
    with pytest.raises(UnknownName, match=r"did you mean 'net\.act'"):
        wanted({"net.akt": "k"}, PARAMETERS, [], {})
    with pytest.raises(UserError, match=r"lr and net\.act both go to k"):
        wanted({"lr": "k", "net.act": "k"}, PARAMETERS, [], {})
    for word in ("lr", "=k", "lr="):
        with pytest.raises(UserError, match="is not understood"):
            read([word])
    with pytest.raises(UserError, match="gives lr to a and to b"):
        read(["lr=a", "lr=b"])


def test_mapping_files_are_flat_or_nested() -> None:
    """`net: {act: a.b}` and `net.act: a.b` say the same."""
    assert read_file("net: {act: a.b}\nlr: c\n", "m.yaml") == {"net.act": "a.b", "lr": "c"}
    with pytest.raises(UserError, match=r"m\.yaml: lr: 3 names no key"):
        read_file("lr: 3\n", "m.yaml")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (
            "net",
            3,
            "r.yaml: net is a mapping, and p is a single value, which would replace it whole (its keys: a.b, c)",
        ),
        ("dims", 3, "r.yaml: dims is a list, and p is a single value"),
        ("text", "one", "r.yaml: text is a text of several lines, and p is a single value"),
        ("pool", {"a": 1}, "r.yaml: pool is a single value, and p is a mapping"),
        ("pool", [1], "r.yaml: pool is a single value, and p is a list"),
        ("net", [1], "r.yaml: net is a mapping, and p is a list"),
    ],
)
def test_a_value_is_not_replaced_by_one_of_another_kind(key: str, value: object, said: str) -> None:
    """A whole mapping, list or text is not lost by a slip in a key's name."""
    tree = {"net": {"a": {"b": 1}, "c": 2}, "dims": [1, 2], "text": "one\ntwo\n", "pool": 1}
    with pytest.raises(UserError) as problem:
        refuse_other_kinds({key: ("p", value)}, tree, "r.yaml")
    assert str(problem.value).startswith(said)


def test_what_is_empty_or_new_takes_any_value() -> None:
    """So does a value of the same kind."""
    chosen = {"none": ("p", {"a": 1}), "new": ("q", [1]), "pool": ("r", "text"), "dims": ("s", [3])}
    refuse_other_kinds(chosen, {"none": None, "pool": 1, "dims": [1, 2]}, "r.yaml")
