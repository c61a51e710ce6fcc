"""Checks of a study against itself and the names of its system's parameters: paths, clashes, rules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import combinations, permutations, product
from typing import Any

from fairtrial.errors import SpecError, UserError, nearest
from fairtrial.model import path as paths
from fairtrial.model.study import Design, Factor, Include, Study, Variant
from fairtrial.spec.shape import Shape
from fairtrial.spec.source import Source

RESERVED = ("variant", "replicate")


def factors_with_places(study: Study, variant: Variant) -> Iterator[tuple[str, Factor]]:
    """Yield every factor of an arm with its path in the document: the study's, then the variant's own."""
    for factor in study.factors:
        yield f"factors.{factor.name}", factor
    for factor in variant.factors:
        yield f"variants.{variant.name}.factors.{factor.name}", factor


def check_layout(source: Source, study: Study, shape: Shape) -> None:
    """Check names and clashes. Raises SpecError."""
    for variant in study.variants:
        _check_paths(source, study, variant, shape)
        _check_clashes(source, study, variant)
        _check_set(source, study, variant)
    _check_intervals(source, study)
    _check_rules(source, study)
    for index, include in enumerate(study.include):
        _check_include(source, study, include, f"include.{index}")


def unknown(source: Source, shape: Shape, at: str, path: str) -> None:
    """Raise SpecError where the system has no parameter at a path."""
    found = shape.unknown(path)
    if found is not None:
        key, hint = found
        of = "" if key == path else f" in {path!r}"
        raise source.error(at, f"unknown parameter {key!r}{of}", hint)


def _check_paths(source: Source, study: Study, variant: Variant, shape: Shape) -> None:
    for at, factor in factors_with_places(study, variant):
        for path in factor.paths:
            if path in RESERVED:
                raise source.error(at, f"{path!r} has a meaning of its own in rules and cannot be a factor")
            unknown(source, shape, at, path)
            _check_indexes(source, shape, at, path, _with_set(study, variant))
    for path in variant.set:
        unknown(source, shape, f"variants.{variant.name}.set.{path}", path)


def _with_set(study: Study, variant: Variant) -> Any:
    """Return the base with a variant's settings, where they have room there; the others are refused on resolving."""
    base: Any = study.base
    for path, value in variant.set.items():
        with suppress(UserError):
            base = paths.put(base, path, value)
    return base


def _check_indexes(source: Source, shape: Shape, at: str, path: str, base: Any) -> None:
    """An index changes an item of a list that the base has: no list is made up."""
    keys = path.split(".")
    for position, key in enumerate(keys):
        parent = ".".join(keys[:position])
        if not (key.isdigit() and parent and shape.listed(parent)):
            continue
        held = paths.get(base, parent)
        size = len(held) if isinstance(held, list) else 0
        if int(key) >= size:
            has = f"a list of {size}" if size else "no list"
            raise source.error(at, f"{path}: the base has {has} at {parent}", f"write {parent} in the base")


def _check_clashes(source: Source, study: Study, variant: Variant) -> None:
    varied = [(at, path) for at, factor in factors_with_places(study, variant) for path in factor.paths]
    for (first, other), (at, path) in combinations(varied, 2):
        if path == other:
            raise source.error(at, f"{path} is a factor twice: here and at {first}")
        if _inside(path, other) or _inside(other, path):
            inner, outer = sorted((path, other), key=len, reverse=True)
            raise source.error(at, f"{inner} lies inside the factor {outer}", "vary one of them")


def _check_set(source: Source, study: Study, variant: Variant) -> None:
    """A setting that a factor replaces, or that replaces another setting, would say nothing."""
    at = f"variants.{variant.name}.set"
    varied = {path: factor.name for factor in study.all_factors(variant) for path in factor.paths}
    for path, other in product(variant.set, varied):
        if path == other or _inside(path, other):
            message = f"{path} is set here and varied by the factor {varied[other]}"
            raise source.error(f"{at}.{path}", message, "remove one of them")
    for path, other in permutations(variant.set, 2):
        if _inside(path, other):
            raise source.error(f"{at}.{path}", f"{path} lies inside {other}, which is set too", "write it there")


def _inside(path: str, other: str) -> bool:
    return path.startswith(f"{other}.")


def _check_intervals(source: Source, study: Study) -> None:
    if study.design.kind != Design().kind:
        return
    for variant in study.variants:
        for at, factor in factors_with_places(study, variant):
            if factor.interval is not None:
                raise source.error(
                    at, "a grid needs levels, not an interval", "design: {kind: sobol, n: 64}, or linspace with n"
                )


def _check_rules(source: Source, study: Study) -> None:
    everywhere = {path for variant in study.variants for path in _paths(study, variant)}
    for index, rule in enumerate(study.exclude):
        for name in rule.names - everywhere - set(RESERVED):
            raise _no_factor(source, f"exclude.{index}", name, everywhere)
    for variant in study.variants:
        for at, factor in factors_with_places(study, variant):
            own = set(factor.paths)
            for name in (factor.when.names if factor.when else frozenset()) - (everywhere - own) - {"variant"}:
                raise _no_factor(source, f"{at}.when", name, everywhere - own)


def _no_factor(source: Source, at: str, name: str, known: set[str]) -> SpecError:
    if name in RESERVED:
        return source.error(at, "a factor is the same in every replicate", "name other factors, or variant")
    return source.error(at, f"{name!r} is not a factor", nearest(name, {*known, "variant"}))


def _paths(study: Study, variant: Variant) -> set[str]:
    return {path for factor in study.all_factors(variant) for path in factor.paths}


def _check_include(source: Source, study: Study, include: Include, at: str) -> None:
    variant = next(variant for variant in study.variants if variant.name == include.variant)
    known = _paths(study, variant)
    for path in include.assignment:
        if path not in known:
            where = f" of variant {variant.name!r}" if variant.name else ""
            raise source.error(at, f"{path!r} is not a factor{where}", nearest(path, known), at=f"{at}.{path}")
