"""Sizes, durations and shares as people write them."""

from __future__ import annotations

import re

import pytest

from fairtrial.spec import quantity


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1GiB", 2**30), ("512MB", 512 * 10**6), ("1.5KiB", 1536), ("2 TB", 2 * 10**12), (4096, 4096), ("7B", 7)],
)
def test_sizes(text, expected):
    """Binary and decimal units differ; a number is bytes."""
    assert quantity.size_bytes(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2m", 120), ("90s", 90), ("1h30m", 5400), ("1d", 86400), ("250ms", 0.25), (1.5, 1.5), ("1h0.5s", 3600.5)],
)
def test_durations(text, expected):
    """Units add up from large to small; a number is seconds."""
    assert quantity.duration_s(text) == expected


@pytest.mark.parametrize("value", ["", "1", "1 GiBs", "m", "-1MB", "0B", 0, -5, True, None, 1.5, "2 minutes", [1]])
def test_what_is_no_size_is_refused(value):
    """Anything else is refused with the forms that are understood."""
    with pytest.raises(ValueError, match="1GiB, 512MB"):
        quantity.size_bytes(value)


@pytest.mark.parametrize("value", ["", "10", "30m1h", "2 m", "m", 0, -1, True, None, "0s", "1h\n"])
def test_what_is_no_duration_is_refused(value):
    """Anything else is refused with the forms that are understood."""
    with pytest.raises(ValueError, match="2m, 90s, 1h30m"):
        quantity.duration_s(value)


def test_counts_and_shares():
    """A count is whole and from 1; a share lies above 0 and up to 100 %."""
    assert quantity.count_or_share(5) == 5
    assert quantity.share(str(quantity.count_or_share("10%"))) == 0.1
    for value in (0, -1, 1.5, True, "5", "0%", "101%", "%"):
        with pytest.raises(ValueError, match="10%"):
            quantity.count_or_share(value)


def test_the_published_patterns_are_the_ones_that_are_read():
    """What JSON Schema accepts as a text is what the reader accepts."""
    for text in ("1GiB", "512MB", "1 kB", "3", "1gb", "GiB"):
        assert bool(re.search(quantity.SIZE, text)) == _accepts(quantity.size_bytes, text)
    for text in ("1h30m", "90s", "", "5", "30m1h", "1d"):
        assert bool(re.search(quantity.DURATION, text)) == _accepts(quantity.duration_s, text)


def _accepts(read, text):
    try:
        read(text)
    except ValueError:
        return False
    return True
