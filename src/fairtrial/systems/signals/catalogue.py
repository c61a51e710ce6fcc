"""Name -> signal: ours, loaded when they are asked for, and those of the entry-point group `fairtrial.signals`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import ValidationError

from fairtrial.errors import MissingPart, UnknownName, UserError
from fairtrial.systems.signals.signal import GROUP, Signal

FORMULAS = ("ads", "spg", "erd", "pfp", "jad", "iirc", "msd", "perm_derivative", "ads_pfp_svac")
LEARNED = ("svm_sp", "gbm_mf", "knn_cl", "lsvm_der", "xgb_snap", "pca_ad")
PARTS = ("name", "help", "mode", "Parameters", "columns", "batch", "stream", "thresholds")


def names() -> list[str]:
    """List the signals, ours first; nothing is imported."""
    return [*FORMULAS, *LEARNED, *sorted({*_entries()} - {*FORMULAS, *LEARNED})]


def signal(name: str) -> Signal:
    """Make a signal by its name.

    Raises UnknownName with the nearest; for a user's signal UserError where it is none or has a name twice,
    MissingPart where it needs what is not installed.
    """
    there = _entries().get(name, ())
    ours = name in FORMULAS or name in LEARNED
    if len(there) + ours > 1:
        owners = (*(["fairtrial"] if ours else []), *(entry.value for entry in there))
        raise UserError(f"signal {name!r} is there {len(owners)} times: {', '.join(owners)}", hint="rename all but one")
    if ours:
        made: Signal = (_formula if name in FORMULAS else _learned)(name)()
        return made
    if not there:
        raise UnknownName("signal", name, names())
    return _bound(there[0])


def settings(known: Signal, given: Mapping[str, Any]) -> Any:
    """Return a signal's parameters from plain values.

    Raises UserError, one line, for a value that is out of range, UnknownName for a parameter that it does not have.
    """
    try:
        return known.Parameters.model_validate(dict(given))
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            fields = known.Parameters.model_fields
            raise UnknownName(f"parameter of signal {known.name!r}", place, fields) from None
        said = str(first["msg"]).removeprefix("Value error, ")
        raise UserError(": ".join(filter(None, (f"signal {known.name!r}", place, said)))) from None


@cache
def _entries() -> dict[str, tuple[EntryPoint, ...]]:
    """Return the entry points of users' signals by name: more than one where a name is taken twice."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in entry_points(group=GROUP):
        found[entry.name] = (*found.get(entry.name, ()), entry)
    return found


def _formula(name: str) -> type[Any]:
    match name:
        case "ads":
            from fairtrial.systems.signals.formula.ads import Ads

            return Ads
        case "spg":
            from fairtrial.systems.signals.formula.spg import Spg

            return Spg
        case "erd":
            from fairtrial.systems.signals.formula.erd import Erd

            return Erd
        case "pfp":
            from fairtrial.systems.signals.formula.pfp import Pfp

            return Pfp
        case "jad":
            from fairtrial.systems.signals.formula.jad import Jad

            return Jad
        case "iirc":
            from fairtrial.systems.signals.formula.iirc import Iirc

            return Iirc
        case "msd":
            from fairtrial.systems.signals.formula.msd import Msd

            return Msd
        case "perm_derivative":
            from fairtrial.systems.signals.formula.permutation import PermDerivative

            return PermDerivative
        case _:
            from fairtrial.systems.signals.formula.composite import AdsPfpSvac

            return AdsPfpSvac


def _learned(name: str) -> type[Any]:
    match name:
        case "svm_sp":
            from fairtrial.systems.signals.learned.svm import SvmSp

            return SvmSp
        case "gbm_mf":
            from fairtrial.systems.signals.learned.gbm import GbmMf

            return GbmMf
        case "knn_cl":
            from fairtrial.systems.signals.learned.knn import KnnCl

            return KnnCl
        case "lsvm_der":
            from fairtrial.systems.signals.learned.sgd import LsvmDer

            return LsvmDer
        case "xgb_snap":
            from fairtrial.systems.signals.learned.xgb import XgbSnap

            return XgbSnap
        case _:
            from fairtrial.systems.signals.learned.pca import PcaAd

            return PcaAd


def _bound(entry: EntryPoint) -> Signal:
    """Return what an entry point names as a signal: a class is made, a plain function wrapped."""
    from inspect import isroutine

    loaded = _loaded(entry)
    if isroutine(loaded):
        from fairtrial.systems.signals.plain import wrapped

        return wrapped(entry.name, loaded)
    made = loaded() if isinstance(loaded, type) else loaded
    lacking = [part for part in PARTS if not hasattr(made, part)]
    if lacking:
        raise UserError(f"signal {entry.name!r} ({entry.value}) is no signal: it lacks {', '.join(lacking)}")
    if made.name != entry.name:
        raise UserError(f"signal {entry.name!r} ({entry.value}) calls itself {made.name!r}", hint="one name for both")
    if getattr(made.Parameters, "model_config", {}).get("extra") != "forbid":
        hint = "model_config = ConfigDict(extra='forbid')"
        raise UserError(f"signal {entry.name!r}: its Parameters must forbid extra keys", hint=hint)
    found: Signal = made
    return found


def _loaded(entry: EntryPoint) -> Any:
    """Import what an entry point names: one that does not find its own parts is broken, others lack a module."""
    try:
        return entry.load()
    except ImportError as problem:
        module = (problem.name or "").partition(".")[0]
        if not module or module == entry.module.partition(".")[0]:
            raise UserError(f"signal {entry.name!r} ({entry.value}) does not import: {problem}") from problem
        raise MissingPart(f"signal {entry.name!r} needs {module}", hint=f"pip install {module}") from problem
    except AttributeError as problem:
        raise UserError(f"signal {entry.name!r} ({entry.value}) is not there: {problem}") from problem
