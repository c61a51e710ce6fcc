"""The only reader of study files: YAML, a command, or a Python mapping -> a Study, checked against its system."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fairtrial.contract.registry import Registry
from fairtrial.contract.system import System
from fairtrial.errors import SpecError, UserError, nearest
from fairtrial.model import path as paths
from fairtrial.model.study import ABSENT, Metric, Study
from fairtrial.spec import factors, override, settings, terms
from fairtrial.spec.claims import read_claims
from fairtrial.spec.grammar import Override
from fairtrial.spec.layout import check_layout
from fairtrial.spec.measured import check_measured, check_replicates, measured, timed
from fairtrial.spec.mirror import mirror_of
from fairtrial.spec.resolve import check_values
from fairtrial.spec.shape import Shape
from fairtrial.spec.source import Source, as_json, load, open_source
from fairtrial.spec.words import NAME, StudyWords

Winner = Callable[[int], Mapping[str, Any]]
"""Run number -> the full parameters of its best condition."""

_INTERPRETERS = re.compile(r"(python|pypy|bash|sh|node|Rscript|julia|perl|ruby)[\d.]*")


@dataclass(frozen=True, slots=True)
class Declared:
    """A study that was read and checked, with the system that it is about."""

    study: Study
    system: System


def read_file(
    path: Path, *, registry: Registry, overrides: Sequence[str] = (), winner: Winner | None = None
) -> Declared:
    """Read a study file. Raises SpecError with file, line, path and the nearest valid name; MissingPart."""
    return _read(open_source(path), registry, overrides, winner)


def read_document(
    document: Mapping[str, Any],
    *,
    registry: Registry,
    folder: Path,
    file: str = "",
    overrides: Sequence[str] = (),
    winner: Winner | None = None,
) -> Declared:
    """Read a study from a mapping: of the Python face, or `Study.document`, which gives an equal Study again.

    Relative names start from the folder; `file` is what errors call the document. Raises SpecError, MissingPart.
    """
    source = Source(document={}, folder=folder, file=file)
    return _read(replace(source, document=as_json(document, source)), registry, overrides, winner)


def read_command(
    command: str,
    *,
    registry: Registry,
    overrides: Sequence[str],
    name: str | None = None,
    replicates: int | None = None,
    metrics: Sequence[str] = (),
    folder: Path,
) -> Declared:
    """Make a study of a command without a file; it is split as a shell would, and run without one.

    The study is named after its program unless a name is given. A metric is `NAME` or `NAME=maximize | minimize`.
    Raises SpecError, MissingPart.
    """
    try:
        argv = shlex.split(command)
    except ValueError as problem:
        raise SpecError(f"{command!r} cannot be split into words: {problem}", path="--command") from problem
    if not argv:
        raise SpecError("the command is empty", path="--command")
    document: dict[str, Any] = {"study": name or _name_of(argv), "system": {"command": argv}}
    if replicates is not None:
        document["replicates"] = replicates
    if metrics:
        document["metrics"] = _directions(metrics)
    return _read(Source(document=document, folder=folder), registry, overrides, None, strict=False)


def _name_of(argv: Sequence[str]) -> str:
    """Name a study after its program, or after the script where the program is an interpreter."""
    program = Path(argv[0])
    if _INTERPRETERS.fullmatch(program.name) and len(argv) > 1 and not argv[1].startswith("-"):
        program = Path(argv[1])
    name = re.sub(r"[^\w.-]+", "-", program.stem).strip("-.")
    return name if re.fullmatch(NAME, name) else "command"


def _directions(metrics: Sequence[str]) -> dict[str, str]:
    return {name: direction or "none" for name, _, direction in (metric.partition("=") for metric in metrics)}


def _read(
    source: Source, registry: Registry, texts: Sequence[str], winner: Winner | None, *, strict: bool = True
) -> Declared:
    first, rest = override.split(texts)
    before = _with_base(override.apply(source, first), winner)
    source = override.apply(before, rest)
    words = settings.check(source)
    study = study_of(source, words, registry)
    if strict and rest:
        _check_new_names(before, rest, registry)
    system = _bind(source, study, registry, () if strict else [item.path for item in rest])
    if timed(words, study, system):
        words = words.model_copy(update={"timing": True})
        study = study_of(source.with_part("timing", words.timing, {}), words, registry)
    shape = Shape(system.Parameters)
    check_layout(source, study, shape)
    check_values(source, study, system.Parameters, shape)
    metrics = settings.metrics(words, source, system.metrics) if words.metrics else measured(system, study).values()
    study = judged(source, words, replace(study, metrics=tuple(metrics)), system.metrics)
    check_measured(source, words, study, system)
    check_replicates(source, study, system)
    return Declared(study=study, system=system)


def _with_base(source: Source, winner: Winner | None) -> Source:
    """Put the base itself in the place of a file's name or `{winner: RUN}`."""
    base = source.document.get("base")
    if isinstance(base, str):
        path = source.folder / base
        value, places = load(path, str(path), "base")
        if not isinstance(value, dict):
            raise source.error("base", f"{base} holds no mapping of parameters")
        return source.with_part("base", value, places)
    if isinstance(base, Mapping) and set(base) == {"winner"}:
        return source.with_part("base", _winning(source, base["winner"], winner), {"base": source.place("base")})
    return source


def _winning(source: Source, run: Any, winner: Winner | None) -> Any:
    if not isinstance(run, int) or isinstance(run, bool) or run < 1:
        raise source.error("base", f"winner names a run by its number, not {run!r}", "fairtrial list")
    if winner is None:
        raise source.error("base", "there is no book here to take a winner from")
    return as_json(winner(run), source, "base")


def study_of(source: Source, words: StudyWords, registry: Registry) -> Study:
    """Make the study of words that are checked, its metrics and its system's parameters excepted."""
    variants = factors.read_variants(source, words.variants)
    common = factors.read_factors(source, "factors", words.factors)
    rules = [factors.read_rule(source, f"exclude.{index}", text) for index, text in enumerate(words.exclude)]
    code, code_files = settings.code(words, source)
    return Study(
        name=words.study,
        question=words.question,
        system=settings.system_ref(words, source, registry),
        base=dict(words.base) if isinstance(words.base, Mapping) else {},
        factors=common,
        variants=variants,
        exclude=tuple(rules),
        include=factors.read_include(source, words.include, variants),
        replicates=terms.replicates(words, source),
        seed=words.seed,
        design=settings.design(words, source, registry),
        order=settings.order(words),
        needs=settings.needs(words),
        limits=settings.limits(words.limits),
        stop=settings.stop(words.stop),
        parallel=settings.parallel(words, source, registry),
        inputs={name: given.model_dump(exclude_none=True) for name, given in words.inputs.items()},
        code=code,
        code_files=code_files,
        live=bool(words.timing) if words.live is None else words.live,
        timing=bool(words.timing),
        durability=words.durability,
        completeness=words.completeness,
        alpha=words.alpha,
        tracking=mirror_of(words.tracking, words.study),
        tags=tuple(words.tags),
        document=factors.written_out(source.document, common, variants),
        file=source.file,
        lines=source.lines,
    )


def judged(source: Source, words: StudyWords, study: Study, declared: Mapping[str, Metric]) -> Study:
    """Add what names metrics: claims, service levels, gates, prices; and the metrics that they name, to the others."""
    known = {**declared, **{metric.name: metric for metric in study.metrics}}
    made = replace(
        study,
        expect=read_claims(source, words.expect, study, known),
        slo=terms.slo(words, source, known),
        gate=terms.gate(words, source, known),
        confirm=terms.confirm(words),
        until=terms.until(words, source, known),
        prices=terms.prices(words, source, study, known),
        plan=terms.place(words),
    )
    metrics = (*study.metrics, *terms.named(made, known))
    return replace(made, metrics=metrics, document=settings.with_metrics(study.document, metrics))


def _options(study: Study, given: Sequence[str] = ()) -> dict[str, Any]:
    """Say to a system on binding what the study says about its code, and which parameters it names.

    `given` are paths of the command line: in a study without a file they count as named by it.
    """
    given = [path for path in given if path.partition(".")[0] not in StudyWords.model_fields]
    return {
        "code": study.code,
        "code_files": list(study.code_files),
        "live": study.live,
        "parameters": dict(study.base),
        "factors": sorted({*_named(study), *given}),
    }


def _bind(source: Source, study: Study, registry: Registry, given: Sequence[str]) -> System:
    try:
        return registry.bind(study.system, _options(study, given))
    except SpecError:
        raise
    except UserError as problem:
        raise source.error("system", problem.message, problem.hint) from problem


def _named(study: Study) -> set[str]:
    """Collect the paths that factors, and settings of variants give values to."""
    varied = {path for variant in study.variants for path in factors.names(study.all_factors(variant))}
    return varied | {path for variant in study.variants for path in variant.set}


def _check_new_names(before: Source, overrides: Sequence[Override], registry: Registry) -> None:
    """Refuse an override of a parameter that nothing has declared: the system, the base, the factors or variants."""
    try:
        study = study_of(before, settings.check(before), registry)
        shape = Shape(registry.bind(study.system, _options(study)).Parameters)
    except UserError:  # the study is one with its overrides only
        return
    named = _named(study)
    for item in overrides:
        zipped = isinstance(item.form, Mapping) and "zip" in item.form
        of_study = item.path.partition(".")[0] in StudyWords.model_fields
        if not (item.mark or zipped or of_study or item.path in named):
            _check_new_name(item, shape, study.base)


def _check_new_name(item: Override, shape: Shape, base: Mapping[str, Any]) -> None:
    if paths.get(base, item.path, default=ABSENT) is not ABSENT:
        return
    message = f"override {item.text!r}: unknown parameter"
    found = shape.unknown(item.path)
    if found is not None:
        key, hint = found
        words = nearest(key, StudyWords.model_fields)
        raise UserError(f"{message} {key!r}", hint=words if words.startswith("did") and key == item.path else hint)
    parent, _, key = item.path.rpartition(".")
    beside = paths.get(base, parent) if parent else base
    if shape.free(item.path) and isinstance(beside, Mapping) and beside and key not in beside:
        raise UserError(f"{message} {key!r}", hint=f"write +{item.text} to add it; {nearest(key, beside)}")
