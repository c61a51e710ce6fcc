"""What the parent of trials imports before it forks, and whether forking is safe after that.

Threads alone prove nothing: a library that was only imported may hold idle threads that survive a fork well, and one
without any thread may not survive it. So: what is known to be safe after import is counted, everything above is
refused, and some libraries are refused whatever they show.
"""

# ruff: noqa: PTH208
# (no pathlib in what the parent of trials loads: every fork would copy its pages)

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib import import_module

REFUSED = ("jax", "jaxlib", "tensorflow", "mpi4py.MPI", "pycuda.autoinit", "cudf", "rmm", "numba.cuda.cudadrv.driver")
"""Libraries that start a runtime on import which does not survive a fork."""

KNOWN_THREADS = {"polars": 4, "pyarrow": 2, "sklearn": 3, "torch": 2, "grpc": 1}
"""Threads that a library may start when it is only imported, and that do no harm to a forked child."""

POOLED = ("numpy", "scipy", "sklearn", "torch", "pyarrow")
"""Libraries with thread pools as large as the cap, re-made after a fork by their own handlers."""

CAPS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
    "TBB_NUM_THREADS",
)
"""Environment variables that cap thread pools; read by the libraries when they load."""


def capped(threads: int) -> dict[str, str]:
    """Return the environment that caps the thread pools of numeric libraries."""
    return {name: str(threads) for name in CAPS} | {"PYTHONHASHSEED": "0", "TOKENIZERS_PARALLELISM": "false"}


def unfit(threads: int) -> str:
    """Say why this process must not be forked from; '' where nothing speaks against it."""
    refused = [name for name in REFUSED if name in sys.modules]
    if refused:
        return f"{refused[0]} does not survive a fork"
    torch_cuda = sys.modules.get("torch.cuda")
    if torch_cuda is not None and torch_cuda.is_initialized():
        return "CUDA was initialised on import"
    if _python_threads() > 1:
        return "a Python thread was started on import"
    extra = len(os.listdir("/proc/self/task")) - 1
    if extra > _allowed(threads):
        return f"{extra} threads were started on import"
    return ""


def _python_threads() -> int:
    return len(sys._current_frames())


def _allowed(threads: int) -> int:
    known = sum(count for name, count in KNOWN_THREADS.items() if name in sys.modules)
    return known + sum(threads - 1 for name in POOLED if name in sys.modules)


class Imports:
    """The modules that children found missing: imported here once, never those that are refused or that fail."""

    def __init__(self) -> None:
        self.known: set[str] = set(sys.modules)

    @property
    def count(self) -> int:
        """How many modules are loaded now: a child with as many has imported nothing."""
        return len(sys.modules)

    def missing(self) -> list[str]:
        """List what a child has loaded and its parent has not."""
        return [name for name in sys.modules if name not in self.known]

    def load(self, names: Iterable[str]) -> None:
        """Import; what fails is remembered, so that no child names it again."""
        for name in names:
            if name in self.known:
                continue
            self.known.add(name)
            if any(name == refused or name.startswith(f"{refused}.") for refused in REFUSED):
                continue
            try:
                import_module(name)
            except BaseException:  # noqa: BLE001, S112 whatever it is, trials go on importing it themselves
                continue
        self.known.update(sys.modules)
