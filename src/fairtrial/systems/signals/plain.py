"""A signal that is a plain function of a market: its keyword arguments become the model of its parameters."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

import numpy as np
from pydantic import BaseModel, ConfigDict, create_model
from pydantic.errors import PydanticUserError

from fairtrial.errors import UserError
from fairtrial.systems.signals.formula.adaptive import quantiles
from fairtrial.systems.signals.record import Bin, Bins, Floats, Integers, Market
from fairtrial.systems.signals.signal import Mode

Function = TypeVar("Function", bound=Callable[..., Any])
Window = int | Callable[..., int]
"""Bins that a value depends on, this one included; or a function of the parameters that returns them."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a plain function says of itself beyond its signature."""

    mode: Mode = "state"
    columns: tuple[str, ...] = ()
    thresholds: tuple[float, ...] = ()
    window: Window | None = None


def declare(
    *,
    mode: Mode = "state",
    columns: Collection[str] = (),
    thresholds: Sequence[float] = (),
    window: Window | None = None,
) -> Callable[[Function], Function]:
    """Decorate a plain signal: the columns of the grid that it reads, its mode, its thresholds, its window.

    `thresholds`: none: quantiles of |value|. `window`: bins that a value depends on, this one included (or a function
    of the same keyword arguments that returns them): with it the signal has a streaming twin.
    """

    def mark(function: Function) -> Function:
        function.declared = Declared(mode, tuple(columns), tuple(sorted(thresholds)), window)  # type: ignore[attr-defined]
        return function

    return mark


def wrapped(name: str, function: Callable[..., Any]) -> Plain:
    """Return a function `(market, **parameters) -> (n,) values` as a signal.

    An argument named `seed` gets the trial's seed. Raises UserError for a signature that no study could fill.
    """
    return Plain(name, function)


class Plain:
    """A plain function as a signal; its stream calls the function again on a trailing window at every bin."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        declared = getattr(function, "declared", None) or Declared()
        self.name, self._function, self._declared = name, function, declared
        self.help = (inspect.getdoc(function) or "").partition("\n")[0]
        self.mode: Mode = declared.mode
        self.columns: tuple[str, ...] = declared.columns
        self.Parameters, self._seeded = _model(name, function)

    def batch(self, market: Market, parameters: Any, *, seed: int) -> Floats:
        """Return its value at each bin, (n,). Raises UserError for a result of another shape."""
        given = {field: getattr(parameters, field) for field in type(parameters).model_fields}
        found = np.asarray(self._function(market, **given, **({"seed": seed} if self._seeded else {})))
        if found.shape != (len(market),) or found.dtype.kind not in "fiu":
            got = f"{found.dtype} of shape {found.shape}"
            raise UserError(f"signal {self.name!r} returned {got}", hint=f"a number for each of {len(market)} bins")
        return found.astype(np.float64)

    def stream(self, parameters: Any, *, tick_size: float, bin_s: float, seed: int) -> Replayed:
        """Return the function at work on its trailing window. Raises UserError where it declares none."""
        window = self._declared.window
        if callable(window):
            window = window(**parameters.model_dump())
        if window is None:
            hint = "say how many bins a value depends on: @declare(window=…)"
            raise UserError(f"signal {self.name!r} has no streaming twin: it declares no window", hint=hint)
        if not isinstance(window, int) or window < 1:
            raise UserError(f"signal {self.name!r} declares a window of {window!r}", hint="1 bin or more")
        return Replayed(self.name, lambda seen: self.batch(seen, parameters, seed=seed), window, (tick_size, bin_s))

    def thresholds(self, values: Floats) -> tuple[float, ...]:
        """Return those that it declares, else quantiles of |value|."""
        return self._declared.thresholds or quantiles(values)


class Replayed:
    """Keeps the last bins and computes the whole window anew at each: the work per bin grows with the window alone."""

    def __init__(self, name: str, batch: Callable[[Market], Floats], window: int, sizes: tuple[float, float]) -> None:
        self._name, self._batch, self._sizes = name, batch, sizes
        self._seen: deque[Bin] = deque(maxlen=window)

    def step(self, now: Bin) -> float:
        """Return the function's value at the last bin of the window. Raises UserError where it cannot have one."""
        self._seen.append(_kept(now))
        try:
            return float(self._batch(_market(self._seen, *self._sizes))[-1])
        except (UserError, ValueError, IndexError) as problem:
            said = str(problem).splitlines()[0]
            hint = "a stream is told numbers, times, mids and columns of the grid, not the best prices"
            raise UserError(f"signal {self._name!r} fails on its window: {said}", hint=hint) from problem


def _kept(now: Bin) -> Bin:
    """Return a bin whose columns are its own: the caller may write the next bin over them."""
    columns = {name: np.array(values) for name, values in now.columns.items()}
    return Bin(now.number, now.ts_ns, now.mid_ticks, now.valid, columns)


def _market(seen: Sequence[Bin], tick_size: float, bin_s: float) -> Market:
    """Return a window as a market; what a stream is not told (the best prices) is left empty, so that its use fails."""
    ends = _integers([one.ts_ns for one in seen])
    untold = _integers([])
    bins = Bins(
        bin_seq=_integers([one.number for one in seen]),
        ts_ns=ends,
        bin_start_ns=ends - round(bin_s * 1e9),
        bin_end_ns=ends,
        mid_price=np.array([one.mid_ticks * tick_size for one in seen]),
        event_id=untold,
        bin_event_count=untold,
        book_valid=np.array([one.valid for one in seen]),
        best_bid_price_int=untold,
        best_ask_price_int=untold,
        spot_ref_price_int=untold,
    )
    columns = {name: np.stack([one.columns[name] for one in seen]) for name in seen[-1].columns}
    return Market("window", bins, columns, tick_size, bin_s)


def _integers(values: Sequence[int]) -> Integers:
    return np.array(values, dtype=np.int64)


def _model(name: str, function: Callable[..., Any]) -> tuple[type[BaseModel], bool]:
    """Return the model of a function's keyword arguments, and whether it takes a seed."""
    arguments = list(inspect.signature(function).parameters.values())
    kinds = [one.kind for one in arguments]
    if not arguments or kinds[0] not in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD):
        raise UserError(f"signal {name!r}: its first argument is not the market", hint="def f(market, *, lag: int = 5)")
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    for one in arguments[1:]:
        if one.kind not in named:
            raise UserError(f"signal {name!r}: {one} names no parameter", hint="list the parameters by name")
    taken = {one.name: one.default for one in arguments[1:]}
    seeded = taken.pop("seed", None) is not None
    return _made(name, _fields(name, function, taken)), seeded


def _fields(name: str, function: Callable[..., Any], taken: Mapping[str, Any]) -> dict[str, Any]:
    try:
        hints = get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as problem:
        raise UserError(f"signal {name!r}: an annotation cannot be read: {problem}") from problem
    return {
        field: (hints.get(field, Any), ... if default is inspect.Parameter.empty else default)
        for field, default in taken.items()
    }


def _made(name: str, fields: Mapping[str, Any]) -> type[BaseModel]:
    config = ConfigDict(extra="forbid", frozen=True, validate_default=True, protected_namespaces=())
    try:
        return create_model(f"{name}_parameters", __config__=config, **fields)
    except (PydanticUserError, TypeError) as problem:
        raise UserError(f"signal {name!r}: {str(problem).splitlines()[0]}", hint="another type or name") from problem
