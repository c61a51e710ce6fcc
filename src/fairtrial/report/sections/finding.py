"""A finding of any kind as a section of a report, and as what `analyse` prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from fairtrial.errors import FairtrialError
from fairtrial.model.choice import ClaimFinding, OptimumFinding, SearchFinding, TextFinding
from fairtrial.model.curve import CrossoverFinding, RangeFinding, SaturationFinding, ScalingFinding, ThresholdFinding
from fairtrial.model.effect import EffectsFinding
from fairtrial.model.figure import Section
from fairtrial.report.sections.claims import claims
from fairtrial.report.sections.conditions import Conditions, conditions
from fairtrial.report.sections.crossover import crossover
from fairtrial.report.sections.effects import effects
from fairtrial.report.sections.optimum import optimum
from fairtrial.report.sections.range import operating_range
from fairtrial.report.sections.saturation import saturation
from fairtrial.report.sections.scaling import scaling
from fairtrial.report.sections.search import search
from fairtrial.report.sections.text import text
from fairtrial.report.sections.threshold import threshold
from fairtrial.report.words import sentence

NONE: Mapping[str, str] = {}

_MAKERS: Mapping[type, Callable[[Any, Mapping[str, str]], Section]] = {
    Conditions: conditions,
    CrossoverFinding: crossover,
    EffectsFinding: effects,
    OptimumFinding: optimum,
    RangeFinding: lambda found, _: operating_range(found),
    SaturationFinding: saturation,
    ScalingFinding: scaling,
    SearchFinding: search,
    TextFinding: lambda found, _: text(found),
    ThresholdFinding: threshold,
}


def section(finding: Any, units: Mapping[str, str] = NONE) -> Section:
    """Turn a finding into a section: sentences, tables, plots. `units` maps metrics to units.

    Takes `Conditions` for the conditions of a run, and a tuple for the claims of a study. Cautions are left to the
    document, which lists those of all findings once.
    """
    made = _made(finding, units)
    return replace(made, sentences=tuple(map(sentence, made.sentences)))


def _made(finding: Any, units: Mapping[str, str]) -> Section:
    if isinstance(finding, tuple) and all(isinstance(each, ClaimFinding) for each in finding):
        return claims(finding)
    make = _MAKERS.get(type(finding))
    if make is None:
        raise FairtrialError(f"no section is made of {type(finding).__name__}")
    return make(finding, units)
