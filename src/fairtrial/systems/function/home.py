"""The import path and modules of one study's folder, kept apart from those of other studies in the same process."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_NEVER_ASIDE = {"__main__", "fairtrial"}


class Home:
    """Enter it to import and to call: `folder` comes first on the import path, and its modules are this study's own.

    Two studies of one process may both have a `model.py`; each keeps its own. In a worker, where the module was
    imported at the start and nothing else is run, entering costs nothing.
    """

    def __init__(self, folder: str, module: str, file: str = "") -> None:
        self._folder, self._module, self._file = folder, module, file
        self._modules: dict[str, ModuleType] = {}
        self._tops: set[str] = set()
        self._namespaces: set[str] = set()

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Stand in the study's folder; what was there before comes back at the end."""
        if self._present():
            yield
            return
        self._look()
        aside = self._take()
        sys.modules.update(self._modules)
        sys.path.insert(0, self._folder)
        writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # an edit within a second would go unseen
        try:
            yield
        finally:
            sys.dont_write_bytecode = writes
            if self._folder in sys.path:
                sys.path.remove(self._folder)
            self._modules = self._take()
            sys.modules.update(aside)

    def load(self) -> ModuleType:
        """Import the module; call it inside `entered`. Raises what the import raises."""
        return importlib.import_module(self._module)

    def _present(self) -> bool:
        loaded = sys.modules.get(self._module)
        file = getattr(loaded, "__file__", None)
        if loaded is None or self._folder not in sys.path:
            return False
        return self._file in ("", file) or bool(file and os.path.realpath(file) == self._file)

    def _look(self) -> None:
        if self._modules:
            return
        importlib.invalidate_caches()
        for entry in os.scandir(self._folder):
            if entry.name.endswith(".py"):
                self._tops.add(entry.name[:-3])
            elif entry.is_dir() and os.path.exists(f"{entry.path}/__init__.py"):  # noqa: PTH110
                self._tops.add(entry.name)
            elif entry.is_dir() and entry.name.isidentifier():
                self._namespaces.add(entry.name)

    def _take(self) -> dict[str, ModuleType]:
        return {name: sys.modules.pop(name) for name in list(sys.modules) if self._owns(name)}

    def _owns(self, name: str) -> bool:
        top = name.partition(".")[0]
        if top in _NEVER_ASIDE or top in sys.stdlib_module_names:
            return False
        return top in self._tops or (top in self._namespaces and self._is_namespace(top))

    def _is_namespace(self, top: str) -> bool:
        return top in sys.modules and getattr(sys.modules[top], "__file__", None) is None
