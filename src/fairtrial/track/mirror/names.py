"""Names and values within MLflow's limits: characters, lengths, and no two that fall together."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Any

from fairtrial.model.identity import digest_bytes
from fairtrial.model.secret import Secret, is_reference

KEY_CHARACTERS = 250
PARAM_CHARACTERS = 6000
TAG_CHARACTERS = 5000
"""Of what a tag holds: 8,000 today, 5,000 for servers before MLflow 2.13 (https://mlflow.org/docs/latest/rest-api.html)."""

_OTHER = re.compile(r"[^\w./: -]")


def key(name: str) -> str:
    """Return a name as MLflow takes it: letters, digits, `_ - . / :` and blanks, no path that leads elsewhere."""
    made = _OTHER.sub("_", name) or "_"
    if posixpath.normpath(made) != made or made.startswith(("/", ".")):
        made = made.replace("/", "_").lstrip(".") or "_"
    if len(made) > KEY_CHARACTERS:
        made = f"{made[: KEY_CHARACTERS - 9]}_{digest_bytes(name.encode()).hex()[:8]}"
    return made


def distinct(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Put pairs under names that MLflow takes; of two that fall together the second one gets a number."""
    made: dict[str, Any] = {}
    for name, value in pairs:
        chosen, count = key(name), 1
        while chosen in made:
            count += 1
            chosen = f"{key(name)[: KEY_CHARACTERS - 8]}_{count}"
        made[chosen] = value
    return made


def text(value: Any, limit: int) -> str:
    """Write a value: a text as it is, anything else as JSON; what is too long is cut, and says how long it was."""
    said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    if len(said) <= limit:
        return said
    rest = f"… ({len(said)} characters)"
    return said[: limit - len(rest)] + rest


def leaves(tree: Any, prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Yield (dotted path, value) for every leaf of resolved parameters; a secret is one, by its name alone."""
    if is_reference(tree):
        yield prefix[:-1], repr(Secret(tree))
    elif isinstance(tree, Mapping) and tree:
        for name, item in tree.items():
            yield from leaves(item, f"{prefix}{name}.")
    elif isinstance(tree, list) and tree and any(isinstance(item, Mapping | list) for item in tree):
        for index, item in enumerate(tree):
            yield from leaves(item, f"{prefix}{index}.")
    else:
        yield prefix[:-1], tree
