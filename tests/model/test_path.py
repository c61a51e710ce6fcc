"""Dotted paths into nested JSON."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.errors import UserError
from fairtrial.model import path

TREE = {"load": {"clients": 4, "mode": None}, "steps": [{"rate": 0.1}, {"rate": 0.2}], "empty": {}, "none": []}

keys = st.sampled_from(["a", "b", "c"])
trees = st.dictionaries(
    keys, st.recursive(st.integers(), lambda inner: st.dictionaries(keys, inner, min_size=1), max_leaves=6), min_size=1
)


def test_get_walks_mappings_and_lists():
    """A path walks keys and list indexes; what is not there gives the default, and None is a value."""
    assert path.get(TREE, "load.clients") == 4
    assert path.get(TREE, "steps.1.rate") == 0.2
    assert path.get(TREE, "load.mode", default="absent") is None
    for missing in ("load.size", "steps.2.rate", "steps.x", "load.clients.deep"):
        assert path.get(TREE, missing, default="absent") == "absent"


def test_put_copies_and_leaves_the_original_alone():
    """The new tree has the value, shares what lies beside the way, and the old one is as it was."""
    before = copy.deepcopy(TREE)
    made = path.put(TREE, "steps.1.rate", 9)
    assert made["steps"] == [{"rate": 0.1}, {"rate": 9}]
    assert before == TREE
    assert made["load"] is TREE["load"]


def test_put_makes_missing_mappings():
    """Mappings on the way are made, also where null stood."""
    assert path.put({}, "a.b.c", 1) == {"a": {"b": {"c": 1}}}
    assert path.put({"a": None}, "a.b", 1) == {"a": {"b": 1}}


@pytest.mark.parametrize("where", ["load.clients.deep", "steps.2.rate", "steps.first", "steps.-1"])
def test_put_refuses_a_way_that_leads_nowhere(where):
    """A path through a plain value, or past a list's end, is the user's mistake."""
    with pytest.raises(UserError, match="path"):
        path.put(TREE, where, 1)


@given(tree=trees, value=st.integers())
def test_what_was_put_is_got_at_every_leaf(tree, value):
    """Every leaf that flatten yields can be replaced and read back, and nothing else changes."""
    leaves = dict(path.flatten(tree))
    for where in leaves:
        made = path.put(tree, where, value)
        assert path.get(made, where) == value
        assert dict(path.flatten(made)) == {**leaves, where: value}


def test_flatten_keeps_empty_containers():
    """Empty mappings and lists are leaves."""
    assert dict(path.flatten(TREE)) == {
        "load.clients": 4,
        "load.mode": None,
        "steps.0.rate": 0.1,
        "steps.1.rate": 0.2,
        "empty": {},
        "none": [],
    }
