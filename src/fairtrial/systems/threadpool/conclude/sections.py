"""The sections that this system adds to a report, from the trials of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fairtrial.errors import UnknownName
from fairtrial.model.figure import Section
from fairtrial.model.run import Measurements
from fairtrial.systems.threadpool.conclude import importance, labels, landscape, reality, regret, replayed
from fairtrial.systems.threadpool.conclude.trials import Trials, trials

Tables = Callable[[str], Any]


def sections(measured: Measurements, tables: Tables) -> Sequence[Section]:
    """Return what the run has to say: about sizes, labels, regret, replays, models and reality."""
    found = trials(measured)
    if not len(found.replicate):
        return ()
    made = [landscape.section(found)] if _sized(found) else []
    made.append(labels.section(found))
    made += [reality.section(found), regret.section(found, _read(tables, "choices"))]
    made += [importance.section(_read(tables, "importance")), replayed.section(found)]
    return [section for section in made if section is not None]


def _sized(found: Trials) -> bool:
    """Say whether workloads were tried with several sizes, and are few enough to be shown one by one."""
    return landscape.SIZE in found.factors and "telemetry.row" not in found.factors


def _read(tables: Tables, name: str) -> Any:
    """Return a raw table; None where no trial kept one."""
    try:
        return tables(name)
    except UnknownName:
        return None
