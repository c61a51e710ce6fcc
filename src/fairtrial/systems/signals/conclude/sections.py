"""The sections that this system adds to a report, from the trials of a run."""

from __future__ import annotations

from collections.abc import Sequence

from fairtrial.contract.system import Tables
from fairtrial.model.figure import Section
from fairtrial.model.run import Measurements
from fairtrial.systems.signals.conclude import barriers, course, sides, thresholds


def sections(measured: Measurements, tables: Tables) -> Sequence[Section]:
    """Return what the run has to say: courses, sides, barriers, thresholds."""
    made = (
        course.section(measured, tables),
        sides.section(measured),
        barriers.section(measured),
        thresholds.section(measured, tables),
    )
    return [section for section in made if section is not None]
