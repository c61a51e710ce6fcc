"""Variants of the grid: axes are expanded, words are ours, and what has no counterpart is refused."""

from __future__ import annotations

import pytest

from fairtrial.errors import SpecError
from fairtrial.systems.signals.convert.grid import AXES, SOURCE, WHOLE, levels
from fairtrial.systems.signals.convert.harness import GridVariant, read
from fairtrial.systems.signals.words import Grid


@pytest.fixture
def made(given, least):
    """(section) -> the variants."""

    def of(section: str):
        document = given(f"{least}grid_variant: {section}")
        return levels(document, read(document).grid_variant)

    return of


def test_every_key_has_its_place() -> None:
    """An axis, a list that is one value, where the recording came from, or weights of means; and our words exist."""
    assert {*AXES, *WHOLE, *SOURCE, "spectrum_rollup_weights"} == set(GridVariant.model_fields)
    assert {*AXES.values(), *WHOLE.values()} <= set(Grid.model_fields)


def test_axes_are_expanded(made, given, least) -> None:
    """Every combination of the lists; a scalar is the same in all, and so is a list that is a value."""
    found = made("{c2: [0.5, 1], tau_velocity: [1, 2, 4], bucket_size_dollars: 0.5, spectrum_windows: [5, 10]}")
    assert len(found) == 6
    assert {settings["bucket_size"] for settings in found} == {0.5}
    assert found[0] == {"bucket_size": 0.5, "c2": 0.5, "tau_velocity_s": 1, "spectrum_windows": [5, 10]}
    assert made("{}") == [{}]
    document = given(least)
    assert levels(document, read(document).grid_variant) == ()


def test_the_defaults_are_those_of_the_harness() -> None:
    """What a variant does not say is the same there and here."""
    grid = Grid()
    assert [getattr(grid, f"c{number}") for number in range(1, 8)] == [1, 0.5, 0.3, 1, 1.5, 0.5, 0.3]
    assert (grid.cell_width_ms, grid.spectrum_windows, grid.tanh_scale) == (100, (5, 10, 20, 40), 3)
    assert (grid.tau_velocity_s, grid.tau_acceleration_s, grid.tau_jerk_s, grid.tau_mass_s) == (2, 5, 10, 30)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("{spectrum_rollup_weights: [1, 2]}", "grid_variant.spectrum_rollup_weights: [1.0, 2.0]: here the means"),
        ("{spectrum_windows: [200000]}", "grid_variant.spectrum_windows: Input should be less than or equal to 100000"),
        ("{cell_width_ms: [100, 4000000]}", "grid_variant.cell_width_ms: Input should be less than or equal to"),
    ],
)
def test_what_has_no_counterpart_is_refused(made, section, said) -> None:
    """One line with its place."""
    with pytest.raises(SpecError) as problem:
        made(section)
    assert said in str(problem.value)
    assert made("{spectrum_rollup_weights: [1, 1]}") == [{}]
