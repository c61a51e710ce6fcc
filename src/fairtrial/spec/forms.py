"""JSON Schema of factors and variants, for editors."""

from __future__ import annotations

from typing import Any

_NUMBER = {"type": "number"}
_PAIR = {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2}
_TRIPLE = {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 3}
_LEVELS = {"type": "array", "minItems": 1}


def _key(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {**schema, "description": description}


_POINTS = {"type": "integer", "minimum": 2, "description": "How many points, end points included."}
_WHEN = {"type": "string", "description": "The factor exists only where this rule over other factors holds."}
_BEFORE = {"description": "What held before the factor existed: trials at this value keep their identity."}

_SPACED = {
    "linspace": _key(_PAIR, "Evenly spaced points between two end points: [first, last]."),
    "logspace": _key(_PAIR, "Points at equal ratios between two end points (not exponents): [first, last]."),
    "geomspace": _key(_PAIR, "Points at equal ratios between two end points: [first, last]."),
}
_LISTED = {
    "levels": _key(_LEVELS, "The values themselves."),
    "range": _key(_TRIPLE, "[start, stop, step]; the stop is included where it is met."),
}
_DRAWN = {
    "interval": _key(_PAIR, "A continuous range for random, sobol and lhs designs: [low, high]."),
    "log_interval": _key(_PAIR, "A continuous range on a logarithmic scale: [low, high]."),
    "integers": _key({**_PAIR, "items": {"type": "integer"}}, "Whole numbers from low to high, both included."),
}


def _form(name: str, schema: dict[str, Any], *, conditional: bool = True) -> dict[str, Any]:
    points = {"n": _POINTS} if name in _SPACED else {}
    conditions = {"when": _WHEN, "before": _BEFORE} if conditional else {}
    if name == "zip":
        conditions.pop("before", None)
    return {
        "type": "object",
        "properties": {name: schema, **points, **conditions},
        "required": [name, *points],
        "additionalProperties": False,
    }


_PLAIN = {**_SPACED, **_LISTED}
_ZIPPED: dict[str, Any] = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {
        "anyOf": [_LEVELS, *(_form(name, schema, conditional=False) for name, schema in _PLAIN.items())]
    },
    "description": "Several paths that move together: path -> levels, all of one length.",
}
_FACTOR: dict[str, Any] = {
    "anyOf": [_LEVELS, *(_form(name, schema) for name, schema in {**_PLAIN, **_DRAWN, "zip": _ZIPPED}.items())]
}

FACTORS: dict[str, Any] = {"type": "object", "additionalProperties": _FACTOR}
VARIANTS: dict[str, Any] = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {
        "anyOf": [
            {"type": "null"},
            {
                "type": "object",
                "properties": {
                    "set": {"type": "object", "description": "Settings of this arm: dotted path -> value."},
                    "factors": {**FACTORS, "description": "Axes of this arm alone."},
                    "baseline": {"type": "boolean", "description": "The arm that others are compared with."},
                },
                "additionalProperties": False,
            },
        ]
    },
}
