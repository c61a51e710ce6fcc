"""Self-test of text: answers of one trial resemble each other, and mentions change with a level or do not."""

from __future__ import annotations

from functools import partial
from typing import Any

from fairtrial.analyse.text import mentions
from fairtrial.flow.selftest.cell import Cell
from fairtrial.model.finding import Verdict
from fairtrial.model.outcome import Status
from fairtrial.model.run import TrialRow

ANSWERS = 10
"""Answers a trial."""


def trial(number: int, level: float, replicate: int) -> TrialRow:
    """Make a trial that is done."""
    return TrialRow(
        run=1,
        number=number,
        digest=number.to_bytes(16, "big"),
        variant="",
        assignment={"dose": level},
        replicate=replicate,
        seed=replicate,
        status=Status.DONE,
        attempt=1,
    )


def _changes(rng: Any, *, rates: tuple[float, ...], replicates: int, alike: float) -> bool:
    """Ask for a change where a trial's own rate scatters around its level's, so that its answers are alike."""
    answers: list[tuple[TrialRow, list[str]]] = []
    for replicate in range(replicates):
        for level, rate in enumerate(rates):
            own = rng.beta(rate * (1 / alike - 1), (1 - rate) * (1 / alike - 1)) if alike else rate
            texts = ["I trust it." if said else "I do not know." for said in rng.random(ANSWERS) < own]
            answers.append((trial(len(answers) + 1, level, replicate), texts))
    return mentions(answers, keyword="trust", factor="dose").verdict is Verdict.SUPPORTED


def _cell(world: str, rate: float, *, planted: bool, rates: tuple[float, ...], replicates: int, alike: float) -> Cell:
    size = f"{len(rates)} levels x {replicates} replicates x {ANSWERS} answers"
    fires = partial(_changes, rates=rates, replicates=replicates, alike=alike)
    return Cell("text", f"{world}, answers of a trial correlate by {alike:g}", size, planted, rate, fires)


CELLS: tuple[Cell, ...] = (
    _cell("no change", 0.05, planted=False, rates=(0.3, 0.3, 0.3, 0.3), replicates=5, alike=0.0),
    _cell("no change", 0.05, planted=False, rates=(0.3, 0.3, 0.3, 0.3), replicates=5, alike=0.5),
    _cell("no change", 0.05, planted=False, rates=(0.05, 0.05), replicates=8, alike=0.2),
    _cell("from 20 % to 60 %", 0.9, planted=True, rates=(0.2, 0.3, 0.5, 0.6), replicates=10, alike=0.1),
)
