"""Level expressions -> values: linspace, logspace, geomspace, range, and plain lists.

Points are computed in decimal arithmetic and rounded once. So they are the same on every machine, `linspace` from 0 to
1 in 11 steps holds 0.3 itself, and a finer grid contains the points of a coarser one exactly: identity needs it all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, localcontext
from typing import Any

from fairtrial.model.identity import is_number
from fairtrial.model.study import Interval

MOST_LEVELS = 1_000_000
_DIGITS = 50


def linspace(start: float, stop: float, n: int) -> list[float]:
    """Return n evenly spaced points from start to stop, both included."""
    with localcontext(prec=_DIGITS):
        first, last = _exact(start), _exact(stop)
        return [float(first + (last - first) * i / (n - 1)) for i in range(n)]


def geomspace(start: float, stop: float, n: int) -> list[float]:
    """Return n points from start to stop, both included, each the same multiple of the one before."""
    if start <= 0 or stop <= 0:
        raise ValueError("logspace and geomspace take end points above 0, not exponents")
    with localcontext(prec=_DIGITS):
        first, last = _exact(start).ln(), _exact(stop).ln()
        inner = [float((first + (last - first) * i / (n - 1)).exp()) for i in range(1, n - 1)]
    return [float(start), *inner, float(stop)]


def steps(start: float, stop: float, step: float = 1) -> list[float]:
    """Return start, start + step, … up to stop, which is included where it is met; integers stay integers."""
    if step == 0 or (stop - start) * step < 0:
        raise ValueError(f"range [{start}, {stop}, {step}] never gets there: the step has the wrong sign or is 0")
    with localcontext(prec=_DIGITS):
        first, width = _exact(start), _exact(step)
        n = int((_exact(stop) - first) / width) + 1
        if n > MOST_LEVELS:
            raise ValueError(f"range has {n} levels: at most {MOST_LEVELS}")
        whole = all(isinstance(number, int) for number in (start, stop, step))
        kind: Callable[[Decimal], float] = int if whole else float
        return [kind(first + width * i) for i in range(n)]


def _exact(number: float) -> Decimal:
    return Decimal(repr(number))


SPACES: Mapping[str, Callable[[float, float, int], list[float]]] = {
    "linspace": linspace,
    "logspace": geomspace,
    "geomspace": geomspace,
}
INTERVALS = ("interval", "log_interval", "integers")
FORMS = ("levels", *SPACES, "range", "zip", *INTERVALS)
"""The keys that say what a factor's levels are; a factor has exactly one of them."""


def expand(form: str, value: Any, n: Any) -> list[Any]:
    """Make the levels of a form other than zip and the intervals. Raises ValueError saying what is wrong."""
    if form != "range" and form not in SPACES:
        return _listed(value)
    if form == "range":
        ends = _numbers(value, "range", at_least=2, at_most=3)
        return list(steps(*ends))
    start, stop = _numbers(value, form, at_least=2, at_most=2)
    if not isinstance(n, int) or isinstance(n, bool) or not 2 <= n <= MOST_LEVELS:
        raise ValueError(f"{form} needs n, how many points from 2 on: {{{form}: [{start}, {stop}], n: 5}}")
    return list(SPACES[form](start, stop, n))


def interval(form: str, value: Any) -> Interval:
    """Make the interval of `interval`, `log_interval` or `integers`. Raises ValueError saying what is wrong."""
    low, high = _numbers(value, form, at_least=2, at_most=2)
    if not low < high:
        raise ValueError(f"{form} [{low}, {high}] is empty: the first number is the lower one")
    if form == "log_interval" and low <= 0:
        raise ValueError("log_interval takes end points above 0")
    if form == "integers" and not (isinstance(low, int) and isinstance(high, int)):
        raise ValueError("integers takes whole end points")
    return Interval(low, high, log=form == "log_interval", integer=form == "integers")


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"levels are a list, or one of {', '.join(FORMS[1:])}: write [{value}] for one level")
    if not value:
        raise ValueError("no levels: an empty list leaves nothing to run")
    return value


def _numbers(value: Any, form: str, *, at_least: int, at_most: int) -> Sequence[float]:
    if isinstance(value, list) and at_least <= len(value) <= at_most and all(map(is_number, value)):
        return value
    shape = "[start, stop, step]" if at_most > 2 else "[first, last]"
    raise ValueError(f"{form} takes {shape}, numbers")
