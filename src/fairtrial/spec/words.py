"""The words of a study file as typed, described models: what is checked on reading, and published as JSON Schema.

Factors and everything below them stand here as plain mappings, and are read by `factors`: their errors say more.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

from fairtrial.spec.forms import FACTORS, VARIANTS
from fairtrial.spec.mirror import TrackingWords
from fairtrial.spec.quantity import AMOUNT, DURATION, SHARE, SIZE, count_or_share, duration_s, size_bytes

LATER = {
    "protocol": "protocols of older harnesses",
}
"""Words that a later version will know: refused, never accepted and ignored."""

LATER_DESIGNS = ("hyperband",)
"""Strategies that a later version will bring."""

_POSITIVE = {"type": "number", "exclusiveMinimum": 0}
Duration = Annotated[
    float,
    BeforeValidator(duration_s),
    WithJsonSchema({"anyOf": [_POSITIVE, {"type": "string", "pattern": DURATION}]}),
]
Size = Annotated[
    int,
    BeforeValidator(size_bytes),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": SIZE}]}),
]
CountOrShare = Annotated[
    int | str,
    BeforeValidator(count_or_share),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": SHARE}]}),
]
_AMOUNT = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": AMOUNT}]}
Amount = Annotated[float | str, WithJsonSchema(_AMOUNT)]
Margin = Annotated[float | str, WithJsonSchema({"anyOf": [*_AMOUNT["anyOf"], {"type": "string", "pattern": SHARE}]})]
Claimed = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": r"\S\s+(increases|decreases|is|has|and|>|<)\s+\S"})
]
Count = Annotated[int, Field(ge=1)]
Whole = Annotated[int, Field(ge=0)]
NAME = r"^\w[\w.-]*$"


def _name(text: str) -> str:
    if not re.fullmatch(NAME, text):
        raise ValueError(f"{text!r} is no name: letters, digits, '.', '_' and '-', a letter or digit first")
    return text


Name = Annotated[str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": NAME})]
Direction = Literal["maximize", "minimize", "none"]


class Words(BaseModel):
    """A mapping of a study file: its keys are all known, and its values have the type that they say."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class DesignWords(BaseModel):
    """How conditions are chosen. Keys beside these are the strategy's own options."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    kind: str = Field(description="The strategy's name: grid, random, sobol, lhs, or one that a plug-in brings.")
    n: Count | None = Field(default=None, description="How many conditions to draw for each variant (not for grid).")
    budget: Count | None = Field(default=None, description="Another word for n.")


class OrderWords(Words):
    """In which order trials run."""

    randomise: Literal["none", "blocked", "full"] | None = Field(
        default=None, description="none: as declared; blocked: shuffled within each replicate; full: shuffled over all."
    )
    warmup: Whole = Field(default=0, description="Trials run first in every session and never counted.")


class NeedsWords(Words):
    """What one trial occupies."""

    cpus: float = Field(default=1.0, gt=0, description="CPUs that one trial keeps busy.")
    memory: Size | None = Field(default=None, description="Memory of one trial, such as 1GiB; else it is learned.")
    gpus: Whole = Field(default=0, description="GPUs that one trial has to itself.")


class RetriesWords(Words):
    """How often each class of failure is tried again."""

    infra: Whole = Field(default=3, description="The machine or the harness failed.")
    crash: Whole = Field(default=1, description="The process died.")
    timeout: Whole = Field(default=0, description="The wall-clock limit was reached.")
    oom: Whole = Field(default=0, description="The memory limit was reached.")
    exception: Whole = Field(default=0, description="The system raised an exception.")
    bad_result: Whole = Field(default=0, description="The result is not what was declared.")
    invalid: Whole = Field(default=1, description="The measurement must not be believed.")


class LimitsWords(Words):
    """What one attempt may use."""

    wall: Duration | None = Field(default=None, description="Wall-clock time of one attempt, such as 2m.")
    memory: Size | None = Field(default=None, description="Memory of one attempt's whole process tree, such as 2GiB.")
    retries: RetriesWords = Field(default=RetriesWords(), description="How often each class of failure is tried again.")


class StopWords(Words):
    """When the run ends early; the same command continues it."""

    wall: Duration | None = Field(default=None, description="Wall-clock time of the run, such as 8h.")
    trials: Count | None = Field(default=None, description="How many trials the run may make.")
    failures: CountOrShare | None = Field(default=None, description="Failed trials that end the run: 5 or 10%.")
    cost: float | None = Field(default=None, gt=0, description="What the run may cost, in the unit of the prices.")


class AutoWords(Words):
    """As many jobs as the machine allows, up to a bound."""

    auto: Literal[True] = Field(description="From the measured memory of trials and the CPUs of this process.")
    max: Count = Field(description="Never more than this.")


class ParallelWords(Words):
    """How many trials run at once, where, and how isolated."""

    jobs: Literal["auto"] | Count | AutoWords | None = Field(
        default=None, description="Trials at once: auto (the default), a number, or {auto: true, max: N}."
    )
    engine: str = Field(default="local", description="Where trials run: local, inline, or one that a plug-in brings.")
    workers: Literal["isolated", "persistent"] = Field(
        default="isolated", description="isolated: a process for each trial; persistent: processes that go on."
    )
    isolate: Literal["auto", "fork", "fresh"] = Field(
        default="auto", description="fork: from a warmed parent; fresh: a new interpreter for each trial."
    )


class FilesWords(Words):
    """The files that enter a trial's identity."""

    files: list[str] = Field(min_length=1, description="Paths relative to the study's folder.")


class InputWords(Words):
    """Data for every trial: the trials of an earlier run with their metrics, one of its raw tables, or a file."""

    run: Count | None = Field(default=None, description="The number of an earlier run.")
    study: str | None = Field(default=None, description="In place of a number: the newest run of this study.")
    table: str | None = Field(default=None, description="A raw table of that run; its trials unless given.")
    file: str | None = Field(default=None, description="Path of a file, relative to the study's folder.")

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        given = self.model_dump(exclude_none=True).keys()
        if given - {"table"} not in ({"run"}, {"study"}, {"file"}) or given == {"file", "table"}:
            raise ValueError("an input is {run: N}, {study: NAME}, either with or without table: T, or {file: PATH}")
        return self


class MetricWords(Words):
    """A metric with its direction and unit."""

    direction: Direction = Field(default="none", description="Which way it is better.")
    unit: str = Field(default="", description="Its unit, such as s or MB.")
    help: str = Field(default="", description="What it says, in a sentence.")


class UntilWords(Words):
    """When a condition has been repeated often enough."""

    metric: str = Field(description="The metric whose interval is to become narrow.")
    half_width: Margin = Field(description="Half of the interval: a share of the mean (5%), or in the metric's unit.")


class AdaptiveWords(Words):
    """As many replicates as precision needs."""

    min: Annotated[int, Field(ge=2)] = Field(default=3, description="Replicates that every condition gets.")
    max: Count = Field(description="Replicates that no condition exceeds.")
    until: UntilWords = Field(description="A condition is repeated until its interval is so narrow.")


def _form(value: Any) -> str:
    return "adaptive" if isinstance(value, dict | AdaptiveWords) else "number"


Replicates = Annotated[
    Annotated[Count, Tag("number")] | Annotated[AdaptiveWords, Tag("adaptive")], Discriminator(_form)
]


class LevelWords(Words):
    """The bounds that a metric keeps."""

    max: Amount | None = Field(default=None, description="At most: a number in the metric's unit, or such as 20ms.")
    min: Amount | None = Field(default=None, description="At least.")


class GateWords(Words):
    """How much worse a metric may become."""

    worse_by: Margin = Field(description="A share of the baseline (10%), or an amount in the metric's unit.")


class ConfirmWords(Words):
    """What is measured again on fresh seeds."""

    top: Count = Field(default=3, description="How many of the best conditions.")
    replicates: Annotated[int, Field(ge=2)] = Field(
        default=10, description="How often each: one says nothing of noise."
    )


class PlaceWords(Words):
    """The study's place in the programme of its project."""

    phase: str = Field(default="", description="The phase's name.")
    item: Count | None = Field(default=None, description="The number of the item within the phase.")
    stage: str = Field(default="", description="The stage of the work, such as evaluation.")
    source: str = Field(default="", description="Where the item comes from.")


class StudyWords(Words):
    """A study: a question, a system, factors, replicates, metrics and limits."""

    model_config = ConfigDict(title="fairtrial study")

    study: Name = Field(description="The study's name: runs of one name belong together.")
    question: str = Field(default="", description="What the study asks, in a sentence.")
    system: str | dict[str, Any] = Field(
        description="The thing under study: a plug-in's name, {python: 'pkg.module:function'} or {command: [...]}."
    )
    base: str | dict[str, Any] = Field(
        default={}, description="Parameters before any factor: inline, the path of a file, or {winner: RUN}."
    )
    factors: Annotated[dict[str, Any], WithJsonSchema(FACTORS)] = Field(
        default={}, description="Axes: dotted path into the parameters -> levels."
    )
    variants: Annotated[dict[str, Any] | None, WithJsonSchema(VARIANTS)] = Field(
        default=None, description="Named arms, each with settings and factors of its own; one may be the baseline."
    )
    exclude: list[str] = Field(default=[], description="Rules over factors: where one holds, a condition is left out.")
    include: list[dict[str, Any]] = Field(default=[], description="Conditions by hand: factor -> value, and variant.")
    replicates: Replicates = Field(
        default=1, description="How often each condition is repeated, seeds common to all; or {min, max, until}."
    )
    seed: Whole = Field(default=0, description="The study's random seed, from which every trial's is derived.")
    design: str | DesignWords = Field(default="grid", description="How conditions are chosen: a name, or {kind, n, …}.")
    metrics: dict[str, Direction | MetricWords] | list[str] = Field(
        default={}, description="What is measured: name -> maximize | minimize | none; the system's own by default."
    )
    order: OrderWords = Field(default=OrderWords(), description="In which order trials run.")
    needs: NeedsWords = Field(default=NeedsWords(), description="What one trial occupies.")
    limits: LimitsWords = Field(default=LimitsWords(), description="What one attempt may use.")
    stop: StopWords = Field(default=StopWords(), description="When the run ends early.")
    parallel: ParallelWords = Field(default=ParallelWords(), description="How many trials run at once, and where.")
    timing: bool | None = Field(
        default=None,
        description="The metrics are times: run alone, in randomised blocks, live; by default what the system says.",
    )
    live: bool | None = Field(default=None, description="What is measured can change without a parameter changing.")
    code: Literal["source", "version"] | FilesWords = Field(
        default="source",
        description="What of the code enters identity: source, version or {files: [...]}.",
    )
    tags: list[str] = Field(default=[], description="Words to find the run by.")
    inputs: dict[Name, InputWords] = Field(
        default={},
        description="Data for every trial: name -> {run: N} or {study: NAME}, with table: T or not, or {file: PATH}.",
    )
    durability: Literal["normal", "full"] = Field(default="normal", description="full: every commit reaches the disk.")
    completeness: float = Field(default=1.0, gt=0, le=1, description="Share of trials that a conclusion needs.")
    alpha: float = Field(default=0.05, gt=0, lt=1, description="Error rate of intervals and tests.")
    expect: list[Claimed] = Field(default=[], description="Claims such as 'loss decreases with depth', to be judged.")
    slo: dict[str, LevelWords] = Field(default={}, description="Service levels: metric -> {max, min}.")
    gate: dict[str, GateWords] = Field(default={}, description="What may not become worse: metric -> {worse_by: 10%}.")
    confirm: ConfirmWords = Field(default=ConfirmWords(), description="What `fairtrial confirm` measures again.")
    prices: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default={}, description="Prices: trial, wall_hour, cpu_hour, gpu_hour, a unit of a metric, or of an arm's size."
    )
    plan: PlaceWords = Field(default=PlaceWords(), description="The study's place in programme.yaml.")
    tracking: TrackingWords | None = Field(default=None, description="Where its runs are mirrored: {mlflow: {uri}}.")
