"""Which verdict lets a winner be promoted."""

from __future__ import annotations

from typing import Any

import pytest

from fairtrial.errors import GateFailed, Inconclusive, NothingMeasured
from fairtrial.promote.permit import Permit, decide, recorded


def action(number: int, verb: str, verdict: str, *, at: float = 10.0, **detail: Any) -> dict[str, Any]:
    """A verdict about run 7."""
    about = {"of": 7} if verb == "confirm" else {"current": 7, "baseline": 3}
    return {"id": number, "verb": verb, "at": at, "run": 7, "detail": {**about, "verdict": verdict, **detail}}


OPTIMUM = Permit("supported", "optimum", "x = 1 is best.")
DOUBT = Permit("inconclusive", "optimum", "Two conditions cannot be told apart.")


@pytest.mark.parametrize(
    ("actions", "computed", "verdict", "by"),
    [
        ([("gate", "PASS")], [DOUBT], "PASS", "gate"),
        ([("compare", "PASS")], [DOUBT], "PASS", "compare"),
        ([("confirm", "supported")], [DOUBT], "supported", "confirm"),
        ([("gate", "FAIL")], [OPTIMUM], "FAIL", "gate"),
        ([("gate", "INVALID")], [OPTIMUM], "INVALID", "gate"),
        ([("confirm", "not supported")], [OPTIMUM], "not supported", "confirm"),
        ([("gate", "FAIL"), ("gate", "PASS")], [DOUBT], "PASS", "gate"),
        ([("gate", "PASS"), ("gate", "FAIL")], [OPTIMUM], "FAIL", "gate"),
        ([("gate", "FAIL"), ("confirm", "supported")], [DOUBT], "supported", "confirm"),
        ([("confirm", "supported"), ("gate", "FAIL")], [OPTIMUM], "FAIL", "gate"),
        ([("gate", "INCONCLUSIVE")], [OPTIMUM], "supported", "optimum"),
        ([("confirm", "inconclusive")], [OPTIMUM], "inconclusive", "confirm"),
        ([("gate", "PASS"), ("confirm", "inconclusive")], [OPTIMUM], "inconclusive", "confirm"),
        ([("confirm", "inconclusive"), ("gate", "PASS")], [DOUBT], "PASS", "gate"),
        ([("gate", "INCONCLUSIVE")], [DOUBT], "INCONCLUSIVE", "gate"),
        ([], [DOUBT, Permit("supported", "claims")], "supported", "claims"),
        ([], [DOUBT, Permit("not supported", "claims")], "not supported", "claims"),
        ([], [DOUBT], "inconclusive", "optimum"),
        ([], [], "inconclusive", ""),
    ],
)
def test_decide(actions: list[tuple[str, str]], computed: list[Permit], verdict: str, by: str) -> None:
    """A recorded no counts above the run's own findings, until a newer yes; a doubt counts where nothing says more."""
    said = recorded([action(n, *words) for n, words in enumerate(actions, 1)], 7, updated=5.0)
    found = decide(said, computed)
    assert (found.verdict, found.by) == (verdict, by)


def test_a_verdict_about_another_run_or_without_one_counts_for_nothing() -> None:
    """Being the baseline of a gate is no verdict about a run, nor is a failed attempt to judge it."""
    other = {"id": 1, "verb": "gate", "at": 9.0, "run": 8, "detail": {"current": 8, "baseline": 7, "verdict": "PASS"}}
    failed = {"id": 2, "verb": "failed", "at": 9.0, "run": 7, "detail": {"verb": "gate", "of": 7, "error": "no"}}
    session = {"id": 3, "verb": "confirm", "at": 9.0, "run": 9, "detail": {"study": "x.confirm"}}
    assert recorded([other, failed, session], 7, updated=0.0) == []


def test_a_gate_that_measured_again_judges_what_it_was_asked_about() -> None:
    """`gate 7 --confirm` measures run 7 and its baseline again as runs 9 and 8: its FAIL is one of run 7, not of 3."""
    doubt = action(1, "gate", "INCONCLUSIVE")
    again = action(2, "gate", "FAIL") | {
        "run": 9,
        "detail": {"current": 9, "baseline": 8, "of": [3, 7], "verdict": "FAIL"},
    }
    assert decide(recorded([doubt, again], 7, updated=5.0), [OPTIMUM]).verdict == "FAIL"
    assert recorded([again], 3, updated=5.0) == []


def test_a_verdict_from_before_the_last_change_is_no_yes() -> None:
    """A run that was amended after its gate has other numbers; a no stays a no."""
    early = recorded([action(1, "gate", "PASS", at=4.0)], 7, updated=5.0)
    assert (early[0].verdict, early[0].passing) == ("INCONCLUSIVE", False)
    assert recorded([action(1, "gate", "FAIL", at=4.0)], 7, updated=5.0)[0].verdict == "FAIL"
    doubt = recorded([action(1, "confirm", "inconclusive", at=4.0)], 7, updated=5.0)
    assert decide(doubt, [OPTIMUM]).by == "optimum"


@pytest.mark.parametrize(
    ("verdict", "error", "code"),
    [
        ("FAIL", GateFailed, 4),
        ("not supported", GateFailed, 4),
        ("INCONCLUSIVE", Inconclusive, 5),
        ("inconclusive", Inconclusive, 5),
        ("INVALID", NothingMeasured, 6),
    ],
)
def test_refusals_have_the_exit_code_of_the_verdict(verdict: str, error: type[Exception], code: int) -> None:
    """One line: what said so, and what would settle it."""
    refusal = Permit(verdict, "gate", "It is slower.", 12).refusal(7)
    assert type(refusal) is error
    assert refusal.exit_code == code
    assert str(refusal).startswith(
        f"run 7 is not promoted: gate (entry 12) says {verdict}: It is slower (fairtrial gate"
    )
