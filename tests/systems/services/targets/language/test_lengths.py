"""Lengths of prompts and answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from fairtrial.systems.services.targets.language.lengths import Length, draw


def drawn(count: int = 4000, **words: Any) -> np.ndarray:
    """Draw lengths with seed 0."""
    return draw(Length(**words), np.random.default_rng(0), count)


def test_a_constant_is_always_the_same():
    """And a bare number is one."""
    assert set(drawn(constant=7)) == {7}
    assert Length.model_validate(7) == Length(constant=7)


def test_uniform_reaches_both_ends():
    """Each as often as any other."""
    counts = np.bincount(drawn(uniform=(3, 6)))[3:]
    assert len(counts) == 4
    assert counts.min() > 900


def test_lognormal_has_its_median_and_spread():
    """Within three standard errors of each."""
    logs = np.log(drawn(lognormal={"median": 200, "sigma": 0.5}))
    assert abs(np.median(logs) - np.log(200)) < 3 * 1.2533 * 0.5 / np.sqrt(len(logs))
    assert abs(logs.std() - 0.5) < 3 * 0.5 / np.sqrt(2 * len(logs))


def test_long_ones_are_cut_and_none_is_empty():
    """`max` bounds every distribution; 1 is the least."""
    lengths = drawn(lognormal={"median": 2, "sigma": 2}, max=50)
    assert (lengths.min(), lengths.max()) == (1, 50)
    assert set(drawn(constant=9, max=4)) == {4}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({}, "one of constant, uniform, lognormal .not none."),
        ({"constant": 1, "uniform": [1, 2]}, "not constant and uniform"),
        ({"uniform": [5, 2]}, "least, most"),
        ({"uniform": [0, 2]}, "at least 1"),
        ({"constant": 0}, "greater than or equal to 1"),
        ({"constants": 3}, "Extra inputs"),
    ],
)
def test_what_is_no_distribution_is_refused(words: dict[str, Any], said: str):
    """With what is wrong."""
    with pytest.raises(ValidationError, match=said):
        Length.model_validate(words)


def test_json_gives_the_same_distribution():
    """Generator processes read the parameters from JSON."""
    length = Length(lognormal={"median": 20, "sigma": 0.1}, max=30)
    assert Length.model_validate(length.model_dump(mode="json")) == length
