"""Parameters of virtual services: what is refused, and what is taken for granted."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from fairtrial.systems.services.targets.simulated import Simulated


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"stall": {"every_s": 1, "for_s": 1}}, "never ends"),
        ({"service": {"mean_s": 0}}, "greater than 0"),
        ({"service": {"kind": "pareto"}}, "exponential"),
        ({"servers": 0}, "greater than or equal to 1"),
        ({"queue": -1}, "greater than or equal to 0"),
        ({"errors": {"rate": 1.2}}, "less than or equal to 1"),
        ({"slowdown": float("nan")}, "finite"),
        ({"generator": {"cpu": 0}}, "greater than 0"),
        ({"sevice": {}}, "Extra inputs"),
    ],
)
def test_bad_shapes_are_refused(given, said):
    """A service that cannot be is refused, with the reason."""
    with pytest.raises(ValidationError, match=said):
        Simulated(**given)


def test_every_parameter_is_described():
    """The schema of a simulated service says of every parameter what it is."""
    schema = Simulated.model_json_schema()
    models = [schema, *schema["$defs"].values()]
    lacking = [name for model in models for name, field in model["properties"].items() if "description" not in field]
    assert not lacking
