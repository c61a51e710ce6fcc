"""The claims of `expect:` as a section: a verdict each."""

from __future__ import annotations

from collections.abc import Sequence

from fairtrial.model.choice import ClaimFinding
from fairtrial.model.figure import Grid, Section
from fairtrial.report.words import ends, method, sentence

COLUMNS = ("claim", "verdict", "estimate", "low", "high", "p", "p adj.", "detects", "replicates")


def claims(found: Sequence[ClaimFinding]) -> Section:
    """List each claim with its verdict, its estimate and what would settle it; the answers as sentences above."""
    rows = tuple(_row(claim) for claim in found)
    said = [sentence(f"{claim.claim}: {claim.answer}") for claim in found if claim.answer]
    intervals = method(*(claim.interval for claim in found))
    if intervals:
        said.append(f"Low and high: {intervals}.")
    if any(claim.p_adjusted is not None for claim in found):
        said.append("Adjusted p values: Holm over the claims of the study.")
    if any(claim.needed.smallest_effect is not None for claim in found):
        said.append(
            "Detects: the smallest effect that the design detects with power 0.8; replicates: how many a condition "
            "would settle the claim."
        )
    return Section("Claims", tuple(said), (Grid(COLUMNS, rows),))


def _row(claim: ClaimFinding) -> tuple[str | float | int | None, ...]:
    needed = claim.needed
    numbers = (claim.estimate, *ends(claim.interval), claim.p, claim.p_adjusted)
    return (claim.claim, claim.verdict.value, *numbers, needed.smallest_effect, needed.replicates)
