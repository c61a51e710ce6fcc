"""The study that a book recorded, read for judging: its plug-ins need not be installed any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fairtrial.contract.registry import Registry
from fairtrial.model.study import Study
from fairtrial.spec import reader, settings
from fairtrial.spec.source import Source


def read_recorded(document: Mapping[str, Any], *, name: str, system: str, registry: Registry) -> Study:
    """Read a recorded document: names of systems, engines and strategies are taken as they stand.

    `name` and `system` fill in for an imported run, which recorded neither. Raises SpecError for a damaged document.
    """
    words = {"study": name, "system": system, **document}
    source = Source(document=words, folder=Path.cwd(), file="the book")
    checked = settings.check(source)
    known = _Known(registry, words)
    study = reader.study_of(source, checked, known)
    metrics = settings.metrics(checked, source, {})
    return reader.judged(source, checked, replace(study, metrics=metrics), {})


class _Known(Registry):
    """A registry in which whatever the document names exists."""

    def __init__(self, registry: Registry, words: Mapping[str, Any]) -> None:
        super().__init__()
        self._registry, self._words = registry, words

    def names(self, kind: str) -> list[str]:
        """List what is known of a kind, and what the document says."""
        return sorted({*self._registry.names(kind), *self._said(kind)})

    def _said(self, kind: str) -> list[str]:
        system, design = self._words["system"], self._words.get("design", "grid")
        said = {
            "system": [system] if isinstance(system, str) else [],
            "shorthand": [] if isinstance(system, str) or _known(system, self._registry) else list(system)[:1],
            "strategy": [design if isinstance(design, str) else str(design.get("kind"))],
            "engine": [str((self._words.get("parallel") or {}).get("engine", "local"))],
        }
        return said[kind]


def _known(system: Mapping[str, Any], registry: Registry) -> bool:
    return any(key in registry.names("shorthand") for key in system)
