"""Cautions as a section: what was seen, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from fairtrial.model.figure import Grid, Section
from fairtrial.model.finding import Caution


def cautions(found: Sequence[Caution]) -> Section:
    """List reasons to doubt the conclusions, each once, with advice."""
    rows = dict.fromkeys((caution.kind.value, caution.text, caution.advice) for caution in found)
    if not rows:
        return Section("Cautions", ("Nothing was found that speaks against the conclusions.",))
    return Section("Cautions", tables=(Grid(("caution", "what was seen", "what to do"), tuple(rows)),))
