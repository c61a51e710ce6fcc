"""Run the cells: how often each detector fires where there is nothing, and where there is something."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from fairtrial.errors import UnknownName
from fairtrial.flow.selftest.cell import NULLS, PLANTED, Cell
from fairtrial.model.finding import Interval

LEVEL = 0.95
MORE = 10
CHUNK = 50
"""Repeats that one process makes at a time."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a detector fired in one world."""

    detector: str
    world: str
    size: str
    planted: bool
    promised: float
    fired: int
    repeats: int
    interval: Interval

    @property
    def holds(self) -> bool:
        """Say whether what is promised lies within what was seen: rate at most (null) or at least (planted)."""
        return self.interval.high >= self.promised if self.planted else self.interval.low <= self.promised


@dataclass(frozen=True, slots=True)
class _Repeats:
    """The repeats of a cell: where it stands, so that every process can find it."""

    module: str
    place: int
    seed: int


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A stretch of them."""

    of: _Repeats
    start: int
    stop: int


def cells() -> list[tuple[str, int, Cell]]:
    """List every cell as (module, place in it, cell), detectors in alphabetical order."""
    from fairtrial.flow import selftest as package

    modules = sorted(f"{package.__name__}.{found.name}" for found in iter_modules(package.__path__))
    made = [(module, getattr(import_module(module), "CELLS", ())) for module in modules]
    return [(module, place, cell) for module, found in made for place, cell in enumerate(found)]


def selftest(
    *,
    only: Sequence[str] = (),
    slow: bool | None = None,
    share: float = 1.0,
    seed: int = 0,
    jobs: int | None = None,
    on_rate: Callable[[Rate], None] | None = None,
) -> list[Rate]:
    """Measure every cell (those of the detectors in `only`) in their order; `slow`: only those that are, or are not.

    `share` of the 1,000 null and 400 planted repeats are made, for a quick look. Of hundreds of cells whose rate is
    exactly what is promised one in forty seems to break its promise by chance: a cell that does is measured with MORE
    times the repeats, and those decide. Repeat i of a cell draws from a stream of its own, so that neither the number
    of processes nor the other cells change it. Raises UnknownName.
    """
    every = cells()
    known = list(dict.fromkeys(cell.detector for _, _, cell in every))
    for name in only:
        if name not in known:
            raise UnknownName("detector", name, known)
    chosen = [found for found in every if (not only or found[2].detector in only) and slow in (None, found[2].slow)]
    rates = []
    for rate in _measured(chosen, share, seed, jobs or len(os.sched_getaffinity(0))):
        rates.append(rate)
        if on_rate:
            on_rate(rate)
    return rates


def _measured(chosen: Sequence[tuple[str, int, Cell]], share: float, seed: int, jobs: int) -> Iterator[Rate]:
    with _pool(jobs) as submit:
        found = [(_Repeats(module, place, seed), cell) for module, place, cell in chosen]
        first = [_counts(submit, of, cell, share) for of, cell in found]
        for (of, cell), counted in zip(found, first, strict=True):
            rate = counted()
            yield rate if rate.holds else _counts(submit, of, cell, MORE * share)()


Submit = Callable[[_Chunk], Callable[[], int]]
"""Takes a stretch of repeats; what it gives waits for the count."""


@contextmanager
def _pool(jobs: int) -> Iterator[Submit]:
    """Give a way to count stretches of repeats in so many processes, or here and now for one."""
    if jobs == 1:
        yield lambda chunk: lambda: fired(chunk)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_alone) as pool:
        yield lambda chunk: pool.submit(fired, chunk).result


def _alone() -> None:
    """Keep numeric libraries from starting a thread for every core in every process."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"


def _counts(submit: Submit, of: _Repeats, cell: Cell, share: float) -> Callable[[], Rate]:
    """Hand out the repeats of a cell; what is returned waits for them."""
    chunks = _chunks(of, cell, share)
    counts = [submit(chunk) for chunk in chunks]
    return lambda: _rate(cell, chunks[-1].stop, sum(count() for count in counts))


def _chunks(of: _Repeats, cell: Cell, share: float) -> list[_Chunk]:
    repeats = max(1, round(share * (PLANTED if cell.planted else NULLS)))
    return [_Chunk(of, start, min(start + CHUNK, repeats)) for start in range(0, repeats, CHUNK)]


def fired(chunk: _Chunk) -> int:
    """Count how often a detector fires in a stretch of the repeats of a cell."""
    cell: Cell = import_module(chunk.of.module).CELLS[chunk.of.place]
    return sum(bool(cell.fires(_stream(cell, chunk.of.seed, repeat))) for repeat in range(chunk.start, chunk.stop))


def _stream(cell: Cell, seed: int, repeat: int) -> Any:
    import numpy as np

    from fairtrial.model.identity import stream_seed

    name = f"{cell.detector}/{cell.world}/{cell.size}"
    return np.random.default_rng([stream_seed(seed, name), repeat])


def _rate(cell: Cell, repeats: int, count: int) -> Rate:
    from fairtrial.stats.interval import rate_interval

    interval = Interval(*rate_interval(count, repeats, LEVEL), LEVEL, "Clopper-Pearson")
    return Rate(cell.detector, cell.world, cell.size, cell.planted, cell.rate, count, repeats, interval)
