"""What a market, an evaluation and its costs are: the parameters below `data` and `evaluation`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Ticks = Annotated[float, Field(ge=0, le=1e6)]
Weight = Annotated[float, Field(ge=0, le=1e6)]
Seconds = Annotated[float, Field(gt=0, le=1e6)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$")]
"""A data set's id: it is a folder's name."""


class Words(BaseModel):
    """Parameters that take no other keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def _forget(self, names: Iterable[str]) -> None:
        """Set what nothing reads to its default: a factor of it then changes nothing, and such a study is refused."""
        for name in names:
            object.__setattr__(self, name, type(self).model_fields[name].default)


class Synthetic(Words):
    """A market that is made up: order flow through a matching book, its days drawn from the trial's seed."""

    bins: int = Field(default=36_000, ge=100, le=10_000_000, description="Bins; 36,000 of 100 ms are an hour.")
    edge: float = Field(
        default=0.0,
        ge=-1,
        le=1,
        description="How much the flow foretells the price; 0: nothing, below 0: the opposite.",
    )
    horizon_s: Seconds = Field(default=5.0, description="How far ahead the flow tells, in seconds.")
    volatility_ticks: float = Field(
        default=1.0, gt=0, le=1000, description="Standard deviation of a second's change of the mid, in ticks, about."
    )
    drift_ticks_per_s: float = Field(default=0.0, ge=-100, le=100, description="Drift of the mid, in ticks a second.")
    events_per_s: float = Field(default=200.0, ge=1, le=1e6, description="Messages a second, about.")
    tick_size: float = Field(default=0.25, gt=0, le=1e6, description="Price of a tick.")
    bin_s: float = Field(default=0.1, gt=0, le=3600, description="Length of a bin, in seconds.")


class Grid(Words):
    """How the fields of the grid are made from the book: another choice is another variant of a data set."""

    c1: Weight = Field(default=1.0, description="Weight of v_add in the pressure.")
    c2: Weight = Field(default=0.5, description="Weight of max(v_rest_depth, 0) in the pressure.")
    c3: Weight = Field(default=0.3, description="Weight of max(a_add, 0) in the pressure.")
    c4: Weight = Field(default=1.0, description="Weight of v_pull in the vacuum.")
    c5: Weight = Field(default=1.5, description="Weight of v_fill in the vacuum.")
    c6: Weight = Field(default=0.5, description="Weight of max(-v_rest_depth, 0) in the vacuum.")
    c7: Weight = Field(default=0.3, description="Weight of max(a_pull, 0) in the vacuum.")
    tau_mass_s: Seconds = Field(default=30.0, description="Decay of masses.")
    tau_velocity_s: Seconds = Field(default=2.0, description="Smoothing of velocities.")
    tau_acceleration_s: Seconds = Field(default=5.0, description="Smoothing of accelerations.")
    tau_jerk_s: Seconds = Field(default=10.0, description="Smoothing of jerks.")
    cell_width_ms: int = Field(default=100, ge=1, le=3_600_000, description="Length of a bin.")
    bucket_size: float | None = Field(
        default=None, gt=0, description="Price width of a cell; None: as the data set has it, one tick."
    )
    spectrum_windows: tuple[Annotated[int, Field(ge=1, le=100_000)], ...] = Field(
        default=(5, 10, 20, 40), min_length=1, description="Rolling means of the composite, in bins."
    )
    spectrum_weights: tuple[Weight, Weight, Weight] = Field(
        default=(0.55, 0.30, 0.15), description="Weights of the first, second and third difference."
    )
    spectrum_z_bins: int = Field(default=300, ge=2, le=1_000_000, description="Window of the robust z.")
    spectrum_min_bins: int = Field(default=75, ge=2, le=1_000_000, description="Least bins of the robust z.")
    tanh_scale: float = Field(default=3.0, gt=0, description="Scale of tanh.")
    state_threshold: float = Field(default=0.15, gt=0, le=1, description="Least |score| of a state that is not 0.")

    @model_validator(mode="after")
    def _fits(self) -> Grid:
        if self.spectrum_min_bins > self.spectrum_z_bins:
            raise ValueError(
                f"spectrum_min_bins is {self.spectrum_min_bins}, more than the window spectrum_z_bins "
                f"({self.spectrum_z_bins}) holds"
            )
        return self


class Data(Words):
    """What is judged on: a data set, several days of them, or a market that is made up."""

    dataset: Name | None = Field(default=None, description="Id of a data set below `lake`.")
    days: tuple[Name, ...] = Field(
        default=(), description="Ids of several: each is tested with what the others taught (leave one day out)."
    )
    synthetic: Synthetic | None = Field(default=None, description="In place of a data set.")
    lake: str = Field(default="lake", min_length=1, description="Folder that holds data sets.")
    grid: Grid | None = Field(default=None, description="Another variant of the grid; None: as the data set has it.")

    @model_validator(mode="after")
    def _one(self) -> Data:
        given = [name for name in ("dataset", "days", "synthetic") if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"give one of dataset, days and synthetic, not {' and '.join(given)}")
        if not given:
            raise ValueError("no data: give dataset (`fairtrial signals datasets` lists them), days or synthetic")
        if self.days and (len(self.days) < 2 or len(set(self.days)) < len(self.days)):
            raise ValueError("days needs two data sets or more, each once")
        if self.synthetic is not None:
            self._forget(("lake",))
        return self

    @property
    def folder(self) -> Path:
        """The folder that holds data sets."""
        return Path(self.lake).expanduser()

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the data sets; none for a market that is made up."""
        return (self.dataset,) if self.dataset else self.days


class Costs(Words):
    """What a round trip costs, and how late it begins."""

    entry_delay_bins: int = Field(default=1, ge=0, le=100_000, description="Bins from a signal to the entry.")
    half_spread: Ticks | Literal["observed"] = Field(
        default="observed", description="Half of the spread, paid at entry and exit, in ticks; observed: the book's."
    )
    fee_ticks: Ticks = Field(default=0.5, description="Fees of a round trip, in ticks.")
    slippage_ticks: Ticks = Field(default=0.0, description="Paid at entry and at exit each, in ticks.")


class Folds(Words):
    """How time is cut: training lies before its test, and the last block is never chosen on.

    Of several days each but the last is tested with what all the others but the last taught, later ones too: a day
    tells nothing of how another one went.
    """

    count: int = Field(default=5, ge=1, le=100, description="Test folds, walking forward.")
    embargo_bins: int = Field(
        default=300, ge=0, le=1_000_000, description="Between training and test, beyond the longest trade."
    )
    holdout: Share = Field(default=0.2, description="Share of the bins, the last ones, that nothing is chosen on.")


class Evaluation(Words):
    """How signals become trades, and trades numbers."""

    protocol: Literal["honest", "original"] = Field(
        default="honest", description="original: the older harness's rules, mid-price fills without costs."
    )
    tp_ticks: float = Field(default=8.0, gt=0, le=1e6, description="Take profit, in ticks.")
    sl_ticks: float = Field(default=4.0, gt=0, le=1e6, description="Stop loss, in ticks.")
    max_hold_bins: int = Field(default=1200, ge=2, le=10_000_000, description="Bins until a trade times out.")
    warmup_bins: int = Field(default=300, ge=0, le=10_000_000, description="First bins, cut off.")
    cooldown_bins: int = Field(default=30, ge=0, le=10_000_000, description="Least bins between two signals.")
    threshold: float | None = Field(
        default=None, ge=0, description="Of the signal; None: chosen on the training fold (original: each is shown)."
    )
    min_signals: int = Field(default=5, ge=1, description="Least trades of a threshold that may be chosen.")
    overlap: Literal["skip", "net", "independent"] = Field(
        default="skip",
        description="skip: no entry while a trade is open; net: an opposite signal turns it; independent: all trade.",
    )
    costs: Costs = Costs()
    folds: Folds = Folds()
    draws: int = Field(default=100_000, ge=1000, le=10_000_000, description="Most random entries that p is taken from.")

    @model_validator(mode="after")
    def _read(self) -> Evaluation:
        if self.protocol == "original":
            for name in ("overlap", "costs", "folds", "draws"):
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise ValueError(f"`{name}` does nothing with protocol: original; leave it out")
        return self
