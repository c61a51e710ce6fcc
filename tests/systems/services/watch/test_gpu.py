"""GPUs, with a library that plays NVML; the names of its functions are checked against the real one."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from fairtrial.systems.services.watch.gpu import HELD, gpus


class NVMLError(Exception):
    """What NVML raises."""


class Nvml:
    """Two GPUs; or none, or no driver, or no clocks."""

    NVMLError = NVMLError
    NVML_CLOCK_SM = 1

    def __init__(self, count=2, *, driver=True, clocks=True):
        self.count, self.driver, self.clocks = count, driver, clocks
        self.open = False

    def nvmlInit(self):
        if not self.driver:
            raise NVMLError("driver not loaded")
        self.open = True

    def nvmlShutdown(self):
        self.open = False

    def nvmlDeviceGetCount(self):
        return self.count

    def nvmlDeviceGetHandleByIndex(self, index):
        return index

    def nvmlDeviceGetUtilizationRates(self, handle):
        return SimpleNamespace(gpu=(30, 90)[handle])

    def nvmlDeviceGetMemoryInfo(self, handle):
        return SimpleNamespace(used=(1, 2)[handle] * 2**30, total=80 * 2**30)

    def nvmlDeviceGetName(self, handle):
        return (b"NVIDIA X", "NVIDIA Y")[handle]

    def nvmlSystemGetDriverVersion(self):
        return "570.1"

    def nvmlDeviceGetClockInfo(self, handle, clock):
        if not self.clocks:
            raise NVMLError("not supported")
        return 1500 + handle + clock

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle):
        return (0x1, 0x44)[handle]


def test_use_and_facts_of_two():
    """Use is the mean, memory the sum; what holds the clocks down is named, idleness is not."""
    library = Nvml()
    with gpus(library) as found:
        assert found.read() == (0.6, 3 * 2**30)
        assert found.facts() == {
            "gpus": ["NVIDIA X", "NVIDIA Y"],
            "gpu_driver": "570.1",
            "gpu_memory_bytes": 160 * 2**30,
            "gpu_clock_mhz": [1501, 1502],
            "gpu_held_down_by": ["power cap", "temperature, by hardware"],
        }
        assert library.open
    assert not library.open


@pytest.mark.parametrize("library", [Nvml(0), Nvml(driver=False)])
def test_none(library):
    """Without a device or a driver there is nothing, and nothing stays open."""
    with gpus(library) as found:
        assert found is None
    assert not library.open


def test_a_device_that_tells_no_clocks():
    """What a device does not tell is left out."""
    with gpus(Nvml(clocks=False)) as found:
        assert "gpu_clock_mhz" not in found.facts()
        assert found.facts()["gpu_memory_bytes"] == 160 * 2**30


def test_the_real_library_has_these_names():
    """Functions and bits are NVML's own; on this machine there may be no GPU, and that is said without an error."""
    pynvml = pytest.importorskip("pynvml", reason="nvidia-ml-py is not installed")
    names = [name for name in dir(Nvml) if name.startswith(("nvml", "NVML"))]
    assert all(hasattr(pynvml, name) for name in names)
    bits = [
        pynvml.nvmlClocksThrottleReasonSwPowerCap,
        pynvml.nvmlClocksThrottleReasonHwSlowdown,
        pynvml.nvmlClocksThrottleReasonSwThermalSlowdown,
        pynvml.nvmlClocksThrottleReasonHwThermalSlowdown,
        pynvml.nvmlClocksThrottleReasonHwPowerBrakeSlowdown,
    ]
    assert [bit for bit, _ in HELD] == bits
    with gpus() as found:
        assert found is None or len(found) > 0
