"""The trial's seed into the global generators of `random` and NumPy: of those that are loaded, and of those that come.

Nothing is imported for it. `random` alone would make every fork slower, by what it does in each child.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, cast

NUMPY_SEEDS = 2**32

GENERATORS: dict[str, tuple[str, str, Callable[[int], int]]] = {
    "random": ("getstate", "setstate", lambda seed: seed),
    "numpy.random": ("get_state", "set_state", lambda seed: seed % NUMPY_SEEDS),
}
"""Module with a global generator -> the names of what gives and takes its state, and how it takes a seed."""


class Seeds:
    """Seeds global generators: those that are loaded at once, the others by a hook when they are imported."""

    def __init__(self) -> None:
        self._hook = _SeedOnImport()
        self._states: list[tuple[Any, Any]] = []

    def keep(self) -> None:
        """Note the generators' states, for `restore`: an engine that runs in the user's process gives them back."""
        loaded = [(sys.modules[name], names) for name, names in GENERATORS.items() if name in sys.modules]
        self._states = [(getattr(module, put), getattr(module, get)()) for module, (get, put, _) in loaded]

    def plant(self, seed: int) -> None:
        """Seed. The parent of trials does so before it forks: its child has NumPy's state then, and touches nothing."""
        self._hook.seed = seed
        if self._hook not in sys.meta_path:
            sys.meta_path.insert(0, self._hook)
        if "random" in sys.modules:
            sys.modules["random"].seed(seed)
        if "numpy.random" in sys.modules:
            sys.modules["numpy.random"].seed(seed % NUMPY_SEEDS)

    def restore(self) -> None:
        """Take the hook away and give back the states that were kept."""
        if self._hook in sys.meta_path:
            sys.meta_path.remove(self._hook)
        for put, state in self._states:
            put(state)


def replant(seed: int) -> None:
    """Seed `random` again in a forked child: on a fork it seeds itself from the system."""
    if "random" in sys.modules:
        sys.modules["random"].seed(seed)


class _SeedOnImport:
    """An import hook that seeds a generator when, and only when, somebody imports it."""

    def __init__(self) -> None:
        self.seed = 0

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        """Find the module as the import system would, with a loader that seeds it."""
        if name not in GENERATORS:
            return None
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = cast("Any", _SeedingLoader(spec.loader, GENERATORS[name][2](self.seed)))
        return spec


class _SeedingLoader:
    """Loads as the module's own loader does, then seeds."""

    def __init__(self, loader: Any, seed: int) -> None:
        self._loader, self._seed = loader, seed

    def create_module(self, spec: Any) -> Any:
        """Leave it to the loader."""
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        """Run the module, give its own loader back, seed."""
        module.__loader__ = module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        module.seed(self._seed)
