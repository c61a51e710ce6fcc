"""A study's document with the place of every part: where an error points, whichever file or word it came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from fairtrial.errors import SpecError, nearest
from fairtrial.model.identity import is_number
from fairtrial.model.path import flatten
from fairtrial.model.secret import Secret
from fairtrial.spec.yaml import parse


class Place(NamedTuple):
    """A file (or the override that said it) and a line."""

    file: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A document as JSON, the folder that its relative names start from, and a place for every path."""

    document: Mapping[str, Any]
    folder: Path
    file: str = ""
    places: Mapping[str, Place] = field(default_factory=dict)

    def place(self, path: str) -> Place:
        """Find the place of a path, or of the nearest part around it."""
        while path and path not in self.places:
            path = path.rpartition(".")[0]
        return self.places.get(path, Place(self.file))

    def error(self, path: str, message: str, hint: str = "", *, at: str = "") -> SpecError:
        """Make the error about a path; `at` names a part of it whose line says more."""
        place = self.place(at or path)
        return SpecError(message, file=place.file, line=place.line, path=path, hint=hint)

    def with_part(self, key: str, value: Any, places: Mapping[str, Place]) -> Source:
        """Replace one top-level part and the places below it."""
        kept = {path: place for path, place in self.places.items() if path != key and not path.startswith(f"{key}.")}
        return replace(self, document={**self.document, key: value}, places={**kept, **places})

    @property
    def lines(self) -> dict[str, int]:
        """Return the lines of the study's own file."""
        return {
            path: place.line
            for path, place in self.places.items()
            if path and place.file == self.file and place.line is not None
        }


def open_source(path: Path, noun: str = "study") -> Source:
    """Read a study file, or one of another noun. Raises SpecError where it is missing, not text, or not a mapping."""
    document, places = load(path, str(path), "")
    if not isinstance(document, dict):
        raise SpecError(f"a {noun} is a mapping", file=str(path), line=1, hint=f"start with `{noun}: NAME`")
    return Source(document=document, folder=path.parent, file=str(path), places=places)


def load(path: Path, shown: str, prefix: str) -> tuple[Any, dict[str, Place]]:
    """Read a YAML or JSON file as the part of a document at `prefix`: (value, places)."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SpecError("no such file", file=shown, hint=_beside(path)) from None
    except OSError as problem:
        raise SpecError(f"cannot be read: {problem.strerror or problem}", file=shown) from problem
    except UnicodeDecodeError as problem:
        raise SpecError(f"cannot be read: it is no UTF-8 text (byte {problem.start})", file=shown) from problem
    value, lines = parse(text, shown)
    for leaf, word in flatten(value):
        if isinstance(word, str) and not is_text(word):
            raise SpecError(HALF_PAIR, file=shown, line=lines.get(leaf), path=_under(prefix, leaf))
    return value, {_under(prefix, key): Place(shown, line) for key, line in lines.items()}


def _beside(path: Path) -> str:
    if not path.parent.is_dir():
        return f"there is no folder {str(path.parent)!r}"
    names = (item.name for item in path.parent.iterdir() if item.suffix in {".yaml", ".yml", ".json"})
    return nearest(path.name, names)


HALF_PAIR = "half of a surrogate pair is no text"


def is_text(word: str) -> bool:
    """Say whether a string can be written as UTF-8, as everything that is digested must be."""
    return word.isascii() or not any("\ud800" <= char <= "\udfff" for char in word)


def _under(prefix: str, key: str) -> str:
    return f"{prefix}.{key}".strip(".")


def as_json(value: Any, source: Source, path: str = "") -> Any:
    """Copy a Python value as JSON: arrays become lists, a Secret its reference. Raises SpecError for anything else."""
    if isinstance(value, str) and not is_text(value):
        raise source.error(path, HALF_PAIR)
    if value is None or isinstance(value, str | bool):
        return value
    if hasattr(value, "tolist"):
        return as_json(value.tolist(), source, path)
    if isinstance(value, int | float):
        if not is_number(value):
            raise source.error(path, f"{value}: infinite numbers and NaN have no place in a study")
        return value
    if isinstance(value, Secret):
        return value.reference
    if isinstance(value, Mapping):
        return {_word(key, source, path): as_json(item, source, _under(path, str(key))) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        return [as_json(item, source, _under(path, str(index))) for index, item in enumerate(value)]
    raise source.error(
        path, f"a {type(value).__name__} is no JSON value", "write a number, a text, a list or a mapping"
    )


def _word(key: Any, source: Source, path: str) -> str:
    if not isinstance(key, str):
        raise source.error(path, f"key {key!r} is not a word", "put it in quotes")
    return str(key)
