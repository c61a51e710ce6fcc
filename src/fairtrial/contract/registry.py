"""Name -> plug-in, from entry points or from what is passed in. Nothing is imported until it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from fairtrial.contract.engine import Engine
from fairtrial.contract.strategy import Strategy
from fairtrial.contract.system import System
from fairtrial.errors import FairtrialError, MissingPart, UnknownName, UserError
from fairtrial.model.study import SystemRef

GROUPS = {
    "system": "fairtrial.systems",
    "shorthand": "fairtrial.shorthands",
    "engine": "fairtrial.engines",
    "strategy": "fairtrial.strategies",
    "resource": "fairtrial.resources",
    "verb": "fairtrial.verbs",
}
"""Kind of plug-in -> entry-point group. A shorthand is a callable (value, folder: Path, options: Mapping) -> System."""


class Registry:
    """Finds plug-ins by name; `extra` (kind -> name -> object) goes first, for tests and the Python face."""

    def __init__(self, extra: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self._extra = extra or {}

    def names(self, kind: str) -> list[str]:
        """List what is known of a kind, without importing it."""
        return sorted({*self._extra.get(kind, {}), *_entries(kind)})

    def load(self, kind: str, name: str) -> Any:
        """Import a plug-in. Raises UnknownName, or MissingPart where it fails to import."""
        if name in self._extra.get(kind, {}):
            return self._extra[kind][name]
        entries = _entries(kind)
        if name not in entries:
            raise UnknownName(kind, name, self.names(kind))
        try:
            return entries[name].load()
        except ImportError as problem:
            raise _missing(kind, entries[name], problem) from problem

    def bind(self, ref: SystemRef, options: Mapping[str, Any] | None = None) -> System:
        """Make the system that a study names. `options` are the study's words about code identity."""
        if ref.shorthand:
            make: Callable[..., System] = self.load("shorthand", ref.shorthand)
            system = make(ref.value, Path(ref.folder or "."), dict(options or {}))
        else:
            loaded = self.load("system", ref.name)
            system = loaded() if isinstance(loaded, type) else loaded
        return _checked(system)

    def engine(self, name: str) -> Engine:
        """Make an engine."""
        loaded = self.load("engine", name)
        engine: Engine = loaded() if isinstance(loaded, type) else loaded
        return engine

    def strategy(self, name: str) -> Strategy:
        """Make a strategy."""
        loaded = self.load("strategy", name)
        strategy: Strategy = loaded() if isinstance(loaded, type) else loaded
        return strategy


@cache
def _entries(kind: str) -> dict[str, EntryPoint]:
    if kind not in GROUPS:
        raise FairtrialError(f"no such kind of plug-in: {kind}")
    return {entry.name: entry for entry in entry_points(group=GROUPS[kind])}


def _missing(kind: str, entry: EntryPoint, problem: ImportError) -> FairtrialError:
    """Say what a plug-in lacks; one that does not find its own parts is broken, and no installation helps."""
    module = (problem.name or "").partition(".")[0]
    if not module or module == entry.module.partition(".")[0]:
        return FairtrialError(f"{kind} {entry.name!r} does not import: {problem}")
    extras = (entry.dist.metadata.get_all("Provides-Extra") or ()) if entry.dist else ()
    wanted = f"'{entry.dist.name}[{entry.name}]'" if entry.dist and entry.name in extras else module
    return MissingPart(f"{kind} {entry.name!r} needs {module}", hint=f"pip install {wanted}")


def _checked(system: Any) -> System:
    missing = [name for name in ("name", "version", "Parameters", "metrics", "run") if not hasattr(system, name)]
    if missing:
        raise UserError(f"{type(system).__name__} is not a system: it lacks {', '.join(missing)}")
    extra = getattr(system.Parameters, "model_config", {}).get("extra")
    if extra != "forbid":
        raise UserError(
            f"system {system.name!r}: its Parameters must forbid extra keys",
            hint="model_config = ConfigDict(extra='forbid')",
        )
    checked: System = system
    return checked
