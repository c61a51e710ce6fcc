"""The axes of one signal: which parameters they are here, and whether each of them changes anything."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import prod
from typing import Any

from pydantic import ValidationError

from fairtrial.errors import nearest
from fairtrial.model.foreign import Foreign
from fairtrial.systems.signals.catalogue import signal
from fairtrial.systems.signals.convert.harness import Sweep
from fairtrial.systems.signals.convert.names import CANCELLED, NAMES, translated, value

COOLDOWN = "cooldown_bins"
MOST = 100_000
"""Combinations of one signal's levels, at most: each of them is tried."""
Row = tuple[int, ...]
"""A combination: for each axis the number of its level."""
Outcomes = Mapping[Row, "str | Refusal"]
"""What a signal makes of every combination: its settings in full as text, or why it refuses it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a signal refuses settings."""

    said: str
    hint: str


@dataclass(frozen=True, slots=True)
class Axis:
    """Levels of a parameter."""

    name: str
    """As it is called here."""
    path: str
    """Where it stands in the file."""
    levels: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Space:
    """What is varied of a signal."""

    axes: tuple[Axis, ...]
    refused: tuple[Mapping[str, Any], ...]
    """Levels of some axes that the signal refuses together: name -> level."""
    combinations: int
    """All of them, as the older harness counted."""
    accepted: int
    distinct: int
    """Of those that it accepts, such as differ in what the signal does."""


def space(given: Foreign, name: str, sweep: Sweep) -> Space:
    """Return what is varied of a signal.

    Raises SpecError for a parameter that it does not have, a level that it refuses, and an axis that changes nothing.
    """
    axes = _axes(given, name, sweep)
    if prod(len(axis.levels) for axis in axes) > MOST:
        raise given.wrong("sweep", f"more than {MOST:,} combinations of parameters of {name}", "write several files")
    made = _resolved(name, axes)
    accepted = {row: said for row, said in made.items() if isinstance(said, str)}
    for number, axis in enumerate(axes):
        _check_levels(given, name, (number, axis), made)
    first = next((row for row in accepted if _alive(row, axes, accepted)), None)
    if first is None:
        raise given.wrong(
            axes[0].path.rpartition(".")[0],
            f"no combination in which every axis of {name} changes something",
            "write two files",
        )
    refused = tuple(_refusals(axes, made))
    ordered = tuple(_first(axis, row) for axis, row in zip(axes, first, strict=True))
    return Space(ordered, refused, len(made), len(accepted), len(set(accepted.values())))


def _axes(given: Foreign, name: str, sweep: Sweep) -> list[Axis]:
    """Return the axes of a signal; its own come in the place of universal ones of the same name."""
    own = sweep.per_signal.get(name, {})
    if COOLDOWN in own:
        path = f"sweep.per_signal.{name}.{COOLDOWN}"
        raise given.wrong(path, "the older harness read it and did nothing with it", f"sweep.universal.{COOLDOWN}")
    universal = {key: levels for key, levels in sweep.universal.items() if key != COOLDOWN}
    found = _section(given, name, "sweep.universal", universal)
    found |= _section(given, name, f"sweep.per_signal.{name}", own)
    return [found[known] for known in sorted(found)]


def _section(given: Foreign, name: str, section: str, sweep: Mapping[str, Sequence[Any]]) -> dict[str, Axis]:
    """Return the axes of one section, by the names that they have here."""
    fields = signal(name).Parameters.model_fields
    found: dict[str, Axis] = {}
    for key, levels in sweep.items():
        known, path = translated(name, key), f"{section}.{key}"
        if known not in fields:
            raise given.wrong(path, f"the signal {name} has no parameter {key!r}", nearest(key, _known(name)))
        if known in found:
            message = f"{key} and {found[known].path.rpartition('.')[2]} are one parameter of {name}"
            raise given.wrong(path, message, "remove one")
        if len(levels) > 1 and (why := CANCELLED.get((name, known))):
            raise given.wrong(
                path, f"its levels are one to the signal {name}: {why}", "vary grid_variant.cell_width_ms"
            )
        found[known] = Axis(known, path, tuple(value(name, known, level) for level in levels))
    return found


def _known(name: str) -> set[str]:
    return {*signal(name).Parameters.model_fields, *NAMES.get(name, {})}


def _resolved(name: str, axes: Sequence[Axis]) -> dict[Row, str | Refusal]:
    """Try every combination."""
    found: dict[Row, str | Refusal] = {}
    model = signal(name).Parameters
    for row in product(*(range(len(axis.levels)) for axis in axes)):
        settings = {axis.name: axis.levels[index] for axis, index in zip(axes, row, strict=True)}
        try:
            made = model.model_validate_json(json.dumps(settings), strict=True)
            found[row] = json.dumps(made.model_dump(mode="json"), sort_keys=True)
        except ValidationError as problem:
            found[row] = _refusal(problem.errors(include_url=False)[0])
    return found


def _refusal(first: Any) -> Refusal:
    hint = "such a level is itself a list: [[…], […]]" if first["type"] == "tuple_type" else ""
    return Refusal(str(first["msg"]).removeprefix("Value error, "), hint)


def _check_levels(given: Foreign, name: str, numbered: tuple[int, Axis], made: Outcomes) -> None:
    """Refuse a level that the signal never takes, and two levels that are always the same to it."""
    number, axis = numbered
    outcomes: list[dict[Row, str]] = [{} for _ in axis.levels]
    refusals: dict[int, Refusal] = {}
    for row, said in made.items():
        if isinstance(said, Refusal):
            refusals.setdefault(row[number], said)
        else:
            outcomes[row[number]][row[:number] + row[number + 1 :]] = said
    for index, level in enumerate(axis.levels):
        at = f"{axis.path}.{index}"
        if not outcomes[index]:
            raise given.wrong(axis.path, f"level {level!r}: {refusals[index].said}", refusals[index].hint, at=at)
        for other in range(index):
            shared = outcomes[index].keys() & outcomes[other].keys()
            if shared and all(outcomes[index][row] == outcomes[other][row] for row in shared):
                message = f"levels {axis.levels[other]!r} and {level!r} are one to the signal {name}"
                raise given.wrong(axis.path, message, "remove one, or set what makes them differ", at=at)


def _alive(row: Row, axes: Sequence[Axis], accepted: Mapping[Row, str]) -> bool:
    """Say whether around a combination all levels of every axis differ in what they do."""
    for number, axis in enumerate(axes):
        around = ((*row[:number], index, *row[number + 1 :]) for index in range(len(axis.levels)))
        outcomes = [accepted[other] for other in around if other in accepted]
        if len(set(outcomes)) < len(outcomes):
            return False
    return True


def _first(axis: Axis, index: int) -> Axis:
    """Put a level first: checks of a study start from the first levels, where every axis must matter."""
    levels = (axis.levels[index], *axis.levels[:index], *axis.levels[index + 1 :])
    return Axis(axis.name, axis.path, levels)


def _refusals(axes: Sequence[Axis], made: Outcomes) -> Iterator[Mapping[str, Any]]:
    """Yield levels that are refused together, of as few axes as say it."""
    left = {row for row, said in made.items() if not isinstance(said, str)}
    for count in range(2, len(axes) + 1):
        for chosen in combinations(range(len(axes)), count):
            taken = {tuple(row[number] for number in chosen) for row, said in made.items() if isinstance(said, str)}
            for part in sorted({tuple(row[number] for number in chosen) for row in left} - taken):
                left = {row for row in left if tuple(row[number] for number in chosen) != part}
                yield {axes[number].name: axes[number].levels[i] for number, i in zip(chosen, part, strict=True)}
