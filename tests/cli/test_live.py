"""The progress line: never wider than the terminal, and readable."""

from __future__ import annotations

import pytest

from fairtrial.cli.live import drawn, line
from fairtrial.model.progress import Progress


def at(**changes: object) -> Progress:
    """Make a progress record in the middle of a run."""
    known: dict[str, object] = {
        "run": 1,
        "study": "s",
        "state": "running",
        "total": 96,
        "done": 48,
        "failed": 3,
        "running": 2,
        "reused": 0,
        "jobs": 2,
        "rate_per_s": 0.5,
        "eta_s": 200.0,
        "eta_low_s": 170.0,
        "eta_high_s": 230.0,
    }
    return Progress(**{**known, **changes})  # type: ignore[arg-type]


def test_the_line_says_counts_rate_and_time_left_with_its_range() -> None:
    """Done, failed, running, rate, ETA and half its 90 % range."""
    assert line(at()) == "51/96 · 48 done · 3 failed · 2 running · 0.5/s · 3 min 20 s ± 30 s left"


@pytest.mark.parametrize("width", [20, 40, 79, 120, 200])
def test_the_line_is_never_wider_than_the_terminal(width: int) -> None:
    """A long label is left out rather than wrapped."""
    assert len(drawn(at(label="lr=0.1 replicate 0: exception: " + "x" * 300), width)) <= width


def test_the_bar_takes_the_room_that_is_left() -> None:
    """None on a narrow terminal; half of it is full in the middle."""
    assert "━" not in drawn(at(), 75)
    wide = drawn(at(done=48, failed=0), 119)
    assert wide.count("━") == wide.count("╌") == 12


def test_a_short_label_is_shown_where_it_fits() -> None:
    """Such as what the run waits for."""
    assert drawn(at(label="waits for GPUs"), 119).endswith("· waits for GPUs")


def test_fast_rates_are_whole_numbers_and_no_time_is_left_at_the_end() -> None:
    """No scientific notation, no ETA of 0."""
    said = line(at(done=96, failed=0, running=0, rate_per_s=2916.4, eta_s=0.0))
    assert said == "96/96 · 96 done · 0 failed · 0 running · 2916/s"
    assert line(at(done=96, failed=0, running=0, rate_per_s=None, eta_s=None, state="finished")).endswith(
        "0 failed · finished"
    )
