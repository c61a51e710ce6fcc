"""Identity is content: one encoding, digests of all parts, seeds that follow from the study's."""

from __future__ import annotations

import json
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.model import identity

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8)
)
json_values = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(max_size=4), inner)), max_leaves=10
)


@given(value=json_values)
def test_canonical_json_reads_back(value):
    """The encoding loses nothing."""
    assert json.loads(identity.canonical_json(value)) == value


@given(value=st.dictionaries(st.text(max_size=4), json_values))
def test_the_order_of_keys_does_not_matter(value):
    """A mapping has one encoding, whatever order its keys were given in."""
    items = list(value.items())
    random.Random(0).shuffle(items)
    assert identity.digest(dict(items)) == identity.digest(value)


def test_negative_zero_is_zero():
    """-0.0 and 0.0 are one value; 1, 1.0 and True are three."""
    assert identity.digest({"x": [-0.0]}) == identity.digest({"x": [0.0]})
    assert len({identity.digest(value) for value in (1, 1.0, True)}) == 3


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_has_no_identity(value):
    """NaN and infinities are refused, at any depth."""
    with pytest.raises(ValueError, match="JSON"):
        identity.digest({"x": [value]})


def test_every_part_of_a_trial_enters_its_digest():
    """Another system, other parameters, inputs or seed make another trial."""
    parts = (b"s" * 16, b"p" * 16, b"i" * 16)
    made = {identity.trial_digest(*parts, seed=1), identity.trial_digest(*parts, seed=2)}
    for index in range(3):
        changed = [b"x" * 16 if i == index else part for i, part in enumerate(parts)]
        made.add(identity.trial_digest(*changed, seed=1))
    assert len(made) == 5
    assert all(len(digest) == identity.DIGEST_BYTES for digest in made)


def test_seeds_follow_from_the_study_and_the_replicate_alone():
    """Replicate k has the same seed wherever it stands; seeds fit a signed 64-bit integer and differ."""
    seeds = [identity.replicate_seed(0, k) for k in range(1000)]
    assert seeds == [identity.replicate_seed(0, k) for k in range(1000)]
    assert len(set(seeds)) == 1000
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert identity.replicate_seed(1, 0) != identity.replicate_seed(0, 0)
    assert identity.stream_seed(7, "a") != identity.stream_seed(7, "b")


@pytest.mark.parametrize(
    ("value", "expected"), [(1, True), (1.5, True), (True, False), ("1", False), (math.nan, False)]
)
def test_what_is_a_number(value, expected):
    """Finite ints and floats are numbers; bools, texts and NaN are not."""
    assert identity.is_number(value) is expected
