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
        self._numpy: tuple[Any, Any] | None = None
        self._hook = _SeedOnImport(seed)
        random.seed(seed)
        generators = sys.modules.get("numpy.random")
        if generators is None:
            sys.meta_path.insert(0, self._hook)
            return
        if keep:
            self._numpy = (generators, generators.get_state())
        generators.seed(seed % NUMPY_SEEDS)

    def end(self) -> None:
        """Put the generators' states back."""
        if self._hook in sys.meta_path:
            sys.meta_path.remove(self._hook)
        if self._state is not None:
            random.setstate(self._state)
        if self._numpy is not None:
            self._numpy[0].set_state(self._numpy[1])


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
