"""The columns of a telemetry file: which there are, and a line of text as a row and back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
from pydantic import ValidationError

from fairtrial.errors import UserError, nearest
from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.parameters import FAMILIES, Telemetry
from fairtrial.systems.threadpool.telemetry.older import WORKLOAD, behind
from fairtrial.systems.threadpool.telemetry.record import Row
from fairtrial.systems.threadpool.telemetry.schema import NAMES
from fairtrial.systems.threadpool.words import Workload

FAMILY, CORES = "family", "cores"
ALWAYS = ("arrivals.kind", "arrivals.rate_per_s", "cpu.kind", "cpu.mean_us", "blocking.kind", "blocking.mean_us")
"""Columns of a workload that are written for every row; the others where a row differs from the default."""
BLANK = frozenset(name for name in NAMES if name.startswith("task_"))
"""Features that are undefined where no task ended in the window."""
SHARE = "worker_util"
ALIKE = 0.85
"""Likeness from which an unknown column is taken for a misspelt one."""


def paths(words: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted path, value) of nested parameters."""
    for key, value in words.items():
        if isinstance(value, Mapping):
            yield from paths(value, f"{above}{key}.")
        else:
            yield above + key, value


DEFAULTS: Mapping[str, Any] = dict(paths(Workload().model_dump()))
"""Dotted path -> what a blank means."""


def cells(row: Row) -> dict[str, str]:
    """Return a row as text, column by column: blank where undefined, or as by default."""
    found = {name: _text(value) for name, value in zip(NAMES, row.features.tolist(), strict=True)}
    found |= {FAMILY: FAMILIES[row.family], CORES: str(row.cores)}
    for name, value in paths(row.workload.model_dump()):
        found[name] = _text(value) if name in ALWAYS or value != DEFAULTS[name] else ""
    return found


def _text(value: Any) -> str:
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else str(value)


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that a file has beside the ten."""

    workload: tuple[str, ...]

    def row(self, place: str, values: Mapping[str, str], cores: int) -> Row:
        """Return the row on a line; `place` is file:line. Raises UserError for a value that is not as it should be."""
        features = np.array([_feature(place, name, values[name]) for name in NAMES])
        workload = self._described(place, values) if self.workload else _told(place, features)
        given = values.get(CORES, "")
        return Row(features, workload, _family(place, values.get(FAMILY, ""), workload), _cores(place, given, cores))

    def _described(self, place: str, values: Mapping[str, str]) -> Workload:
        words: dict[str, dict[str, Any]] = {}
        for path, default in DEFAULTS.items():
            part, name = path.split(".")
            words.setdefault(part, {})[name] = values.get(path) or default
        if words["arrivals"]["kind"] == "trace":
            known = "poisson, constant, bursty or adversarial"
            raise UserError(f"{place}: column 'arrivals.kind': a row has no trace of its own", hint=f"give {known}")
        try:
            return Workload.model_validate(words)
        except ValidationError as problem:
            raise _refused(place, problem, {}) from problem


def _refused(place: str, problem: ValidationError, names: Mapping[str, str]) -> UserError:
    """Return the first thing that is wrong with a workload, in one line; `names`: parameter -> its column."""
    first = problem.errors()[0]
    column = ".".join(map(str, first["loc"]))
    said = first["msg"].removeprefix("Value error, ").splitlines()[0]
    given = "" if isinstance(first["input"], Mapping) else f", not {first['input']}"
    return UserError(f"{place}: column {names.get(column, column)!r}: {said}{given}")


def columns(place: str, header: Sequence[str]) -> Columns:
    """Look at a header; `place` is file:line. Raises UserError for a column that is missing, doubled or misspelt."""
    for name in header:
        if header.count(name) > 1 and name in (*NAMES, FAMILY, CORES, *DEFAULTS):
            raise UserError(f"{place}: column {name!r} is there twice", hint="remove one")
    for name in NAMES:
        if name not in header:
            unknown = [other for other in header if other not in NAMES]
            raise UserError(f"{place}: column {name!r} is missing", hint=_misspelt(name, unknown))
    optional = (FAMILY, CORES, *DEFAULTS)
    for name in header:
        if name in NAMES or name in optional:
            continue
        part = name.partition(".")[0]
        if get_close_matches(name, optional, n=1, cutoff=ALIKE) or part in ("arrivals", "cpu", "blocking"):
            raise UserError(f"{place}: unknown column {name!r}", hint=nearest(name, optional))
    return Columns(tuple(name for name in DEFAULTS if name in header))


def _misspelt(name: str, there: Sequence[str]) -> str:
    close = get_close_matches(name, there, n=1)
    if close:
        return f"is {close[0]!r} meant? rename it"
    return f"a telemetry file has the columns {', '.join(NAMES)}"


def _feature(place: str, name: str, text: str) -> float:
    if not text and name in BLANK:
        return math.nan
    value = _number(place, name, text)
    if name == SHARE and value > 1:
        raise UserError(f"{place}: column {name!r}: {text} is above 1", hint="it is a share, from 0 to 1")
    return value


def _number(place: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError as problem:
        blank = "leave it blank where no task ended" if name in BLANK else "give a number"
        raise UserError(f"{place}: column {name!r}: {text!r} is no number", hint=blank) from problem
    if not math.isfinite(value):
        blank = "leave it blank where no task ended" if name in BLANK else "give a finite number"
        raise UserError(f"{place}: column {name!r}: {text} is not finite", hint=blank)
    if value < 0:
        raise UserError(f"{place}: column {name!r}: {text} is negative", hint="give a number from 0")
    return value


def _told(place: str, features: Floats) -> Workload:
    """Return the workload that the ten numbers tell."""
    rate, size, _ = (float(features[NAMES.index(name)]) for name in WORKLOAD)
    for name, value in zip(WORKLOAD, (rate, size), strict=False):
        if not value > 0:
            hint = f"leave the row out, or describe its workload in columns {', '.join(ALWAYS)}"
            raise UserError(f"{place}: column {name!r}: without a number above 0 there is no workload", hint=hint)
    try:
        return behind(features)
    except ValidationError as problem:
        raise _refused(place, problem, dict(zip(("rate_per_s", "mean_us", "cv"), WORKLOAD, strict=True))) from problem


def _family(place: str, text: str, workload: Workload) -> int:
    """Return the family; blank: blocking where tasks block, else that of the arrivals, else steady."""
    if text and text not in FAMILIES:
        raise UserError(f"{place}: column {FAMILY!r}: unknown family {text!r}", hint=nearest(text, FAMILIES))
    kind = "blocking" if workload.blocking.mean_us else workload.arrivals.kind
    return FAMILIES.index(text or (kind if kind in FAMILIES else "steady"))


def _cores(place: str, text: str, otherwise: int) -> int:
    if not text:
        return otherwise
    try:
        return Telemetry(cores=int(text)).cores
    except ValueError as problem:  # pydantic's too
        raise UserError(
            f"{place}: column {CORES!r}: {text!r} is no number of cores", hint="from 1 to 4096"
        ) from problem
