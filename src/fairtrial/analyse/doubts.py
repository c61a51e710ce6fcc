"""The doubts that every analysis shares: an incomplete run, few replicates, trials without a value."""

from __future__ import annotations

from collections.abc import Iterator

from fairtrial.model.finding import Caution, CautionKind
from fairtrial.model.words import percent

FEW = 3
"""Replicates below which the spread between them is hardly known."""
RETRY = "See why with fairtrial show RUN --failed, then fairtrial retry RUN."
REPLICATE = "Set replicates: 5 or more; the same run is continued."
CONFIRM = "Measure the top again on fresh seeds with fairtrial confirm RUN."


def reached(share: float, asked: float) -> bool:
    """Say whether the declared share of the trials gave a value; rounding is forgiven."""
    return share >= asked - 1e-9


def incomplete(share: float, asked: float) -> Iterator[Caution]:
    """Doubt what rests on fewer trials than the study asks for."""
    if not reached(share, asked):
        text = f"{percent(share)} of the trials gave a value, the study asks for {percent(asked)}."
        yield Caution(CautionKind.INCOMPLETE, text, RETRY)


def few(replicates: int, text: str) -> Iterator[Caution]:
    """Doubt, with this text, what rests on fewer than FEW replicates."""
    if replicates < FEW:
        yield Caution(CautionKind.FEW_REPLICATES, text, REPLICATE)
