"""The words of a study other than its factors -> the records of `model.study`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from fairtrial.contract.registry import Registry
from fairtrial.errors import nearest
from fairtrial.model.study import (
    Design,
    Direction,
    Limits,
    Metric,
    Needs,
    Order,
    Parallel,
    Stop,
    SystemRef,
)
from fairtrial.spec.explain import explain
from fairtrial.spec.quantity import share
from fairtrial.spec.shape import Shape
from fairtrial.spec.source import Source
from fairtrial.spec.words import (
    LATER,
    LATER_DESIGNS,
    AutoWords,
    DesignWords,
    FilesWords,
    LimitsWords,
    MetricWords,
    StopWords,
    StudyWords,
)


def check(source: Source) -> StudyWords:
    """Check the document's words. Raises SpecError for an unknown, missing, mistyped or not yet built one."""
    _refuse_later(source)
    try:
        return StudyWords.model_validate(dict(source.document))
    except ValidationError as problem:
        found = explain(problem, source.document, Shape(StudyWords), "key")
        raise source.error(found.path, found.message, found.hint) from problem


def _refuse_later(source: Source) -> None:
    document = source.document
    for word, what in LATER.items():
        if word in document:
            raise source.error(word, f"this version of fairtrial has no {what} yet", f"remove {word!r}")


def system_ref(words: StudyWords, source: Source, registry: Registry) -> SystemRef:
    """Read how the system is named: a plug-in's name, or a mapping with a shorthand's key and its options."""
    folder = str(source.folder.resolve())
    if isinstance(words.system, str):
        if words.system not in registry.names("system"):
            hint = nearest(words.system, registry.names("system"))
            raise source.error("system", f"unknown system {words.system!r}", hint or "fairtrial doctor lists plug-ins")
        return SystemRef(name=words.system, folder=folder)
    known = [key for key in words.system if key in registry.names("shorthand")]
    if len(known) != 1:
        hint = nearest(next(iter(words.system), ""), registry.names("shorthand"))
        raise source.error("system", "a system is a plug-in's name, or a mapping with exactly one shorthand", hint)
    value = words.system[known[0]] if len(words.system) == 1 else dict(words.system)
    return SystemRef(name=known[0], shorthand=known[0], value=value, folder=folder)


def design(words: StudyWords, source: Source, registry: Registry) -> Design:
    """Read how conditions are chosen."""
    given = words.design if isinstance(words.design, DesignWords) else DesignWords(kind=words.design)
    strategies = registry.names("strategy")
    if given.kind not in strategies:
        later = given.kind in LATER_DESIGNS
        message = f"this version has no design {given.kind!r} yet" if later else f"unknown design {given.kind!r}"
        raise source.error("design", message, nearest(given.kind, strategies), at="design.kind")
    if given.n is not None and given.budget is not None:
        raise source.error("design", "n and budget are two words for one number", "keep n", at="design.budget")
    n = given.budget if given.n is None else given.n
    if given.kind == Design().kind and n is not None:
        raise source.error("design", "a grid runs every condition and takes no n", "narrow it with --limit N")
    return Design(kind=given.kind, n=n, options=dict(given.model_extra or {}))


def metrics(words: StudyWords, source: Source, declared: Mapping[str, Metric]) -> tuple[Metric, ...]:
    """Read the metrics that the study chooses of those that the system declares."""
    given = words.metrics
    named = dict.fromkeys(given) if isinstance(given, list) else given
    for index, name in enumerate(given):
        if declared and name not in declared:
            at = f"metrics.{index if isinstance(given, list) else name}"
            raise source.error("metrics", f"unknown metric {name!r}", nearest(name, declared), at=at)
    if len(named) != len(given):
        raise source.error("metrics", "a metric is named twice")
    return tuple(_metric(name, said, declared.get(name, Metric(name))) for name, said in named.items())


def _metric(name: str, said: Any, known: Metric) -> Metric:
    if said is None:
        return known
    if isinstance(said, MetricWords):
        return Metric(name, Direction(said.direction), said.unit or known.unit, said.help or known.help)
    return Metric(name, Direction(said), known.unit, known.help)


def with_metrics(document: Mapping[str, Any], metrics: Sequence[Metric]) -> dict[str, Any]:
    """Return the document with its metrics written out, the system's own too: who reads it later lacks the system."""
    written = {metric.name: _written(metric) for metric in metrics}
    return {**document, **({"metrics": written} if written else {})}


def _written(metric: Metric) -> Any:
    more = {name: text for name, text in (("unit", metric.unit), ("help", metric.help)) if text}
    return {"direction": metric.direction.value, **more} if more else metric.direction.value


def order(words: StudyWords) -> Order:
    """Read the order of trials; blocked where the metrics are times, unless another is asked for."""
    return Order(words.order.randomise or ("blocked" if words.timing else "none"), words.order.warmup)


def needs(words: StudyWords) -> Needs:
    """Read what a trial occupies."""
    return Needs(words.needs.cpus, words.needs.memory, words.needs.gpus)


def limits(given: LimitsWords) -> Limits:
    """Read what an attempt may use."""
    return Limits(given.wall, given.memory, given.retries.model_dump())


def stop(given: StopWords) -> Stop:
    """Read when a run ends early."""
    shared = isinstance(given.failures, str)
    return Stop(
        wall_s=given.wall,
        trials=given.trials,
        failures=given.failures if isinstance(given.failures, int) else None,
        failures_share=share(str(given.failures)) if shared else None,
        cost=given.cost,
    )


def parallel(words: StudyWords, source: Source, registry: Registry) -> Parallel:
    """Read how many trials run at once, where, and how isolated; alone where the metrics are times."""
    given = words.parallel
    jobs = given.jobs
    if given.engine not in registry.names("engine"):
        hint = nearest(given.engine, registry.names("engine"))
        raise source.error("parallel.engine", f"unknown engine {given.engine!r}", hint)
    if words.timing and jobs is not None and not isinstance(jobs, int):
        raise source.error("parallel.jobs", "timing studies run alone: auto is refused", "write jobs: 1")
    if words.needs.gpus and given.workers == "persistent":
        message = "persistent workers keep the GPU that they saw first, and needs.gpus asks for one a trial"
        raise source.error("parallel.workers", message, "write workers: isolated")
    count = jobs if isinstance(jobs, int) else None
    return Parallel(
        jobs=1 if words.timing and count is None else count,
        jobs_max=jobs.max if isinstance(jobs, AutoWords) else None,
        engine=given.engine,
        workers=given.workers,
        isolate=given.isolate,
    )


def code(words: StudyWords, source: Source) -> tuple[str, tuple[str, ...]]:
    """Read what of the code enters identity: (source | version | files, the files)."""
    if isinstance(words.code, FilesWords):
        if isinstance(words.system, str):
            raise source.error("code", "a plug-in answers for its code by its version, not by files", "remove 'code'")
        return "files", tuple(words.code.files)
    return words.code, ()
