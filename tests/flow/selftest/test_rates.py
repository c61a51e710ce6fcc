"""Every promise of every detector holds: false alarms at most as often as said, power at least."""

import pytest

from fairtrial.flow.selftest.run import cells, selftest

QUICK = list(dict.fromkeys(cell.detector for _, _, cell in cells() if not cell.slow))
SLOW = list(dict.fromkeys(cell.detector for _, _, cell in cells() if cell.slow))


HEAVY = (
    "effects", "cautions", "optimum", "claims", "race", "gate", "threshold", "step denied", "crossover", "until",
    "operating range", "scaling", "step, not trend", "knee", "history", "place of a knee",
)  # fmt: skip
"""Detectors whose quick cells take longest: a twentieth of their repeats every time; of others a quarter."""


def broken(detector: str, *, slow: bool, share: float = 1.0) -> list[str]:
    """Measure a detector's cells, and list those whose promise lies outside the interval of what was seen."""
    rates = selftest(only=[detector], slow=slow, jobs=1, share=share)
    assert rates
    return [f"{rate.world}, {rate.size}: {rate.fired}/{rate.repeats}" for rate in rates if not rate.holds]


@pytest.mark.long
@pytest.mark.parametrize("detector", QUICK)
def test_promise(detector):
    """1,000 null and 400 planted repeats a cell."""
    assert not broken(detector, slow=False)


@pytest.mark.parametrize("detector", QUICK)
def test_promise_at_a_glance(detector):
    """50 to 250 null and 20 to 100 planted repeats a cell: a promise that is broken by much shows."""
    assert not broken(detector, slow=False, share=0.05 if detector in HEAVY else 0.25)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("detector", SLOW)
def test_promise_of_slow_cells(detector):
    """The same, for cells that take longer."""
    assert not broken(detector, slow=True)
