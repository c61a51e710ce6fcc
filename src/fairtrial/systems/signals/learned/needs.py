"""What a learned signal needs of libraries, said before it works."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from fairtrial.errors import MissingPart

PACKAGES = {"sklearn": "scikit-learn", "xgboost": "xgboost-cpu"}
"""Module -> what installs it, where the names differ."""


def need(modules: Iterable[str], name: str) -> None:
    """Raise MissingPart, with the command that brings it, where a module is not installed."""
    for module in modules:
        if find_spec(module) is None:
            package = PACKAGES.get(module, module)
            raise MissingPart(f"signal {name!r} needs {package}", hint="pip install 'fairtrial[signals]'")
