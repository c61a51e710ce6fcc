"""A variant with its base, settings and factors: assignments in, settings and activity out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fairtrial.errors import SpecError, nearest
from fairtrial.model import path as tree
from fairtrial.model.study import ABSENT, Factor, Study, Variant

RESERVED = ("variant", "replicate")
"""Names that rules know beside the factors."""


class Arm:
    """One variant of a study.

    Raises SpecError where `when` rules of factors depend on each other in a circle.
    """

    def __init__(self, study: Study, variant: Variant) -> None:
        self.study = study
        self.name = variant.name
        self.factors = study.all_factors(variant)
        self.base: Any = dict(study.base)
        for path, value in variant.set.items():
            self.base = tree.put(self.base, path, value)
        self.index = {path: j for j, factor in enumerate(self.factors) for path in factor.paths}
        self.conditional = tuple(factor.when is not None for factor in self.factors)
        self.order = self._order()

    def settings(self, assignment: Mapping[str, Any]) -> Any:
        """Return the base with the variant's settings and an assignment: what the system resolves."""
        settings = self.base
        for path, value in assignment.items():
            settings = tree.put(settings, path, value)
        return settings

    def gone(self, assignment: Mapping[str, Any]) -> tuple[str, ...]:
        """List the paths at which an assignment is as it was before their factor existed."""
        return tuple(
            factor.paths[0]
            for factor in self.factors
            if factor.before is not ABSENT and same(assignment.get(factor.paths[0], ABSENT), factor.before)
        )

    def active(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Keep the values of active factors, in declared order; values maps every path to its value."""
        known = self.known((j, tuple(values[path] for path in self.factors[j].paths)) for j in self.order)
        return {path: known[path] for factor in self.factors for path in factor.paths if path in known}

    def known(self, chosen: Iterable[tuple[int, Sequence[Any]]]) -> dict[str, Any]:
        """Return what rules know of the chosen factors (index, values), given so that no `when` reads a later one."""
        known: dict[str, Any] = {"variant": self.name}
        for j, values in chosen:
            factor = self.factors[j]
            if factor.when is None or factor.when.holds(known):
                known.update(zip(factor.paths, values, strict=True))
        return known

    def reads(self, names: Iterable[str]) -> tuple[int, ...]:
        """List the factors that rules about these names depend on, through `when` too, in index order."""
        found: set[int] = set()
        open_names = list(names)
        while open_names:
            j = self.index.get(open_names.pop())
            if j is None or j in found:
                continue
            found.add(j)
            when = self.factors[j].when
            open_names.extend(when.names if when else ())
        return tuple(sorted(found))

    def check(self, assignment: Mapping[str, Any]) -> None:
        """Raise SpecError for a path that is no factor's."""
        for path in assignment:
            if path not in self.index:
                raise self.error(f"{path!r} is not a factor", hint=nearest(path, self.index))

    def error(self, message: str, *, factor: Factor | None = None, hint: str = "") -> SpecError:
        """Make a SpecError that says where: the study's file, the factor's line, the variant."""
        lines, file = self.study.lines, self.study.file
        name = factor.name if factor else ""
        own = f"variants.{self.name}.factors.{name}"
        line = lines.get(own, lines.get(f"factors.{name}")) if factor else lines.get(f"variants.{self.name}")
        at = f"variant {self.name!r}: " if self.name and (factor is None or own in lines) else ""
        return SpecError(at + message, file=file, line=line, path=name, hint=hint)

    def _order(self) -> tuple[int, ...]:
        placed: list[int] = []
        waiting = list(range(len(self.factors)))
        while waiting:
            ready = [j for j in waiting if not self._needs(j) & set(waiting)]
            if not ready:
                raise self.error("its 'when' depends on itself", factor=self.factors[waiting[0]])
            placed += ready
            waiting = [j for j in waiting if j not in ready]
        return tuple(placed)

    def _needs(self, j: int) -> set[int]:
        when = self.factors[j].when
        if when and "replicate" in when.names:
            raise self.error("its 'when' reads 'replicate': a factor is the same in every replicate")
        return {self.index[name] for name in (when.names if when else ()) if name in self.index}


def same(left: Any, right: Any) -> bool:
    """Say whether two JSON values are equal; true is not 1."""
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)
