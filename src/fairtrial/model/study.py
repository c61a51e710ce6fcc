"""What a user declares: a study with its factors, variants, limits and order. Frozen; made by `spec` alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fairtrial.model.claim import Claim, Clause, Confirm, Place, Tolerance, Until
from fairtrial.model.rule import Rule
from fairtrial.model.tracking import Mirror

Value = Any
"""A JSON value: a parameter's or a level's."""


class _Absent(StrEnum):
    ABSENT = "absent"


ABSENT = _Absent.ABSENT
"""No value was given (None is a value)."""


def is_absent(value: object) -> bool:
    """Say whether no value was given: what is left out of a dump by this alone depends on nothing else."""
    return value is ABSENT


class Direction(StrEnum):
    """Which way a metric is better."""

    MAXIMIZE = "maximize"
    MINIMIZE = "minimize"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that a system measures."""

    name: str
    direction: Direction = Direction.NONE
    unit: str = ""
    help: str = ""


def unit_of(metrics: Iterable[Metric], name: str) -> str:
    """Return a metric's unit; '' where it has none."""
    return next((metric.unit for metric in metrics if metric.name == name), "")


@dataclass(frozen=True, slots=True)
class Interval:
    """A continuous or integer range for random, sobol, lhs and adaptive designs; both ends included."""

    low: float
    high: float
    log: bool = False
    integer: bool = False


@dataclass(frozen=True, slots=True)
class Factor:
    """An axis of the study. A plain factor has one path; a zip has several that move together.

    `levels[i]` is the tuple of values that level i gives to `paths` (same length). Exactly one of `levels` and
    `interval` is given.
    """

    name: str
    paths: tuple[str, ...]
    levels: tuple[tuple[Value, ...], ...] | None = None
    interval: Interval | None = None
    when: Rule | None = None
    """The factor exists only where this rule holds; inactive, it is set nowhere and leaves the identity."""
    before: Value = ABSENT
    """What held before the factor existed: trials at this value keep the identity they had."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A named arm with its own settings and its own factors. A study without variants has one, named ''."""

    name: str = ""
    set: Mapping[str, Value] = field(default_factory=dict)
    factors: tuple[Factor, ...] = ()
    """Its own factors only; the study's factors apply to every variant."""
    baseline: bool = False


@dataclass(frozen=True, slots=True)
class Include:
    """A condition added by hand: values for factors, and the variant it belongs to."""

    assignment: Mapping[str, Value]
    variant: str = ""


@dataclass(frozen=True, slots=True)
class Design:
    """How conditions are chosen: a strategy's name, how many conditions, and the strategy's own options."""

    kind: str = "grid"
    n: int | None = None
    options: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Order:
    """In which order trials run. Blocks are replicates: each block holds every condition once."""

    randomise: str = "none"
    """none (declared order) | blocked (shuffled within each block) | full (shuffled over all)"""
    warmup: int = 0
    """Trials run first in every session of the driver, recorded as warm-up and never counted."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What one trial occupies."""

    cpus: float = 1.0
    memory_bytes: int | None = None
    gpus: int = 0


RETRIES = {"infra": 3, "crash": 1, "timeout": 0, "oom": 0, "exception": 0, "bad_result": 0, "invalid": 1}
"""Retries per failure class where the study declares none."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one attempt may use, and how often each class of failure is tried again."""

    wall_s: float | None = None
    memory_bytes: int | None = None
    retries: Mapping[str, int] = field(default_factory=lambda: dict(RETRIES))


@dataclass(frozen=True, slots=True)
class Stop:
    """When the run ends early: resumable (exit 7), or given up because too much fails (exit 3)."""

    wall_s: float | None = None
    trials: int | None = None
    failures: int | None = None
    failures_share: float | None = None
    cost: float | None = None
    """In the unit of the study's prices."""


@dataclass(frozen=True, slots=True)
class Parallel:
    """How many trials run at once, where, and how isolated."""

    jobs: int | None = None
    """None means auto: from measured memory and the CPUs that this process may use."""
    jobs_max: int | None = None
    engine: str = "local"
    workers: str = "isolated"
    """isolated (a process of its own for each trial) | persistent"""
    isolate: str = "auto"
    """auto | fork (from the warmed parent) | fresh (a new interpreter for each trial)"""


@dataclass(frozen=True, slots=True)
class SystemRef:
    """How the study names its system: an entry point's name, or a shorthand (`python`, `command`) with its value."""

    name: str
    shorthand: str = ""
    value: Value = None
    folder: str = ""
    """The study file's folder: where relative names are looked up, and first on the import path."""


@dataclass(frozen=True, slots=True)
class Study:
    """What a user declares, resolved and checked."""

    name: str
    system: SystemRef
    base: Mapping[str, Value] = field(default_factory=dict)
    """The parameters before any variant or factor: nested JSON."""
    question: str = ""
    factors: tuple[Factor, ...] = ()
    variants: tuple[Variant, ...] = (Variant(),)
    exclude: tuple[Rule, ...] = ()
    include: tuple[Include, ...] = ()
    replicates: int = 1
    seed: int = 0
    design: Design = Design()
    metrics: tuple[Metric, ...] = ()
    order: Order = Order()
    needs: Needs = Needs()
    limits: Limits = Limits()
    stop: Stop = Stop()
    parallel: Parallel = Parallel()
    inputs: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    """name -> {run: N} or {study: NAME}, with table: T or not, or {file: PATH}: digested, handed over as a path."""
    code: str = "source"
    """source | version | files: what of a function or command enters a trial's identity"""
    code_files: tuple[str, ...] = ()
    live: bool = False
    timing: bool = False
    durability: str = "normal"
    completeness: float = 1.0
    alpha: float = 0.05
    expect: tuple[Claim, ...] = ()
    slo: tuple[Clause, ...] = ()
    gate: tuple[Tolerance, ...] = ()
    confirm: Confirm = Confirm()
    until: Until | None = None
    """Adaptive replication; `replicates` is then the most that a condition may get."""
    prices: Mapping[str, float] = field(default_factory=dict)
    """`trial`, `wall_hour`, `cpu_hour`, `gpu_hour`, a metric (per unit of it), or an arm (per unit of a size)."""
    plan: Place = Place()
    tracking: Mirror | None = None
    """Where its runs are mirrored; nothing of it enters a trial's identity."""
    tags: tuple[str, ...] = ()
    document: Mapping[str, Value] = field(default_factory=dict)
    """The study as one JSON document with base and overrides resolved: `spec` reads it back to an equal Study."""
    file: str = field(default="", compare=False)
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)
    """Line numbers of the file by document path, for errors found later."""

    def all_factors(self, variant: Variant) -> tuple[Factor, ...]:
        """List the factors that apply to a variant: the study's, then its own."""
        return self.factors + variant.factors
