"""Parameters that learned signals share: when they learn, from how much, and what they are to foretell."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from fairtrial.systems.signals.words import Words

Count = Annotated[int, Field(ge=1, le=10_000_000)]
Distance = Annotated[float, Field(gt=0, le=1e6)]
ROWS = 12_000
"""Default of max_train_rows: 20 minutes of 100 ms."""
MIN_TRAIN = "Bins before the first model."
RETRAIN = "Bins from one model to the next."


class Learning(Words):
    """When a model learns."""

    min_train_bins: Count = Field(description=MIN_TRAIN)
    retrain_bins: Count = Field(description=RETRAIN)


class Labelled(Learning):
    """And from which rows; a row's side is that of the barrier that the mid touched first."""

    max_train_rows: int = Field(default=ROWS, ge=100, le=1_000_000, description="Last bins that it is learned from.")
    label_tp_ticks: Distance = Field(
        default=8.0, description="Take profit of labels, in ticks: does nothing where label_sl_ticks is as near."
    )
    label_sl_ticks: Distance = Field(default=4.0, description="Stop loss of labels, in ticks.")
    label_max_bins: int = Field(
        default=1200, ge=1, le=100_000, description="Longest wait for a barrier; a row that waits longer has no side."
    )

    @model_validator(mode="after")
    def _canonical(self) -> Labelled:
        """Write barriers that come to the same (the nearer one is touched first) in the same way."""
        if self.label_max_bins >= self.max_train_rows:
            raise ValueError(
                f"label_max_bins {self.label_max_bins} must be below max_train_rows {self.max_train_rows}: "
                "a row would leave before its side is known"
            )
        nearer = min(self.label_tp_ticks, self.label_sl_ticks)
        object.__setattr__(self, "label_sl_ticks", nearer)
        object.__setattr__(self, "label_tp_ticks", max(nearer, type(self).model_fields["label_tp_ticks"].default))
        return self
