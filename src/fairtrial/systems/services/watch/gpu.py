"""NVIDIA GPUs, where there are any: how busy they are, their memory, and what holds their clocks down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

HELD: tuple[tuple[int, str], ...] = (
    (0x04, "power cap"),
    (0x08, "hardware slow-down"),
    (0x20, "temperature, by software"),
    (0x40, "temperature, by hardware"),
    (0x80, "power brake"),
)
"""Bits of nvmlClocksEventReasons that slow a GPU down; 0x01 is idle."""


class Gpus:
    """All GPUs of the machine, by NVML."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self._handles = [library.nvmlDeviceGetHandleByIndex(n) for n in range(library.nvmlDeviceGetCount())]

    def __len__(self) -> int:
        return len(self._handles)

    def read(self) -> tuple[float, float]:
        """Return the mean share of time in which a kernel ran, and the bytes in use on all GPUs."""
        busy = [self._library.nvmlDeviceGetUtilizationRates(handle).gpu for handle in self._handles]
        used = [self._library.nvmlDeviceGetMemoryInfo(handle).used for handle in self._handles]
        return sum(busy) / len(busy) / 100, float(sum(used))

    def facts(self) -> dict[str, Any]:
        """Return what `run.json` says of them; a fact that a device does not tell is left out."""
        library = self._library
        facts: dict[str, Any] = {
            "gpus": [_word(library.nvmlDeviceGetName(handle)) for handle in self._handles],
            "gpu_driver": _word(library.nvmlSystemGetDriverVersion()),
            "gpu_memory_bytes": sum(library.nvmlDeviceGetMemoryInfo(handle).total for handle in self._handles),
        }
        try:
            clock = library.NVML_CLOCK_SM
            facts["gpu_clock_mhz"] = [library.nvmlDeviceGetClockInfo(handle, clock) for handle in self._handles]
            reasons = [library.nvmlDeviceGetCurrentClocksThrottleReasons(handle) for handle in self._handles]
            facts["gpu_held_down_by"] = sorted({word for bits in reasons for bit, word in HELD if bits & bit})
        except library.NVMLError:
            return facts
        return facts


@contextmanager
def gpus(library: Any = None) -> Iterator[Gpus | None]:
    """Open the GPUs; None where there is no driver, no library or no device. `library` is pynvml but for tests."""
    library = library or _nvml()
    if library is None or not _begun(library):
        yield None
        return
    try:
        found = Gpus(library)
        yield found if len(found) else None
    finally:
        library.nvmlShutdown()


def _nvml() -> Any:
    try:
        import pynvml
    except ImportError:
        return None
    return pynvml


def _begun(library: Any) -> bool:
    try:
        library.nvmlInit()
    except library.NVMLError:
        return False
    return True


def _word(text: str | bytes) -> str:
    return text.decode() if isinstance(text, bytes) else text
