"""The native library as Python sees it: its records, its calls, and what an error of its threads means."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from ctypes import POINTER, Structure, c_double, c_int, c_int32, c_int64, c_void_p
from typing import Any

import numpy as np
import numpy.typing as npt

from fairtrial.errors import MissingPart, UserError
from fairtrial.systems.threadpool.real.build import build

Nanoseconds = npt.NDArray[np.int64]
SUBMITTED, BEGIN, END, CPU, SWITCHES, ORDER = range(6)
"""Rows of the columns that a pool fills."""
COLUMNS = 6
NOT_YET, DROPPED = -1, -2


class Cpus(Structure):
    """Numbers of CPUs that a thread may use; none: any."""

    _fields_ = [("numbers", POINTER(c_int32)), ("count", c_int32)]


class Plan(Structure):
    """What a pool is given at its start."""

    _fields_ = [
        ("count", c_int64), ("due_ns", c_void_p), ("iterations", c_void_p), ("blocking_ns", c_void_p),
        ("columns", c_void_p), ("contention", c_double), ("queue_limit", c_int64), ("workers", c_int32),
        ("spins", c_int32), ("cpus", Cpus), ("submitter_cpus", Cpus),
    ]  # fmt: skip


class State(Structure):
    """A pool at one instant."""

    _fields_ = [
        (name, c_int64)
        for name in (
            "at_ns", "workers", "busy", "queued", "arrived", "switches", "busy_ns", "worker_ns", "begun",
            "ended", "dropped", "ahead",
        )
    ]  # fmt: skip

    @property
    def settled(self) -> int:
        """Tasks that ended or were dropped."""
        return int(self.ended + self.dropped)


CALLS: dict[str, tuple[Any, list[Any]]] = {
    "pool_open": (c_int, [POINTER(Plan), POINTER(c_void_p)]),
    "pool_start": (c_int, [c_void_p, POINTER(c_int64)]),
    "pool_resize": (c_int, [c_void_p, c_int32]),
    "pool_wait": (c_int, [c_void_p, c_int64, c_int32]),
    "pool_look": (None, [c_void_p, POINTER(State)]),
    "pool_copy": (c_int64, [c_void_p, c_void_p]),
    "pool_workers": (c_int64, [c_void_p, c_void_p, c_int64]),
    "pool_close": (None, [c_void_p]),
    "measure_spin": (c_int, [Cpus, c_int64, c_int64, c_void_p]),
    "measure_wake": (c_int, [Cpus, Cpus, c_int64, c_void_p]),
    "measure_pass": (c_int, [Cpus, c_int32, c_int64, c_int64, c_void_p]),
    "measure_spawn": (c_int, [Cpus, c_int64, c_void_p]),
}


def load() -> ctypes.CDLL:
    """Return the library, built where it has to be; its calls run without the interpreter's lock.

    Raises MissingPart: it cannot be built, or not loaded from the cache.
    """
    path = build()
    try:
        library = ctypes.CDLL(str(path))
    except OSError as problem:
        hint = "delete it, or set XDG_CACHE_HOME to a folder whose files may be run"
        raise MissingPart(f"cannot load the real pool: {problem}", hint=hint) from None
    for name, (result, arguments) in CALLS.items():
        call = getattr(library, name)
        call.restype, call.argtypes = result, arguments
    return library


def cpus(numbers: Sequence[int]) -> Cpus:
    """Return the CPUs as the library takes them."""
    return Cpus((c_int32 * len(numbers))(*numbers), len(numbers))


def check(problem: int, doing: str, *, hint: str = "run it again on a quiet machine") -> None:
    """Raise UserError in one line where a call returned an errno."""
    if problem:
        raise UserError(f"cannot {doing}: {os.strerror(problem)}", hint=hint)
