"""The studies that systems bring: `fairtrial studies`, and `fairtrial run SYSTEM/NAME`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairtrial.contract.registry import Registry
from fairtrial.contract.system import Presets
from fairtrial.errors import FairtrialError, UnknownName

SUFFIX = ".yaml"


@dataclass(frozen=True, slots=True)
class Preset:
    """A study that a system brings."""

    name: str
    """SYSTEM/NAME"""
    file: Path
    question: str
    factors: Mapping[str, Any]
    """Path -> levels, as written; those of a variant alone stand below its name: `tuned: lr`."""
    replicates: Any
    """A number, or a mapping where they are adaptive; as written."""


@dataclass(frozen=True, slots=True)
class Found:
    """The presets of the systems that are installed, and why some systems could not be asked."""

    presets: tuple[Preset, ...]
    missing: tuple[str, ...] = field(default=())


def presets(registry: Registry) -> Found:
    """List the presets of all systems, by name; a system that cannot be loaded is named, and passed over."""
    found: list[Preset] = []
    missing: list[str] = []
    for system in registry.names("system"):
        try:
            found += [_read(name, file) for name, file in _files(system, registry)]
        except FairtrialError as problem:
            missing.append(str(problem))
    return Found(tuple(found), tuple(missing))


def text(name: str, registry: Registry) -> tuple[Path, str]:
    """Return a preset's file and what stands in it. Raises UnknownName, MissingPart."""
    file = _find(name, registry)
    return file, file.read_text(encoding="utf-8")


def study_file(word: Path, registry: Registry) -> Path:
    """Return the file that a word means: its own, or that of a preset where there is none and it is SYSTEM/NAME.

    Raises UnknownName with the nearest preset, MissingPart where the system lacks a part.
    """
    if word.exists() or len(word.parts) != 2 or word.suffix or Path(word.parts[0]).exists():
        return word
    if word.parts[0] not in registry.names("system") and not presets(registry).presets:
        return word
    return _find(word.as_posix(), registry)


def _find(name: str, registry: Registry) -> Path:
    system = name.partition("/")[0]
    if system in registry.names("system"):
        files = dict(_files(system, registry))
        if name in files:
            return files[name]
    raise UnknownName("study", name, [preset.name for preset in presets(registry).presets])


def _files(system: str, registry: Registry) -> Iterator[tuple[str, Path]]:
    loaded = registry.load("system", system)
    made = loaded() if isinstance(loaded, type) else loaded
    if isinstance(made, Presets):
        yield from ((f"{system}/{file.stem}", file) for file in sorted(Path(made.studies).glob(f"*{SUFFIX}")))


def _read(name: str, file: Path) -> Preset:
    from fairtrial.spec.source import open_source

    document = open_source(file).document
    return Preset(
        name=name,
        file=file,
        question=str(document.get("question", "")),
        factors=_factors(document),
        replicates=document.get("replicates", 1),
    )


def _factors(document: Mapping[str, Any]) -> dict[str, Any]:
    own = {
        f"{arm}: {path}": levels
        for arm, said in (document.get("variants") or {}).items()
        for path, levels in ((said or {}).get("factors") or {}).items()
    }
    return {**(document.get("factors") or {}), **own}
