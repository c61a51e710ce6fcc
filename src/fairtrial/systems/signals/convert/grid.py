"""Variants of the grid: the older harness's axes, expanded to settings of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from pydantic import ValidationError

from fairtrial.model.foreign import Foreign
from fairtrial.systems.signals.convert.harness import GridVariant
from fairtrial.systems.signals.words import Grid

AXES: Mapping[str, str] = {
    "cell_width_ms": "cell_width_ms",
    "c1_v_add": "c1",
    "c2_v_rest_pos": "c2",
    "c3_a_add": "c3",
    "c4_v_pull": "c4",
    "c5_v_fill": "c5",
    "c6_v_rest_neg": "c6",
    "c7_a_pull": "c7",
    "bucket_size_dollars": "bucket_size",
    "spectrum_tanh_scale": "tanh_scale",
    "tau_velocity": "tau_velocity_s",
    "tau_acceleration": "tau_acceleration_s",
    "tau_jerk": "tau_jerk_s",
    "tau_rest_decay": "tau_mass_s",
}
"""Key whose list is an axis -> the word here."""
WHOLE: Mapping[str, str] = {"spectrum_windows": "spectrum_windows", "spectrum_derivative_weights": "spectrum_weights"}
"""Key whose list is one value -> the word here."""
SOURCE = ("product_type", "symbol", "dt", "start_time")
"""Keys that said which recording the variants were made of."""


def levels(given: Foreign, variant: GridVariant | None) -> Sequence[Mapping[str, Any]]:
    """Return the settings of every variant, in the order of the sorted axes; none without the section.

    Raises SpecError for weights that have no counterpart, and for settings that do not go together.
    """
    if variant is None:
        return ()
    rollup = variant.spectrum_rollup_weights
    if rollup is not None and len(set(rollup)) > 1:
        message = f"{rollup}: here the means over all windows count the same"
        raise given.wrong("grid_variant.spectrum_rollup_weights", message, "leave it out")
    axes = {key: values for key in sorted(AXES) if (values := getattr(variant, key)) is not None}
    fixed = {word: list(value) for key, word in WHOLE.items() if (value := getattr(variant, key)) is not None}
    made = [
        {**{AXES[key]: value for key, value in zip(axes, row, strict=True)}, **fixed} for row in product(*axes.values())
    ]
    for settings in made:
        _check(given, settings)
    return made


def _check(given: Foreign, settings: Mapping[str, Any]) -> None:
    try:
        Grid.model_validate(settings)
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        word = str(first["loc"][0]) if first["loc"] else ""
        key = next((key for key, name in {**AXES, **WHOLE}.items() if name == word), "")
        said = str(first["msg"]).removeprefix("Value error, ")
        raise given.wrong(f"grid_variant.{key}".rstrip("."), said) from None
