"""Sizes, durations and shares as people write them -> numbers in bytes, seconds and parts of one."""

from __future__ import annotations

import re
from typing import Any

from fairtrial.model.claim import Margin
from fairtrial.model.identity import is_number

_UNITS_BYTES = {
    "B": 1,
    **{f"{prefix}B": 1000**power for power, prefix in enumerate(("k", "M", "G", "T"), 1)},
    **{f"{prefix}iB": 1024**power for power, prefix in enumerate(("K", "M", "G", "T"), 1)},
    "KB": 1000,
    "kiB": 1024,
}
_UNITS_S = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_TIMES_S = {**_UNITS_S, "min": 60.0, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_SIGNED = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
AMOUNT = rf"^{_SIGNED} ?\S*$"
_NUMBER = r"\d+(?:\.\d+)?"
SIZE = rf"^{_NUMBER} ?(B|[kKMGT]B|[kKMGT]iB)$"
DURATION = rf"^(?=.)(?:{_NUMBER}d)?(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s)?(?:{_NUMBER}ms)?$"
SHARE = rf"^{_NUMBER} ?%$"


def size_bytes(value: Any) -> int:
    """Read a size: `1GiB`, `512MB`, or a number of bytes. Raises ValueError for anything else, and for nothing."""
    if isinstance(value, str) and re.fullmatch(SIZE, value):
        number, unit = re.fullmatch(rf"({_NUMBER}) ?(\w+)", value).groups()  # type: ignore[union-attr]
        value = round(float(number) * _UNITS_BYTES[unit])
    if not is_number(value) or value != int(value) or value < 1:
        raise ValueError(f"{value!r} is not a size: write 1GiB, 512MB or a number of bytes")
    return int(value)


def duration_s(value: Any) -> float:
    """Read a duration: `2m`, `90s`, `1h30m`, or a number of seconds. Raises ValueError for anything else."""
    if isinstance(value, str) and re.fullmatch(DURATION, value):
        value = sum(float(number) * _UNITS_S[unit] for number, unit in re.findall(rf"({_NUMBER})(ms|[dhms])", value))
    if not is_number(value) or value <= 0:
        raise ValueError(f"{value!r} is not a duration: write 2m, 90s, 1h30m or a number of seconds")
    return float(value)


def count_or_share(value: Any) -> int | str:
    """Check a count (`5`) or a share (`10%`). Raises ValueError for anything else."""
    if isinstance(value, str) and re.fullmatch(SHARE, value) and 0 < share(value) <= 1:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise ValueError(f"{value!r} is neither a count from 1 nor a share such as 10%")


def share(text: str) -> float:
    """Read a share: '10%' is 0.1."""
    return float(text.rstrip(" %")) / 100


def amount(value: Any, unit: str) -> float:
    """Read an amount in a unit: a number, or a text that says its own unit of the same kind (`20ms` of seconds).

    Raises ValueError for anything else.
    """
    if is_number(value):
        return float(value)
    match = re.fullmatch(rf"({_SIGNED}) ?(\S*)", value) if isinstance(value, str) else None
    if match is None or not is_number(float(match[1])):
        raise ValueError(f"{value!r} is no number")
    number, said = float(match[1]), match[2]
    if said in ("", unit):
        return number
    for scale in (_TIMES_S, _UNITS_BYTES):
        if said in scale and unit in scale and unit != "m":  # a metric's m is a metre
            return number * scale[said] / scale[unit]
    if said == "%":
        raise ValueError(f"{value!r} is a share, and an amount is needed here")
    raise ValueError(f"{value!r} is not in {unit!r}, the unit here" if unit else f"{value!r}: there is no unit here")


def margin(value: Any, unit: str) -> Margin:
    """Read a size of difference: a share (`10%`), or an amount. Raises ValueError for anything else, and below 0."""
    if isinstance(value, str) and re.fullmatch(SHARE, value):
        return Margin(share(value), relative=True)
    if isinstance(value, str) and re.fullmatch(rf"{_SIGNED} ?%", value):
        raise ValueError(f"{value!r} is {'negative: a margin is a size' if value[0] == '-' else 'no share'}")
    size = amount(value, unit)
    if size < 0:
        raise ValueError(f"{value!r} is negative: a margin is a size")
    return Margin(size, relative=False)
