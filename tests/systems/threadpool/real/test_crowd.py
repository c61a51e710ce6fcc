"""Who else used the processors, and what a real pool's numbers must keep."""

from __future__ import annotations

import os
import subprocess
import sys

from fairtrial.systems.threadpool.real.crowd import Crowd, faults
from fairtrial.systems.threadpool.words import Validity


def test_work_of_other_processes_is_seen() -> None:
    """A process that burns a second of CPU counts by it."""
    spin = "import time\nwhile time.process_time() < 1: pass"
    crowd = Crowd()
    subprocess.run([sys.executable, "-c", spin], check=True)
    others = crowd.others_share()
    assert others * (os.cpu_count() or 1) > 0.1
    limits = Validity(others=0.01)
    (said,) = faults(lateness_p99_s=0.0, p50_s=0.01, others_share=others, limits=limits)
    assert "other processes used" in said


def test_lateness_is_judged_by_the_median_latency() -> None:
    """1 ms, or 5 % of the median latency where that is more."""
    limits = Validity()
    assert not list(faults(lateness_p99_s=0.004, p50_s=0.1, others_share=0, limits=limits))
    (said,) = faults(lateness_p99_s=0.004, p50_s=0.01, others_share=0, limits=limits)
    assert "4 ms late at p99 (limit 1 ms)" in said
    assert list(faults(lateness_p99_s=0.004, p50_s=None, others_share=0, limits=limits))
