"""What a mirror is given: a settled trial with all that is shown of it, and the receipt for what was delivered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairtrial.model.outcome import Usage
from fairtrial.model.run import TrialRow

RUN = 0
"""The number in a receipt that stands for the run itself; trials are numbered from 1."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a series, with its time in unix seconds."""

    number: int
    at: float
    metrics: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Parcel:
    """A settled trial as it is to be mirrored."""

    row: TrialRow
    seal: str
    """What a receipt says was delivered: another attempt, a retirement or other settings give another seal."""
    parameters: Mapping[str, Any]
    """The resolved parameters (nested JSON); a secret stands as its reference."""
    started: float
    """Unix seconds, as `ended`."""
    ended: float
    usage: Usage = Usage()
    cautions: tuple[str, ...] = ()
    steps: Sequence[Step] = ()
    tables: Mapping[str, Path] = field(default_factory=dict)
    """Name of a raw table -> its Parquet file."""
    files: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was delivered of a run: a trial by its number, or the run itself."""

    number: int
    remote: str
    """Its id at the destination."""
    seal: str
