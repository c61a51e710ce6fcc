"""What a driver's session is made of, and how a call of it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fairtrial.contract.engine import Engine
from fairtrial.contract.journal import Journal
from fairtrial.contract.strategy import Told
from fairtrial.contract.system import System, Target
from fairtrial.execute.machine.host import Host
from fairtrial.model.outcome import Outcome
from fairtrial.model.run import History
from fairtrial.model.study import Study
from fairtrial.model.trial import Trial


@dataclass(frozen=True, slots=True)
class Setup:
    """All that a session needs. `total`, `done`, `failed` and `reused` are the run's counts before the session."""

    study: Study
    system: System
    target: Target
    engine: Engine
    journal: Journal
    folder: Path
    """The `.fairtrial` folder; the engine's scratch is trials/<driver> in it."""
    mark: str
    """The book's id: processes are marked with it and with this driver's pid and start time."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Input name -> path for trials."""
    history: History = History()
    total: int | None = None
    """Trials that count, finished ones included; None where the plan is not counted."""
    done: int = 0
    """Settled without failure, reused ones included."""
    failed: int = 0
    reused: int = 0
    spent: float = 0.0
    """What the run has cost so far, in the unit of the study's prices."""
    share: Callable[[Trial], tuple[str, str]] | None = None
    """Share key and scope of a trial; None asks the system, where it shares something."""
    redact: Callable[[Outcome], Outcome] | None = None
    """Takes the values of secrets out of an outcome before it is stored or shown."""
    clock: Callable[[], float] = time.time
    """Dates events; nothing is measured with it."""
    monotonic: Callable[[], float] = time.monotonic
    host: Host | None = None
    """The machine; None is this one."""
    runtime: Path | None = None
    """Where the per-user folder lies (control sockets, capacity); None is the temp folder."""


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a call ended. The counts are of its own settled trials."""

    told: tuple[Told, ...] = ()
    """What came of each trial, in the order given, when asked for; trials that were not settled are left out."""
    state: str = "complete"
    """complete | budget | failures | cancelled | interrupted"""
    signal: int | None = None
    reason: str = ""
    done: int = 0
    failed: int = 0
    cancelled: int = 0
    """Trials that the user cancelled one by one: not settled, so the same command runs them."""
