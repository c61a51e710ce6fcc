"""System -> target: what a worker loads in its place."""

from __future__ import annotations

import sys
from typing import Any

from fairtrial.contract.system import Ships, System, Target

PLUGIN = "fairtrial.execute.trial.worker:Plugin"


def target_of(system: System) -> Target:
    """Say what workers load for a system: its own target, else its class by name.

    A system that no import can make again (a local class, one with constructor arguments or changed attributes) gets a
    target with an empty entry: engine `inline` uses the object itself, others refuse it.
    """
    if isinstance(system, Ships):
        return system.target()
    made = type(system)
    if not _importable(made) or not _plain(made, system):
        return Target(entry="")
    return Target(PLUGIN, {"entry": f"{made.__module__}:{made.__qualname__}"}, warm=(made.__module__,))


def _importable(made: type[Any]) -> bool:
    if made.__module__ == "__main__" or "<locals>" in made.__qualname__:
        return False
    found: Any = sys.modules.get(made.__module__)
    for part in made.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is made


def _plain(made: type[Any], system: System) -> bool:
    try:
        return bool(vars(made()) == vars(system))
    except Exception:  # noqa: BLE001 a constructor that wants arguments, or anything else: it cannot be made again
        return False
