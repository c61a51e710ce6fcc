"""The trial's seed into the global generators of `random` and NumPy; NumPy's also where it is imported later."""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any, cast

NUMPY_SEEDS = 2**32


class Seeded:
    """Seeds the global generators; `end` gives back what was there, for engines that run in the user's process."""

    def __init__(self, seed: int, *, keep: bool = False) -> None:
        self._state = random.getstate() if keep else None
        self._numpy = SeededNumpy(seed, keep=keep)
        random.seed(seed)

    def end(self) -> None:
        """Put the generators' states back."""
        self._numpy.end()
        if self._state is not None:
            random.setstate(self._state)


class SeededNumpy:
    """Seeds NumPy's global generator where it is loaded, else when it is imported before `end`."""

    def __init__(self, seed: int, *, keep: bool = False) -> None:
        self._module = sys.modules.get("numpy.random")
        self._state = self._module.get_state() if self._module is not None and keep else None
        self._hook = None if seed_numpy(seed) else _SeedOnImport(seed)
        if self._hook is not None:
            sys.meta_path.insert(0, self._hook)

    def end(self) -> None:
        """Wait for its import no longer; put its state back."""
        if self._hook in sys.meta_path:
            sys.meta_path.remove(self._hook)
        if self._module is not None and self._state is not None:
            self._module.set_state(self._state)


def seed_numpy(seed: int) -> bool:
    """Seed NumPy's global generator if it is loaded; return whether it is.

    The parent of trials does so before it forks: its child has the state then, and touches no page for it.
    """
    module = sys.modules.get("numpy.random")
    if module is None:
        return False
    module.seed(seed % NUMPY_SEEDS)
    return True


class _SeedOnImport:
    """An import hook that seeds numpy.random when, and only when, somebody imports it."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        """Find numpy.random as the import system would, with a loader that seeds it."""
        if name != "numpy.random":
            return None
        from importlib.machinery import PathFinder

        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = cast("Any", _SeedingLoader(spec.loader, self._seed))
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
        module.seed(self._seed % NUMPY_SEEDS)
