"""Strategies that learn, killed at once in the middle: the same command ends with the table of an undisturbed run."""

from __future__ import annotations

import json
import shutil
import signal
import time

import pytest

SUBJECT = """
    import random
    import time

    def f(x: float, y: int = 1, *, seed: int):
        with open("calls.txt", "a") as calls:
            calls.write(f"{x}\\n")
        time.sleep(0.03)
        return {"y": -((x - 2.0) ** 2) + y / 10 + random.Random(seed).gauss(0, 0.1)}
"""
STUDIES = {
    "until": {"replicates": {"min": 2, "max": 12, "until": {"metric": "y", "half_width": 0.1}}},
    "race": {"design": {"kind": "race", "min": 2}, "factors": {"x": [1.9, 2.0, 5.0, 9.0]}, "replicates": 8},
    "tpe": {
        "design": {"kind": "optuna", "n": 24, "batch": 3, "startup": 6},
        "factors": {"x": {"interval": [0, 5]}, "y": {"integers": [1, 9]}},
    },
    "cmaes": {
        "design": {"kind": "optuna", "sampler": "cmaes", "n": 24, "batch": 4},
        "factors": {"x": {"interval": [0, 5]}, "y": {"integers": [1, 9]}},
    },
}

QUICK = ("until", "tpe")


def table(shop) -> list[str]:
    """Return what counts of the newest run's trials, in an order of its own."""
    rows = shop.data("show", "--limit", "500")["trials"]
    kept = ("assignment", "replicate", "seed", "status", "metrics")
    return sorted(json.dumps([row[key] for key in kept]) for row in rows if not row["retired"])


def calls(shop) -> int:
    """Count the calls of the subject so far."""
    path = shop.folder / "calls.txt"
    return len(path.read_text().split()) if path.exists() else 0


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.long) for name in STUDIES]
)
def test_killed_twice_and_taken_up_again(shop, name):
    """After kill -9 of the driver, early and late, the strategy asks as if nothing had happened."""
    shop.write(SUBJECT, **STUDIES[name])
    shop.type("run", "study.yaml")
    undisturbed, made = table(shop), calls(shop)
    assert made > 10
    shutil.rmtree(shop.folder / ".fairtrial")
    (shop.folder / "calls.txt").unlink()
    for share in (0.3, 0.6):
        driver = shop.start("run", "study.yaml")
        end = time.monotonic() + 60
        while calls(shop) < share * made and driver.poll() is None:
            assert time.monotonic() < end, "the study does not go on"
            time.sleep(0.005)
        driver.send_signal(signal.SIGKILL)
        driver.communicate()
    shop.type("run", "study.yaml")
    assert table(shop) == undisturbed
    assert calls(shop) <= made + 2 * 2 * 2  # what was in flight at each kill, of two jobs with one queued ahead
