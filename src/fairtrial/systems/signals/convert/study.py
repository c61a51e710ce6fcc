"""From a configuration of the older harness to a study, with what was changed and why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any, Literal

from fairtrial.errors import nearest
from fairtrial.model.foreign import Converted, Foreign
from fairtrial.systems.signals.catalogue import FORMULAS, LEARNED, names
from fairtrial.systems.signals.convert.axes import COOLDOWN, Space, space
from fairtrial.systems.signals.convert.grid import levels
from fairtrial.systems.signals.convert.harness import Config, read
from fairtrial.systems.signals.convert.notes import notes
from fairtrial.systems.signals.convert.parts import Parts
from fairtrial.systems.signals.convert.tracking import tracking

Protocol = Literal["original", "honest"]
NAME = re.compile(r"\w[\w.-]*")
LAKE = "lake"
COOLDOWNS = (30,)
"""What the older harness took where it was not said."""


def convert(given: Foreign, *, protocol: Protocol = "original", lake: str = LAKE) -> Converted:
    """Return the study that a configuration becomes; the same configuration gives the same study.

    Raises SpecError with file, line, nearest valid name and what to do for what cannot be converted exactly.
    """
    config = read(given)
    _check_names(given, config)
    parts = Parts(
        config=config,
        protocol=protocol,
        lake=lake,
        name=_name(given, config.name),
        spaces={name: space(given, name, config.sweep) for name in _signals(config)},
        variants=levels(given, config.grid_variant),
        cooldowns=_cooldowns(given, config),
        tracking=tracking(given, config.tracking),
    )
    return Converted(_document(parts), notes(parts, PurePath(given.file).name))


def _signals(config: Config) -> Sequence[str]:
    return (*FORMULAS, *LEARNED) if config.signals == ["all"] else config.signals


def _check_names(given: Foreign, config: Config) -> None:
    """Refuse signals that nobody knows, wherever they are named, and universal axes that one of them does not take."""
    known, used = names(), _signals(config)
    for index, name in enumerate(config.signals):
        if name == "all" and len(config.signals) > 1:
            raise given.wrong("signals", "all stands beside others", "signals: [all]", at=f"signals.{index}")
        if name not in {*known, "all"}:
            raise given.wrong("signals", f"unknown signal {name!r}", nearest(name, known), at=f"signals.{index}")
    for name in config.sweep.per_signal:
        if name not in used:
            path = f"sweep.per_signal.{name}"
            raise given.wrong(path, f"{name!r} is not among the signals", nearest(name, used))
    for index, name in enumerate(config.online_sim.signals if config.online_sim else ()):
        if name not in known:
            raise given.wrong(
                "online_sim.signals", f"unknown signal {name!r}", nearest(name, known), at=f"online_sim.signals.{index}"
            )


def _cooldowns(given: Foreign, config: Config) -> Sequence[int]:
    found = config.sweep.universal.get(COOLDOWN, list(COOLDOWNS))
    path = f"sweep.universal.{COOLDOWN}"
    for index, value in enumerate(found):
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise given.wrong(path, f"{value!r} is no number of bins from 0 on", at=f"{path}.{index}")
        if value in found[:index]:
            raise given.wrong(path, f"{value!r} stands here twice", "remove one", at=f"{path}.{index}")
    return found


def _name(given: Foreign, said: str) -> str:
    """Return a name as studies have them: what is no letter or digit becomes a dash."""
    made = re.sub(r"[^\w.-]+", "-", said).strip("-.")
    if not NAME.fullmatch(made):
        raise given.wrong("name", f"{said!r} is no name", "letters and digits")
    return made


def _document(parts: Parts) -> dict[str, Any]:
    """Join the words of the study, in the order in which people write them."""
    config = parts.config
    data, factors = _data(parts)
    evaluation: dict[str, Any] = {} if parts.protocol == "honest" else {"protocol": parts.protocol}
    for name, values in (
        ("tp_ticks", config.eval.tp_ticks),
        ("sl_ticks", config.eval.sl_ticks),
        ("cooldown_bins", parts.cooldowns),
    ):
        _place(evaluation, factors, f"evaluation.{name}", values)
    for name in ("max_hold_bins", "warmup_bins", "min_signals"):
        evaluation[name] = getattr(config.eval, name)
    document: dict[str, Any] = {
        "study": parts.name,
        "question": config.description,
        "system": "signals",
        "base": {"data": data, "evaluation": evaluation},
        "factors": factors,
        "variants": {name: _variant(name, found) for name, found in parts.spaces.items()},
        "exclude": [rule for name, found in parts.spaces.items() for rule in _rules(name, found)],
        "parallel": {} if config.parallel.max_workers is None else {"jobs": config.parallel.max_workers},
        "limits": {} if config.parallel.timeout_seconds is None else {"wall": f"{config.parallel.timeout_seconds}s"},
        "tracking": parts.tracking,
    }
    return {name: value for name, value in document.items() if value not in ({}, [], "", None)}


def _data(parts: Parts) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what is below `data`, and the factors of it."""
    data: dict[str, Any] = {}
    factors: dict[str, Any] = {}
    _place(data, factors, "data.dataset", parts.config.datasets)
    if parts.lake != LAKE:
        data["lake"] = parts.lake
    if parts.variants:
        factors["data.grid"] = [None, *(dict(settings) for settings in parts.variants)]
    return data, factors


def _place(base: dict[str, Any], factors: dict[str, Any], path: str, values: Sequence[Any]) -> None:
    """Put one value into the base, several into a factor."""
    plain = [int(value) if isinstance(value, float) and value.is_integer() else value for value in values]
    if len(plain) == 1:
        base[path.rpartition(".")[2]] = plain[0]
    else:
        factors[path] = plain


def _variant(name: str, found: Space) -> dict[str, Any]:
    fixed = {f"signal.parameters.{axis.name}": axis.levels[0] for axis in found.axes if len(axis.levels) == 1}
    factors = {f"signal.parameters.{axis.name}": list(axis.levels) for axis in found.axes if len(axis.levels) > 1}
    made: dict[str, Any] = {"set": {"signal.name": name, **fixed}}
    return {**made, "factors": factors} if factors else made


def _rules(name: str, found: Space) -> Iterator[str]:
    """Yield a rule for levels that the signal refuses together."""
    for together in found.refused:
        said = [f"signal.parameters.{axis} == {level!r}" for axis, level in together.items()]
        yield " and ".join((f"variant == {name!r}", *said))
