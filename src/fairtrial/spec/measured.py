"""Which of a system's metrics a study's trials measure, where that depends on their parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fairtrial.contract.system import Constant, Measures, System, Times
from fairtrial.errors import nearest
from fairtrial.model import path as paths
from fairtrial.model.study import Metric, Study
from fairtrial.spec.source import Source
from fairtrial.spec.words import StudyWords


def measured(system: System, study: Study) -> Mapping[str, Metric]:
    """Return the metrics that trials of every variant have, by what the study writes in its base and settings."""
    if not isinstance(system, Measures):
        return system.metrics
    kept = set(system.metrics)
    for base in bases(study):
        kept &= system.measured(base)
    return {name: metric for name, metric in system.metrics.items() if name in kept}


def bases(study: Study) -> Iterator[Mapping[str, Any]]:
    """Yield the parameters that a study writes for each variant, without what its factors set."""
    for variant in study.variants:
        base: Mapping[str, Any] = study.base
        for path, value in variant.set.items():
            base = paths.put(base, path, value)
        yield base


def timed(words: StudyWords, study: Study, system: System) -> bool:
    """Say whether it becomes a timing study because its system says so, and the study nothing."""
    return words.timing is None and isinstance(system, Times) and any(system.timed(base) for base in bases(study))


def constant(study: Study, system: System) -> str:
    """Say why another replicate would measure the same in some variant; '' where none would."""
    if not isinstance(system, Constant):
        return ""
    return next(filter(None, map(system.constant, bases(study))), "")


def check_replicates(source: Source, study: Study, system: System) -> None:
    """Refuse replicates that would measure the same again. Raises SpecError."""
    if study.replicates > 1 and (reason := constant(study, system)):
        raise source.error("replicates", f"{study.replicates} replicates would measure the same", reason)


def check_measured(source: Source, words: StudyWords, study: Study, system: System) -> None:
    """Refuse a metric that the system knows and these trials do not measure. Raises SpecError with the nearest."""
    known = measured(system, study)
    for at, name in _named(words, study):
        if name in system.metrics and name not in known:
            message = f"metric {name!r} is not measured with these parameters"
            raise source.error(at.partition(".")[0], message, nearest(name, known), at=at)


def _named(words: StudyWords, study: Study) -> Iterator[tuple[str, str]]:
    """Yield every place of the document that names a metric, and the metric."""
    yield from ((f"metrics.{at}", name) for at, name in _keys(words.metrics))
    yield from ((f"slo.{name}", name) for name in words.slo)
    yield from ((f"gate.{name}", name) for name in words.gate)
    yield from ((f"expect.{index}", claim.metric) for index, claim in enumerate(study.expect))
    yield from ((f"prices.{name}", name) for name in words.prices)
    if study.until is not None:
        yield "replicates.until.metric", study.until.metric


def _keys(metrics: Mapping[str, object] | list[str]) -> Iterator[tuple[object, str]]:
    yield from enumerate(metrics) if isinstance(metrics, list) else ((name, name) for name in metrics)
