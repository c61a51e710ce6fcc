"""Which CPUs the threads are kept on: workers on the first `cores`, the submitter on another one where there is one."""

from __future__ import annotations

import os
from dataclasses import dataclass

from fairtrial.errors import UserError


@dataclass(frozen=True, slots=True)
class Place:
    """Numbers of CPUs."""

    workers: tuple[int, ...]
    submitter: tuple[int, ...]
    apart: bool
    """The submitter has a CPU to itself; else it shares those of the workers."""
    kept: bool
    """The system keeps threads where they are put (Linux)."""


def place(cores: int) -> Place:
    """Choose the CPUs for a pool on so many cores. Raises UserError where this process may not use as many."""
    kept = hasattr(os, "sched_getaffinity")
    there = sorted(os.sched_getaffinity(0)) if kept else list(range(os.cpu_count() or 1))
    if cores > len(there):
        few = f"machine.cores: {cores} asked for, and this process may use {len(there)} of this machine's CPUs"
        raise UserError(few, hint=f"give machine.cores: {len(there)} or fewer; engine: simulated takes any number")
    if not kept and cores < len(there):
        loose = (
            f"machine.cores: {cores} asked for, and this system cannot keep threads on some of its {len(there)} CPUs"
        )
        raise UserError(loose, hint=f"give machine.cores: {len(there)}, or use Linux")
    workers = tuple(there[:cores])
    rest = tuple(there[cores : cores + 1])
    return Place(workers=workers, submitter=rest or workers, apart=bool(rest), kept=kept)
