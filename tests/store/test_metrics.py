"""Metrics survive storage to the last bit; undefined stays undefined."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from fairtrial.store.metrics import Codec, decode_names, encode_names

NUMBERS = st.none() | st.floats(allow_nan=False) | st.integers(-(2**53), 2**53) | st.booleans()


@given(st.dictionaries(st.text(), NUMBERS, max_size=12))
def test_round_trip(metrics):
    """Every finite or infinite number, and None, comes back as it was, under its name and in its order."""
    codec = Codec(tuple(metrics))
    back = decode_names(encode_names(codec.names)).unpack(codec.pack(metrics))
    assert list(back) == list(metrics)
    assert back == metrics
    assert [json.dumps(value) for value in back.values() if value is not None] == [
        json.dumps(float(value)) for value in metrics.values() if value is not None
    ]


def test_nothing_stored_is_nothing_measured():
    """An attempt without metrics has an empty mapping, not undefined ones."""
    assert Codec(("a", "b")).unpack(None) == {}


def test_nan_reads_as_undefined():
    """A NaN that reached the store is undefined, never a number."""
    codec = Codec(("a",))
    assert codec.unpack(codec.pack({"a": float("nan")})) == {"a": None}
