"""Changes in series: the energy statistic against its definition, found and not found changes."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.stats.history import LEAST, energies, splits, strongest
from fairtrial.stats.resample import generator


def energy(before: np.ndarray, after: np.ndarray) -> float:
    """Write the scaled energy distance out as its definition has it."""
    n, m = len(before), len(after)
    across = np.mean([abs(x - y) for x in before for y in after])
    within = [
        sum(abs(part[i] - part[j]) for i in range(len(part)) for j in range(i)) / (len(part) * (len(part) - 1) / 2)
        for part in (before, after)
    ]
    return n * m / (n + m) * (2 * across - sum(within))


def test_energy_is_that_of_the_definition() -> None:
    """Every admissible split of a series has the distance that its two parts have."""
    values = generator(0, "energy").normal(0.0, 1.0, 11)
    expected = [energy(values[:k], values[k:]) for k in range(LEAST, 11 - LEAST + 1)]
    assert energies(values[None, :])[0] == pytest.approx(expected)


def test_changes_are_found_where_they_are() -> None:
    """Two steps in a long series are found at their places, in order."""
    values = generator(0, "steps").normal(0.0, 0.1, 60)
    values[20:40] += 2.0
    found = splits(values.tolist(), alpha=0.001, repeats=999, rng=generator(0, "found"))
    assert [split.place for split in found] == [20, 40]
    assert all(split.p <= 0.001 for split in found)


def test_noise_has_no_change() -> None:
    """A series without a change is not split."""
    for name in ("a", "b", "c"):
        values = generator(0, name).normal(0.0, 1.0, 30).tolist()
        assert splits(values, alpha=0.001, repeats=999, rng=generator(1, name)) == []


def test_units_move_neither_place_nor_p() -> None:
    """A change of units and of zero leaves the answer."""
    values = generator(0, "units").normal(0.0, 1.0, 24)
    values[12:] += 2
    one, other = (strongest(column, repeats=199, rng=generator(0, "u")) for column in (values, 1000 * values + 7))
    assert one == other


@pytest.mark.parametrize("values", [[1.0] * 20, [1.0, 2.0, 3.0, 4.0, 5.0]])
def test_too_short_or_constant_series_say_nothing(values: list[float]) -> None:
    """No statistic exists for them."""
    assert strongest(values, repeats=99, rng=generator(0)) is None
