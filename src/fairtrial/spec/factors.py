"""Factors, variants, exclusions and inclusions of a document -> records, and the document with levels written out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fairtrial.errors import UserError, nearest
from fairtrial.model.identity import canonical_json
from fairtrial.model.rule import Rule, parse
from fairtrial.model.study import Factor, Include, Interval, Variant
from fairtrial.spec import levels
from fairtrial.spec.source import Source
from fairtrial.spec.words import NAME

_FACTOR_KEYS = (*levels.FORMS, "n", "when", "before")
_VARIANT_KEYS = ("set", "factors", "baseline")
_PATH = re.compile(r"[^.\s]+(\.[^.\s]+)*")


def read_factors(source: Source, at: str, given: Any) -> tuple[Factor, ...]:
    """Read a mapping of factors that stands at a path of the document."""
    if given is None:
        return ()
    if not isinstance(given, Mapping):
        raise source.error(at, "factors are a mapping: dotted path -> levels")
    return tuple(_factor(source, f"{at}.{name}", name, entry) for name, entry in given.items())


def _factor(source: Source, at: str, name: str, entry: Any) -> Factor:
    if not _PATH.fullmatch(name):
        raise source.error(at, f"{name!r} is not a dotted path")
    if not isinstance(entry, Mapping):
        return Factor(name, (name,), levels=_single(source, at, "levels", entry, None))
    form = _form(source, at, entry)
    when = read_rule(source, f"{at}.when", entry["when"]) if "when" in entry else None
    if form in levels.INTERVALS:
        made = Factor(name, (name,), interval=_interval(source, at, form, entry[form]), when=when)
    elif form == "zip":
        paths, rows = _zip(source, at, entry["zip"])
        made = Factor(name, paths, levels=rows, when=when)
    else:
        made = Factor(name, (name,), levels=_single(source, at, form, entry[form], entry.get("n")), when=when)
    return _with_before(source, at, made, entry)


def _with_before(source: Source, at: str, factor: Factor, entry: Mapping[str, Any]) -> Factor:
    if "before" not in entry:
        return factor
    if len(factor.paths) > 1 or "zip" in entry:
        raise source.error(f"{at}.before", "a zip takes no 'before'", "make its paths factors of their own")
    return Factor(factor.name, factor.paths, factor.levels, factor.interval, factor.when, entry["before"])


def _form(source: Source, at: str, entry: Mapping[str, Any]) -> str:
    for key in entry:
        if key not in _FACTOR_KEYS:
            raise source.error(at, f"unknown key {key!r}", nearest(key, _FACTOR_KEYS), at=f"{at}.{key}")
    forms = [key for key in entry if key in levels.FORMS]
    if len(forms) != 1:
        said = " and ".join(forms) or "none"
        raise source.error(at, f"a factor says its levels in exactly one way, not {said}", f"one of {_forms()}")
    if "n" in entry and forms[0] not in levels.SPACES:
        raise source.error(at, f"{forms[0]} takes no n", at=f"{at}.n")
    return forms[0]


def _forms() -> str:
    return ", ".join(levels.FORMS)


def read_rule(source: Source, at: str, text: Any) -> Rule:
    """Parse a rule that stands at a path of the document."""
    if not isinstance(text, str):
        raise source.error(at, f"a rule is a text, not {text!r}", "put it in quotes")
    try:
        return parse(text)
    except UserError as problem:
        raise source.error(at, problem.message, problem.hint) from problem


def _interval(source: Source, at: str, form: str, value: Any) -> Interval:
    try:
        return levels.interval(form, value)
    except ValueError as problem:
        raise source.error(at, str(problem), at=f"{at}.{form}") from problem


def _single(source: Source, at: str, form: str, value: Any, n: Any) -> tuple[tuple[Any], ...]:
    made = _expand(source, at, form, value, n)
    _refuse_twice(source, at, made)
    return tuple((value,) for value in made)


def _expand(source: Source, at: str, form: str, value: Any, n: Any) -> list[Any]:
    try:
        return levels.expand(form, value, n)
    except ValueError as problem:
        raise source.error(at, str(problem), at=f"{at}.{form}") from problem


def _refuse_twice(source: Source, at: str, made: list[Any]) -> None:
    seen: set[Any] = set()
    for index, value in enumerate(made):
        key = canonical_json(value) if isinstance(value, list | dict) else (type(value), value)
        if key in seen:
            raise source.error(at, f"level {value!r} stands here twice", "remove one", at=f"{at}.{index}")
        seen.add(key)


def _zip(source: Source, at: str, given: Any) -> tuple[tuple[str, ...], tuple[tuple[Any, ...], ...]]:
    if not isinstance(given, Mapping) or not given:
        raise source.error(at, "zip is a mapping of paths that move together: {zip: {a: [..], b: [..]}}")
    columns = {path: _column(source, f"{at}.zip.{path}", path, entry) for path, entry in given.items()}
    lengths = {path: len(column) for path, column in columns.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{path} has {length}" for path, length in lengths.items())
        raise source.error(at, f"the levels of a zip have one length: {said}", at=f"{at}.zip")
    rows = list(zip(*columns.values(), strict=True))
    _refuse_twice(source, at, [list(row) for row in rows])
    return tuple(columns), tuple(rows)


def _column(source: Source, at: str, path: str, entry: Any) -> list[Any]:
    if not _PATH.fullmatch(path):
        raise source.error(at, f"{path!r} is not a dotted path")
    if not isinstance(entry, Mapping):
        return _expand(source, at, "levels", entry, None)
    form = _form(source, at, entry)
    if form == "zip" or form in levels.INTERVALS or {"when", "before"} & entry.keys():
        raise source.error(at, "inside a zip there are levels only")
    return _expand(source, at, form, entry[form], entry.get("n"))


def read_variants(source: Source, given: Mapping[str, Any] | None) -> tuple[Variant, ...]:
    """Read the arms; a study without any has one, named ''."""
    if given is None:
        return (Variant(),)
    if not given:
        raise source.error("variants", "no variants: an empty mapping leaves nothing to run", "remove the key")
    made = tuple(_variant(source, f"variants.{name}", name, entry) for name, entry in given.items())
    baselines = [variant.name for variant in made if variant.baseline]
    if len(baselines) > 1:
        message = f"at most one variant is the baseline, not {' and '.join(baselines)}"
        raise source.error("variants", message, at=f"variants.{baselines[1]}.baseline")
    return made


def _variant(source: Source, at: str, name: str, entry: Any) -> Variant:
    if not re.fullmatch(NAME, name):
        raise source.error(at, f"{name!r} is no name for a variant", "letters, digits, dots, - and _")
    entry = {} if entry is None else entry
    if not isinstance(entry, Mapping):
        raise source.error(at, "a variant is a mapping", f"keys: {', '.join(_VARIANT_KEYS)}")
    for key in entry:
        if key not in _VARIANT_KEYS:
            raise source.error(at, f"unknown key {key!r}", nearest(key, _VARIANT_KEYS), at=f"{at}.{key}")
    if not isinstance(entry.get("baseline", False), bool):
        raise source.error(f"{at}.baseline", "baseline is true or false")
    given = entry.get("set") or {}
    if not isinstance(given, Mapping) or not all(_PATH.fullmatch(path) for path in given):
        raise source.error(f"{at}.set", "set is a mapping: dotted path -> value")
    factors = read_factors(source, f"{at}.factors", entry.get("factors"))
    return Variant(name, dict(given), factors, bool(entry.get("baseline", False)))


def read_include(source: Source, given: list[dict[str, Any]], variants: tuple[Variant, ...]) -> tuple[Include, ...]:
    """Read conditions added by hand. Raises SpecError where the variant is not said, or is none."""
    return tuple(_include(source, f"include.{index}", entry, variants) for index, entry in enumerate(given))


def _include(source: Source, at: str, entry: Mapping[str, Any], variants: tuple[Variant, ...]) -> Include:
    names = [variant.name for variant in variants]
    assignment = {path: value for path, value in entry.items() if path != "variant"}
    name = entry.get("variant", names[0] if len(names) == 1 else None)
    if name is None:
        raise source.error(at, "say which variant it belongs to", f"variant: {' | '.join(names)}")
    if name not in names:
        known = [name for name in names if name]
        hint = nearest(str(name), known) or "the study has no variants"
        raise source.error(at, f"unknown variant {name!r}", hint, at=f"{at}.variant")
    if not assignment:
        raise source.error(at, "an included condition gives a value to a factor")
    return Include(assignment, name)


def written_out(
    document: Mapping[str, Any], factors: tuple[Factor, ...], variants: tuple[Variant, ...]
) -> dict[str, Any]:
    """Return the document with every factor's levels as a list, so that it reads the same anywhere, later too."""
    made = dict(document)
    if document.get("factors"):
        made["factors"] = _entries(document["factors"], factors)
    for variant in variants:
        given = (document.get("variants") or {}).get(variant.name)
        if given and given.get("factors"):
            entry = {**given, "factors": _entries(given["factors"], variant.factors)}
            made["variants"] = {**made["variants"], variant.name: entry}
    return made


def _entries(given: Mapping[str, Any], factors: tuple[Factor, ...]) -> dict[str, Any]:
    return {factor.name: _entry(factor, given[factor.name]) for factor in factors}


def _entry(factor: Factor, given: Any) -> Any:
    if factor.levels is None:
        return given
    conditions = {key: given[key] for key in ("when", "before") if isinstance(given, Mapping) and key in given}
    if isinstance(given, Mapping) and "zip" in given:
        columns = zip(*factor.levels, strict=True)
        return {"zip": {path: list(column) for path, column in zip(factor.paths, columns, strict=True)}, **conditions}
    plain = [row[0] for row in factor.levels]
    return {"levels": plain, **conditions} if conditions else plain


def names(factors: tuple[Factor, ...]) -> Iterator[str]:
    """Yield every path that some factor sets."""
    for factor in factors:
        yield from factor.paths
