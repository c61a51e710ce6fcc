"""Axes of a signal: names of the older harness, levels that the signal takes, and none that changes nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Literal

import pytest
from pydantic import BaseModel, model_validator

from fairtrial.errors import SpecError
from fairtrial.systems.signals.catalogue import FORMULAS, LEARNED, signal
from fairtrial.systems.signals.convert import axes
from fairtrial.systems.signals.convert.axes import space
from fairtrial.systems.signals.convert.harness import read
from fairtrial.systems.signals.convert.names import NAMES, VALUES, translated, value


@pytest.fixture
def found(given, least):
    """(sweep, signal) -> what is varied of the signal."""

    def of(sweep: str, name: str = "perm_derivative"):
        document = given(f"{least}sweep: {sweep}")
        return space(document, name, read(document).sweep)

    return of


def test_own_axes_replace_universal_ones(found) -> None:
    """Of the same name, under whichever of its names; the cooldown is no parameter of a signal."""
    sweep = "{universal: {cooldown_bins: [20], zscore_window: [50]}, per_signal: {ads: {zscore_window: [100, 200]}}}"
    (axis,) = found(sweep, "ads").axes
    assert (axis.name, axis.levels, axis.path) == ("zscore_window", (100, 200), "sweep.per_signal.ads.zscore_window")
    sweep = "{universal: {min_periods: [50]}, per_signal: {perm_derivative: {zscore_min_periods: [60]}}}"
    assert [axis.levels for axis in found(sweep).axes] == [(60,)]


def test_names_of_the_older_harness_are_translated(found) -> None:
    """Each to a parameter that there is here, and none that is called the same."""
    for name, known in NAMES.items():
        fields = signal(name).Parameters.model_fields
        assert set(known.values()) <= set(fields), name
        assert not set(known) & set(fields), name
    made = found("{per_signal: {perm_derivative: {zscore_min_periods: [50, 75]}}}")
    assert [axis.name for axis in made.axes] == ["min_periods"]
    assert (translated("ads", "zscore_window"), translated("ads", "blend_weights")) == ("zscore_window", "blend")
    for (name, parameter), words in VALUES.items():
        for word in words.values():
            assert signal(name).Parameters.model_validate({parameter: word})
    assert (value("msd", "variant", "sum"), value("msd", "variant", "weighted")) == ("plain", "weighted")


@pytest.mark.parametrize("name", [*FORMULAS, *LEARNED])
def test_without_axes_there_is_one_combination(found, name) -> None:
    """The signal as it is."""
    made = found("{}", name)
    assert (made.axes, made.combinations, made.accepted, made.distinct) == ((), 1, 1, 1)


def test_combinations_that_a_signal_refuses_are_told(found) -> None:
    """By as few axes as say it; the others stay."""
    made = found(
        "{per_signal: {perm_derivative: {zscore_window_bins: [50, 300], min_periods: [40, 75], tanh_scale: [2, 3]}}}"
    )
    assert (made.combinations, made.accepted, made.distinct) == (8, 6, 6)
    assert made.refused == ({"min_periods": 75, "zscore_window_bins": 50},)
    weights = found("{per_signal: {perm_derivative: {d1_weight: [0, 1], d2_weight: [0, 1], d3_weight: [0, 1]}}}")
    assert weights.refused == ({"d1_weight": 0, "d2_weight": 0, "d3_weight": 0},)
    assert (weights.accepted, weights.distinct) == (7, 7)


def test_the_first_levels_let_every_axis_matter(found) -> None:
    """Without the blend a weight of classes does nothing: the level with it comes first, repetitions are counted."""
    made = found("{per_signal: {perm_derivative: {blend: [false, true], mixed_weight: [0.1, 0.2, 0.3]}}}")
    assert {axis.name: axis.levels for axis in made.axes} == {"blend": (True, False), "mixed_weight": (0.1, 0.2, 0.3)}
    assert (made.combinations, made.accepted, made.distinct) == (6, 6, 4)


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ("{per_signal: {perm_derivative: {tanh_scal: [2]}}}", "perm_derivative has no parameter 'tanh_scal' (did you"),
        (
            "{per_signal: {perm_derivative: {cooldown_bins: [2]}}}",
            "did nothing with it (sweep.universal.cooldown_bins)",
        ),
        (
            "{universal: {spike_floor: [1, 2]}}",
            "sweep.universal.spike_floor: the signal perm_derivative has no parameter",
        ),
        ("{universal: {mixed_weight: [0.1, 0.2]}}", "levels 0.1 and 0.2 are one to the signal perm_derivative (remove"),
        (
            "{universal: {cell_width_ms: [100, 200]}}",
            "are one to the signal perm_derivative: it is the length of the data",
        ),
        ("{universal: {tanh_scale: [2, 2.0]}}", "levels 2 and 2.0 are one to the signal"),
        ("{universal: {d1_weight: [1, 2]}}", "levels 1 and 2 are one to the signal"),
        ("{universal: {tanh_scale: [3, 0]}}", "sweep.universal.tanh_scale: level 0: Input should be greater than 0"),
        ("{universal: {tanh_scale: ['3']}}", "level '3': Input should be a valid number"),
        ("{universal: {min_periods: [400]}}", "level 400: min_periods 400 is more than the window"),
        (
            "{universal: {min_periods: [50], zscore_min_periods: [60]}}",
            "are one parameter of perm_derivative (remove one)",
        ),
        (f"{{universal: {{tanh_scale: {[*range(1, 400)]}, zscore_window_bins: {[*range(100, 400)]}}}}}", "100,000"),
    ],
)
def test_axes_that_mean_nothing_are_refused(found, sweep, said) -> None:
    """A name that the signal does not have, a level that it refuses, levels that are one to it, too many."""
    with pytest.raises(SpecError) as problem:
        found(sweep)
    assert said in str(problem.value)
    assert str(problem.value).startswith("old.yaml:4: sweep")


def test_a_list_is_a_level_only_within_a_list(found) -> None:
    """Where a parameter is a list itself, its levels are lists."""
    (axis,) = found("{per_signal: {ads: {slope_windows: [[10, 25, 50], [5, 15, 30]]}}}", "ads").axes
    assert axis.levels == ([10, 25, 50], [5, 15, 30])
    with pytest.raises(SpecError, match=r"level 10: .*such a level is itself a list"):
        found("{per_signal: {ads: {slope_windows: [10, 25, 50]}}}", "ads")


class Forked(BaseModel):
    """A parameter that only one branch reads, and one that only the other does."""

    branch: Literal["a", "b"] = "a"
    of_a: float = 1.0
    of_b: float = 1.0

    @model_validator(mode="after")
    def _read(self) -> Forked:
        idle = "of_b" if self.branch == "a" else "of_a"
        object.__setattr__(self, idle, 1.0)
        return self


def test_axes_that_never_matter_together(found, monkeypatch) -> None:
    """Each changes something somewhere, but nowhere do all: it takes two files."""
    monkeypatch.setattr(axes, "signal", lambda name: SimpleNamespace(Parameters=Forked))
    assert found("{universal: {branch: [a, b], of_a: [1, 2]}}").distinct == 3
    with pytest.raises(SpecError, match=r"no combination in which every axis .* changes something \(write two files\)"):
        found("{universal: {branch: [a, b], of_a: [1, 2], of_b: [1, 2]}}")
