"""Measurements that must not be believed: taken again, else their conditions are INVALID, as is what rests on them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Type = Callable[..., tuple[int, str, str]]

MODULE = """
import os
from pathlib import Path
from fairtrial.errors import Invalid

def measure(x: float, *, seed: int) -> dict[str, float]:
    once = Path(os.environ["CALLS"]).with_name(f"late-{seed}")
    if x == 5 and not once.exists():
        once.touch()
        raise Invalid("the generator was starved once")
    if x > float(os.environ.get("LIMIT", "2")):
        raise Invalid(f"lateness p99 {x:g} ms is above 1 ms")
    return {"time_s": 1 + x + seed % 97 / 1000}
"""


@pytest.fixture
def late(here: Path) -> Callable[..., Path]:
    """Write a study of a system that is late above a limit (and once, at 5)."""
    (here / "late.py").write_text(MODULE)

    def write(**words: Any) -> Path:
        head = {"study": "late", "system": {"python": "late:measure"}, "factors": {"x": [1, 2, 3, 4]}}
        study = {**head, "replicates": 3, "metrics": {"time_s": "minimize"}, **words}
        (here / "study.yaml").write_text(json.dumps(study))
        return here / "study.yaml"

    return write


def test_an_invalid_measurement_is_taken_again_once(late: Callable[..., Path], fairtrial: Type, data: Any) -> None:
    """By default each has one more attempt; then it is settled as failed, with its class and its words."""
    late()
    code, _, err = fairtrial("run", "study.yaml", "-q")
    assert code == 3
    shown = data("show", "1.7")
    assert [attempt["failure"]["kind"] for attempt in shown["attempts"]] == ["invalid"] * 2
    assert shown["trial"]["failure"]["message"] == "lateness p99 3 ms is above 1 ms"
    assert "invalid: lateness p99" in err
    why = fairtrial("why", "1.7")[1]
    assert "failed with invalid: lateness p99 3 ms is above 1 ms" in why


def test_a_report_names_the_conditions_and_what_was_taken_again(
    late: Callable[..., Path], fairtrial: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line for each condition with the reason; what a second attempt mended stays visible as a count."""
    late(factors={"x": [1, 4, 5]}, limits={"retries": {"invalid": 1}})
    monkeypatch.setenv("LIMIT", "6")
    assert fairtrial("run", "study.yaml", "-q")[0] == 0
    report = fairtrial("report", "1")[1]
    assert "3 measurements were INVALID and taken again." in report
    assert "## Invalid measurements" not in report
    monkeypatch.setenv("LIMIT", "2")
    fairtrial("run", "study.yaml", "-q", "--fresh")
    report = fairtrial("report", "2")[1]
    section = report.partition("## Invalid measurements")[2].partition("\n## ")[0]
    assert "x = 4: 3 of 3 trials INVALID: lateness p99 4 ms is above 1 ms" in section
    assert "x = 5: 3 of 3 trials INVALID: lateness p99 5 ms is above 1 ms" in section
    assert "x = 1:" not in section


def test_a_run_of_nothing_but_invalid_measurements_measured_nothing(
    late: Callable[..., Path], fairtrial: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 6, at once and when it is asked for again; one trial of another kind of failure makes it 3."""
    late(factors={"x": [3, 4]})
    for words in ((), ()):
        code, out, _ = fairtrial("run", "study.yaml", "-q", *words)
        assert code == 6
        assert "6 failed (6 invalid)" in out
    monkeypatch.setenv("LIMIT", "word")
    late(factors={"x": [3, 6]})
    assert fairtrial("run", "study.yaml", "-q")[0] == 3


@pytest.mark.parametrize("lost", ["current", "both"])
def test_a_comparison_of_invalid_conditions_is_invalid(
    late: Callable[..., Path], fairtrial: Type, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    """With the reason, whether one run or both have nothing to compare: exit 6, and never a verdict on the rest."""
    late(gate={"time_s": {"worse_by": "5%"}})
    monkeypatch.setenv("LIMIT", "2" if lost == "both" else "9")
    fairtrial("run", "study.yaml", "-q")
    monkeypatch.setenv("LIMIT", "2")
    fairtrial("run", "study.yaml", "-q", "--fresh")
    for words in (("compare", "1", "2"), ("gate", "2", "--against", "1")):
        code, out, _ = fairtrial(*words)
        assert code == 6
        assert "The runs cannot be judged" in out
        assert "lateness p99 3 ms is above 1 ms" in out
