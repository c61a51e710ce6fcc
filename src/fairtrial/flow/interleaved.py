"""Which runs were made side by side: the action log says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairtrial.contract.journal import Ledger


def interleavings(ledger: Ledger) -> dict[tuple[int, int], Mapping[str, Any]]:
    """Return the pairs of runs that were interleaved, each with the detail of its entry in the action log."""
    details = (action["detail"] for action in ledger.actions() if action["detail"].get("interleaved"))
    return {(int(item["interleaved"][0]), int(item["interleaved"][1])): item for item in details}


def interleaved(ledger: Ledger, run: int) -> bool:
    """Say whether a run was made side by side with another one."""
    return any(run in pair for pair in interleavings(ledger))
