"""Configurations of the older harness: which keys they have, of which types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from fairtrial.errors import SpecError, nearest
from fairtrial.model.foreign import Foreign
from fairtrial.systems.signals.words import Name


class Words(BaseModel):
    """Keys of a section: no others, and of exactly these types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, populate_by_name=True)


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _once(values: list[Any]) -> list[Any]:
    for index, value in enumerate(values):
        if value in values[:index]:
            raise ValueError(f"{_plain(value)!r} stands here twice")
    return values


Positive = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Whole = Annotated[int, Field(ge=0)]
Distances = Annotated[list[Positive], Field(min_length=1), AfterValidator(_once), BeforeValidator(_listed)]
Weights = Annotated[list[Weight], Field(min_length=1), AfterValidator(_once), BeforeValidator(_listed)]
Counts = Annotated[list[Count], Field(min_length=1), AfterValidator(_once), BeforeValidator(_listed)]
"""A value, or a list of them, which is an axis."""
Axes = dict[str, Annotated[list[Any], Field(min_length=1)]]
Names = Annotated[list[str], Field(min_length=1), AfterValidator(_once)]


def _short(name: str) -> Any:
    """Let a weight be called by its number alone: c1 for c1_v_add."""
    return Field(default=None, validation_alias=AliasChoices(name, name.partition("_")[0]))


class Eval(Words):
    """How signals became trades."""

    tp_ticks: Distances = [8]
    sl_ticks: Distances = [4]
    max_hold_bins: int = Field(default=1200, ge=2)
    warmup_bins: Whole = 300
    tick_size: float = Field(default=0.25, gt=0)
    min_signals: Count = 5


class GridVariant(Words):
    """How the grid was made anew; None: as the harness did by default."""

    cell_width_ms: Counts | None = None
    c1_v_add: Weights | None = _short("c1_v_add")
    c2_v_rest_pos: Weights | None = _short("c2_v_rest_pos")
    c3_a_add: Weights | None = _short("c3_a_add")
    c4_v_pull: Weights | None = _short("c4_v_pull")
    c5_v_fill: Weights | None = _short("c5_v_fill")
    c6_v_rest_neg: Weights | None = _short("c6_v_rest_neg")
    c7_a_pull: Weights | None = _short("c7_a_pull")
    bucket_size_dollars: Distances | None = None
    spectrum_windows: Annotated[list[Count], Field(min_length=1)] | None = None
    spectrum_rollup_weights: Annotated[list[Positive], Field(min_length=1)] | None = None
    spectrum_derivative_weights: Annotated[list[Weight], Field(min_length=3, max_length=3)] | None = None
    spectrum_tanh_scale: Distances | None = None
    tau_velocity: Distances | None = None
    tau_acceleration: Distances | None = None
    tau_jerk: Distances | None = None
    tau_rest_decay: Distances | None = None
    product_type: str = ""
    symbol: str = ""
    dt: str = ""
    start_time: str = ""


class Sweep(Words):
    """Axes of the signals' parameters."""

    universal: Axes = {}
    per_signal: dict[str, Axes] = {}


class Parallel(Words):
    """How many runs at once, and how long one might take."""

    max_workers: Count | None = None
    timeout_seconds: Count | None = None


class OnlineSim(Words):
    """What `run` never read."""

    signals: list[str] = []
    measure_latency: bool = True
    measure_memory: bool = True
    warmup_bins: Whole = 300


class Tracking(Words):
    """Where runs were mirrored."""

    backend: Literal["mlflow", "none"] = "mlflow"
    tracking_uri: str | None = None
    experiment_name: str | None = None
    run_name_prefix: str | None = None
    tags: dict[str, str] = {}
    wandb_mirror: bool = False
    wandb_project: str | None = None
    wandb_entity: str | None = None


class Config(Words):
    """A configuration."""

    name: str
    description: str = ""
    datasets: Annotated[list[Name], Field(min_length=1), AfterValidator(_once)]
    signals: Names
    grid_variant: GridVariant | None = None
    eval: Eval = Eval()
    sweep: Sweep = Sweep()
    parallel: Parallel = Parallel()
    online_sim: OnlineSim | None = None
    tracking: Tracking | None = None


SECTIONS: Mapping[str, type[Words]] = {
    "": Config,
    "eval": Eval,
    "grid_variant": GridVariant,
    "sweep": Sweep,
    "parallel": Parallel,
    "online_sim": OnlineSim,
    "tracking": Tracking,
}


def read(given: Foreign) -> Config:
    """Read a configuration. Raises SpecError with file, line and nearest valid name for what is none."""
    if not isinstance(given.document, Mapping):
        raise given.wrong("", "a configuration has the keys name, datasets and signals")
    try:
        return Config.model_validate(given.document)
    except ValidationError as problem:
        raise _refusal(given, problem.errors(include_url=False)[0]) from None


def _refusal(given: Foreign, first: Any) -> SpecError:
    path = ".".join(map(str, first["loc"]))
    section, _, key = path.rpartition(".")
    match first["type"]:
        case "extra_forbidden":
            return given.wrong(path, "unknown key", nearest(key, _known(section)))
        case "missing":
            return given.wrong(path, "missing")
        case "too_short":
            return given.wrong(path, "an empty list leaves nothing to run", "leave the key out, or give a value")
    said = str(first["msg"]).removeprefix("Value error, ")
    shown = first["input"]
    return given.wrong(path, said if isinstance(shown, list | Mapping) else f"{shown!r}: {said}")


def _known(section: str) -> list[str]:
    return list(SECTIONS[section].model_fields)
