"""Small systems, a short way to declare studies, and a slow oracle that plans by enumerating everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from types import SimpleNamespace
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from fairtrial.contract.strategy import Plan
from fairtrial.model import path as tree
from fairtrial.model.identity import digest, replicate_seed, trial_digest
from fairtrial.model.rule import parse
from fairtrial.model.secret import Secret
from fairtrial.model.study import ABSENT, Design, Factor, Include, Interval, Order, Study, SystemRef, Variant
from fairtrial.plan.grid import Grid
from fairtrial.plan.space import open_space

IDENTITY = digest(["small", "1"])


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Load(Strict):
    clients: int = 1
    rate: float = 1.0


class Plain(Strict):
    """Nothing in it mixes its parts."""

    a: int = 0
    b: float = 0.5
    c: str = "x"
    d: bool = False
    extra: Load | None = None
    load: Load = Load()
    loads: list[Load] = []
    settings: dict[str, Any] = {}
    token: Secret | None = None


class Coupled(Plain):
    """A validator looks at the whole."""

    @model_validator(mode="after")
    def cap(self) -> Coupled:
        if self.c == "off":
            self.a = 0
        return self


class Cat(Strict):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(Strict):
    kind: Literal["dog"] = "dog"
    tricks: int = 0


class Zoo(Strict):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] = Cat()
    a: int = 0


class Base:
    version = "1"
    metrics: Mapping[str, Any] = {}

    def __init__(self, parameters: type[BaseModel] = Plain, name: str = "small") -> None:
        self.Parameters, self.name = parameters, name

    def run(self, parameters: Any, context: Any) -> Mapping[str, float]:
        raise NotImplementedError


class Reading(Base):
    def input_digests(self, parameters: Any) -> Mapping[str, str]:
        return {"data": f"digest of {parameters.c}"} if parameters.c != "x" else {}


class Sharing(Base):
    share_scope = "condition"

    def share_key(self, parameters: Any) -> Any:
        return parameters.c

    def setup(self, parameters: Any, scratch: Any) -> Any:
        raise NotImplementedError

    def teardown(self, handle: Any) -> None:
        raise NotImplementedError


def factor(name: str, levels: Any, when: str = "", before: Any = ABSENT) -> Factor:
    """Declare a factor: a list of levels, an Interval, or (for a zip) a mapping of paths to lists."""
    rule = parse(when) if when else None
    if isinstance(levels, Interval):
        return Factor(name, (name,), interval=levels, when=rule)
    if isinstance(levels, Mapping):
        return Factor(name, tuple(levels), tuple(zip(*levels.values(), strict=True)), when=rule)
    return Factor(name, (name,), tuple((value,) for value in levels), when=rule, before=before)


def study(
    factors: Mapping[str, Any] | Sequence[Factor] = (),
    *,
    exclude: Sequence[str] = (),
    include: Sequence[tuple[str, Mapping[str, Any]]] = (),
    order: str = "none",
    design: Design | None = None,
    **words: Any,
) -> Study:
    made = tuple(factor(*item) for item in factors.items()) if isinstance(factors, Mapping) else tuple(factors)
    return Study(
        name="small",
        system=SystemRef("small"),
        factors=made,
        exclude=tuple(map(parse, exclude)),
        include=tuple(Include(assignment, variant) for variant, assignment in include),
        order=Order(randomise=order),
        design=design or Design(),
        **words,
    )


def arm(name: str, settings: Mapping[str, Any] | None = None, factors: Mapping[str, Any] | None = None) -> Variant:
    return Variant(name, settings or {}, tuple(factor(*item) for item in (factors or {}).items()))


def grid(declared: Study, system: Any = None, *, only: str = "", limit: int | None = None, inputs: bytes = b"") -> Plan:
    space = open_space(
        declared,
        system or Base(),
        identity=IDENTITY,
        inputs=inputs,
        only=parse(only) if only else None,
        limit=limit,
    )
    plan = Grid().open(space, {}).ask()
    assert plan is not None
    return plan


def digests(plan: Plan, size: int = 4096) -> list[bytes]:
    return [key for block in plan.blocks(size) for key in block.digests]


def trials(plan: Plan) -> list[Any]:
    return [plan.trial(position) for position in range(len(digests(plan)))]


def conditions(declared: Study, variant: Variant, replicate: int, only: str = "") -> Iterator[dict[str, Any]]:
    """Enumerate the assignments of a variant for one replicate, the slow way."""
    seen = set()
    factors = declared.all_factors(variant)
    for rows in product(*(item.levels or () for item in factors)):
        active: dict[str, Any] = {}
        known: dict[str, Any] = {"variant": variant.name, "replicate": replicate}
        for _ in factors:  # often enough for `when` rules that read later factors
            for item, row in zip(factors, rows, strict=True):
                if item.when is None or item.when.holds(known):
                    known.update(zip(item.paths, row, strict=True))
        active = {path: known[path] for item in factors for path in item.paths if path in known}
        if repr(active) in seen:
            continue
        seen.add(repr(active))
        if any(rule.holds(known) for rule in declared.exclude) or (only and not parse(only).holds(known)):
            continue
        yield active


def slow_identity(declared: Study, variant: Variant, assignment: Mapping[str, Any], model: type[BaseModel]) -> bytes:
    settings: Any = dict(declared.base)
    for path, value in variant.set.items():
        settings = tree.put(settings, path, value)
    for item in declared.all_factors(variant):
        for path in item.paths:
            if path in assignment and not (item.before is not ABSENT and assignment[path] == item.before):
                settings = tree.put(settings, path, assignment[path])
    return digest(model.model_validate(settings).model_dump(mode="json"))


def oracle(declared: Study, model: type[BaseModel] = Plain, only: str = "") -> list[bytes]:
    """Enumerate the digests of the trials in declared order; the first of several equal conditions stands."""
    first: dict[bytes, tuple[str, str]] = {}
    for variant in declared.variants:
        everything = (item for k in range(declared.replicates) for item in conditions(declared, variant, k, only))
        for assignment in everything:
            made = slow_identity(declared, variant, assignment, model)
            first.setdefault(made, (variant.name, repr(assignment)))
    found = []
    for k in range(declared.replicates):
        for variant in declared.variants:
            for assignment in conditions(declared, variant, k, only):
                made = slow_identity(declared, variant, assignment, model)
                if first[made] == (variant.name, repr(assignment)):
                    found.append(trial_digest(IDENTITY, made, b"", replicate_seed(declared.seed, k)))
    return found


@pytest.fixture(scope="session")
def small() -> SimpleNamespace:
    """Everything above, by name."""
    return SimpleNamespace(**globals())
