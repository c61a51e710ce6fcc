"""Overrides applied to a study's document, before anything else is read from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fairtrial.errors import UserError, nearest
from fairtrial.model import path as paths
from fairtrial.spec.grammar import Override, read
from fairtrial.spec.source import Place, Source
from fairtrial.spec.words import LATER, StudyWords

_KEYED_BY_PATH = {"set", "factors", "zip"}
_TEXTS = {"study", "question"}
_WORDS = {*StudyWords.model_fields, *LATER}


def split(texts: Sequence[str]) -> tuple[list[Override], list[Override]]:
    """Read overrides: those that replace the whole base or system, and the others, each in the order given."""
    made = [read(text) for text in texts]
    first = [item for item in made if item.path in ("base", "system")]
    return first, [item for item in made if item.path not in ("base", "system")]


def apply(source: Source, overrides: Sequence[Override]) -> Source:
    """Apply overrides in order. Raises SpecError or UserError for what cannot be set, added or removed."""
    for override in overrides:
        word = override.path.partition(".")[0]
        source = _word(source, override) if word in _WORDS else _parameter(source, override)
    return source


def _word(source: Source, override: Override) -> Source:
    """Set or remove a key of the study itself, or one below it."""
    keys = _keys(override.path)
    if override.mark == "~":
        return _without(source, keys, override)
    value = override.value if override.form is None else override.form
    if keys[-2:-1] == ["factors"] and override.form is None:
        value = [value]
    elif isinstance(override.form, dict) and "factors" not in keys:
        raise _error(override, f"{override.path} is a word of the study and takes no {next(iter(override.form))}")
    if override.path in _TEXTS and not isinstance(value, str):
        value = override.raw
    return _placed(source, keys, value, override)


def _keys(path: str) -> list[str]:
    """Split a document's path; below `factors`, `set` and `zip` the rest is one key."""
    keys = path.split(".")
    for index, key in enumerate(keys[:-1]):
        inside_variant = keys[0] == "variants" and index == 2
        if key in _KEYED_BY_PATH and (index == 0 or inside_variant):
            return [*keys[: index + 1], ".".join(keys[index + 1 :])]
    return keys


def _parameter(source: Source, override: Override) -> Source:
    """Set a parameter: the levels of a factor where it is one, else the base's value."""
    owners = list(_owners(source.document, override.path))
    if override.mark == "~":
        base = paths.get(source.document.get("base"), override.path, default=_NOTHING)
        keys = owners[0] if owners else ["base", *override.path.split(".")]
        if not owners and base is _NOTHING:
            raise _error(override, f"there is no {override.path!r} to remove", _known(source, override.path))
        return _without(source, keys, override)
    _refuse_clash(source, override)
    if override.mark == "+":
        _refuse_known(source, override, owners)
    if isinstance(override.form, dict) and "zip" in override.form:
        return _placed(source, ["factors", override.path], override.form, override)
    if override.form is None and not owners:
        return _placed(source, ["base", *override.path.split(".")], override.value, override)
    levels = [override.value] if override.form is None else override.form
    for keys in owners or [["factors", override.path]]:
        source = _placed(source, keys, _with_conditions(source, keys, levels), override)
    return source


_NOTHING = object()


def _with_conditions(source: Source, keys: list[str], levels: Any) -> Any:
    """Keep the `when` and `before` of a factor whose levels are replaced."""
    entry = _inside(source.document, keys)
    kept = {key: entry[key] for key in ("when", "before") if isinstance(entry, Mapping) and key in entry}
    if not kept:
        return levels
    return {**({"levels": levels} if isinstance(levels, list) else levels), **kept}


def _owners(document: Mapping[str, Any], path: str) -> Iterator[list[str]]:
    """Yield where a factor of this name is declared: by the study, or by variants."""
    for keys, factors in _all_factors(document):
        if path in factors:
            yield [*keys, path]


def _all_factors(document: Mapping[str, Any]) -> Iterator[tuple[list[str], Mapping[str, Any]]]:
    if isinstance(document.get("factors"), Mapping):
        yield ["factors"], document["factors"]
    variants = document.get("variants")
    for name, entry in variants.items() if isinstance(variants, Mapping) else ():
        if isinstance(entry, Mapping) and isinstance(entry.get("factors"), Mapping):
            yield ["variants", name, "factors"], entry["factors"]


def _refuse_clash(source: Source, override: Override) -> None:
    """Refuse a path that a zip sets, or that lies inside a factor: setting it would change nothing."""
    for name, path in _varied(source.document):
        if override.path == path != name:
            raise _error(override, f"{path} moves with the zip {name!r}", f"write {name}=zip(…)")
        if override.path.startswith(f"{path}."):
            raise _error(override, f"{override.path} lies inside the factor {path!r}", f"write {path}=…")


def _varied(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield every factor's name with each path that it sets."""
    for _, factors in _all_factors(document):
        for name, entry in factors.items():
            zipped = entry.get("zip") if isinstance(entry, Mapping) else None
            for path in zipped if isinstance(zipped, Mapping) else (name,):
                yield name, path


def _refuse_known(source: Source, override: Override, owners: Sequence[Any]) -> None:
    known = paths.get(source.document.get("base"), override.path, default=_NOTHING) is not _NOTHING
    if known or owners:
        raise _error(override, f"{override.path} is there already", f"write {override.text[1:]}")


def _known(source: Source, path: str) -> str:
    names = [name for name, _ in paths.flatten(source.document.get("base") or {})]
    factors = [name for _, entries in _all_factors(source.document) for name in entries]
    return nearest(path, [*names, *factors, *source.document])


def _error(override: Override, message: str, hint: str = "") -> UserError:
    return UserError(f"override {override.text!r}: {message}", hint=hint)


def _inside(tree: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        if isinstance(tree, list) and key.isdigit() and int(key) < len(tree):
            tree = tree[int(key)]
        elif isinstance(tree, Mapping) and key in tree:
            tree = tree[key]
        else:
            return _NOTHING
    return tree


def _placed(source: Source, keys: list[str], value: Any, override: Override) -> Source:
    document = _put(source.document, keys, value, override)
    path = ".".join(keys)
    kept = {key: place for key, place in source.places.items() if key != path and not key.startswith(f"{path}.")}
    return replace(source, document=document, places={**kept, path: Place(f"override {override.text!r}")})


def _put(tree: Any, keys: Sequence[str], value: Any, override: Override) -> Any:
    if not keys:
        return value
    key, rest = keys[0], keys[1:]
    if isinstance(tree, list):
        if not key.isdigit() or int(key) >= len(tree):
            raise _error(override, f"{key!r} is not an index of a list of {len(tree)}")
        return [_put(item, rest, value, override) if i == int(key) else item for i, item in enumerate(tree)]
    if isinstance(tree, str) and keys[0] and override.path.startswith("design."):
        tree = {"kind": tree}
    if tree is not None and not isinstance(tree, Mapping):
        raise _error(override, f"{key!r} lies inside a plain value ({tree!r})")
    made = dict(tree or {})
    made[key] = _put(made.get(key), rest, value, override)
    return made


def _without(source: Source, keys: list[str], override: Override) -> Source:
    parent = _inside(source.document, keys[:-1])
    if not isinstance(parent, Mapping) or keys[-1] not in parent:
        known = parent if isinstance(parent, Mapping) else source.document
        raise _error(override, f"there is no {override.path!r} to remove", nearest(keys[-1], known))
    left = {key: value for key, value in parent.items() if key != keys[-1]}
    document = _put(source.document, keys[:-1], left, override) if keys[:-1] else left
    return replace(source, document=document)


def added(overrides: Sequence[Override]) -> frozenset[str]:
    """Return the paths that were said to be new (`+path=value`)."""
    return frozenset(override.path for override in overrides if override.mark == "+")
